#include "tests/support/shows.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace andiron {
namespace {

// The file of a test; "" = nothing is recorded.
std::string PathOf(std::string_view full_name) {
  const char* const directory = std::getenv("ANDIRON_SHOWN_DIR");
  if (directory == nullptr) return "";
  std::string path = std::string(directory) + "/";
  for (const char c : full_name) {
    path += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' ? c : '_';
  }
  return path;
}

// Appears as a whole or not at all.
void Write(std::string_view full_name, const std::string& text) {
  const std::string path = PathOf(full_name);
  if (path.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string unfinished = path + "." + std::to_string(getpid()) + "~";
  std::ofstream(unfinished) << text;
  if (std::rename(unfinished.c_str(), path.c_str()) != 0) ADD_FAILURE() << "can't write " << path;
}

void Remove(std::string_view full_name) {
  const std::string path = PathOf(full_name);
  if (!path.empty()) std::remove(path.c_str());
}

std::string FullName(const testing::TestInfo& test) { return std::string(test.test_suite_name()) + "." + test.name(); }

// As it stands in the source: without what a parameter adds before and behind.
std::string NameInSource(const testing::TestInfo& test) {
  std::string suite = test.test_suite_name();
  std::string name = test.name();
  if (test.value_param() != nullptr) {
    suite.erase(0, suite.find('/') + 1);
    name.erase(name.find('/'));
  }
  return suite + "." + name;
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string SkippedRecord(const std::string& row, const testing::TestInfo& test) {
  const testing::TestResult& result = *test.result();
  return "skipped\t" + row + "\t" + NameInSource(test) + "\t" +
         FirstLine(result.GetTestPartResult(result.total_part_count() - 1).message()) + "\n";
}

class Recorder final : public testing::EmptyTestEventListener {
 public:
  void Note(std::string_view row) { rows_.emplace_back(row); }

  void OnTestEnd(const testing::TestInfo& test) override {
    const testing::TestResult& result = *test.result();
    std::string text;
    for (const std::string& row : rows_) {
      if (result.Passed()) text += "passed\t" + row + "\t" + NameInSource(test) + "\n";
      if (result.Skipped()) text += SkippedRecord(row, test);
    }
    // Its rows, if it has any, are unsaid.
    if (rows_.empty() && result.Skipped()) text = SkippedRecord("-", test);
    if (!text.empty()) Write(FullName(test), text);
    rows_.clear();
  }

 private:
  std::vector<std::string> rows_;
};

Recorder& TheRecorder() {
  static Recorder* const recorder = [] {
    auto* const made = new Recorder;
    testing::UnitTest::GetInstance()->listeners().Append(made);  // which owns it from now on
    return made;
  }();
  return *recorder;
}

// It listens before the first test says something: a fixture may skip that one.
[[maybe_unused]] const Recorder& kListens = TheRecorder();

}  // namespace

void NoteShown(std::initializer_list<std::string_view> rows) {
  Remove(FullName(*testing::UnitTest::GetInstance()->current_test_info()));
  for (const std::string_view row : rows) TheRecorder().Note(row);
}

void RecordShown(std::string_view test, std::string_view rows, bool passed) {
  Remove(test);
  std::istringstream list{std::string(rows)};
  std::string text;
  for (std::string row; list >> row;) text += "passed\t" + row + "\t" + std::string(test) + "\n";
  if (passed && !text.empty()) Write(test, text);
}

}  // namespace andiron
