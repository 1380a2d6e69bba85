// The files of tests/scenarios say what the core answers; `andiron-simulate --scenario FILE --rewrite` updates one.
#include "tests/sim/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/shows.h"

namespace andiron::sim {
namespace {

std::vector<std::filesystem::path> Scenarios() {
  const char* root = std::getenv("ANDIRON_SOURCE_DIR");
  std::vector<std::filesystem::path> paths;
  if (root == nullptr) return paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(root) + "/tests/scenarios")) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// The rows of docs/faults.md that a script says it shows: "# shows: A6 R01".
std::string RowsOf(const std::string& script) {
  constexpr std::string_view kMark = "# shows:";
  std::string rows;
  std::istringstream lines(script);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kMark)) rows += line.substr(kMark.size());
  }
  return rows;
}

TEST(Scenario, FilesGetTheAnswersThatTheySay) {
  const std::vector<std::filesystem::path> paths = Scenarios();
  EXPECT_GE(paths.size(), 15U);
  for (const std::filesystem::path& path : paths) {
    std::ifstream in(path);
    const std::string script((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const std::string answered = RunScenario(script);
    const bool watched_in_peace = answered.find("\n!") == std::string::npos;
    EXPECT_EQ(answered, script) << path;
    EXPECT_TRUE(watched_in_peace) << path;
    RecordShown("scenarios/" + path.stem().string(), RowsOf(script), answered == script && watched_in_peace);
  }
}

TEST(Scenario, AScriptThatCannotBeUnderstoodSaysWhere) {
  EXPECT_EQ(RunScenario("pool p warm=1 max_children=1\nturn 0\ndance\n"),
            "pool p warm=1 max_children=1\nturn 0\ndance\n! line 3: unknown word 'dance'\n");
  EXPECT_EQ(RunScenario("pool p wram=1\n"), "pool p wram=1\n! line 1: unknown setting 'wram'\n");
}

TEST(Scenario, WrongAnswersAreWrittenAnew) {
  const std::string right = "pool p warm=1 max_children=1\nturn 0\n> start p/0.1\n";
  EXPECT_EQ(RunScenario("pool p warm=1 max_children=1\nturn 0\n> start p/7.9\n"), right);
  EXPECT_EQ(RunScenario(right), right);
}

}  // namespace
}  // namespace andiron::sim
