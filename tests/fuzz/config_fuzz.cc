// A configuration file: whatever it holds, reading it ends with settings or with errors. Each error stands at a place
// of the file; settings are free of contradictions, and what `config show` prints of them loads to the same.
//
// Input: the file.
#include <algorithm>

#include "jobs/settings_rules.h"
#include "tests/fuzz/target.h"
#include "worker/config/draft.h"
#include "worker/config/file_reader.h"

namespace andiron::fuzz {
namespace {

constexpr const char* kFile = "c.yaml";

ConfigResult Read(std::string_view text) {
  Draft draft;
  ReadConfigText(kFile, text, {{"HOME", "/root"}, {"EMPTY", ""}}, draft);
  return draft.Finish(2);
}

void JudgeError(const ConfigError& error, int lines) {
  Require(!error.text.empty(), "an error says what is wrong");
  // What is missing altogether, and that there are more errors than are told, stand nowhere.
  if (error.origin.kind == Origin::Kind::kDefault) return;
  Require(error.origin.kind == Origin::Kind::kFile && error.origin.name == kFile, "an error names the file");
  Require(error.origin.line >= 1 && error.origin.line <= lines, "an error stands on a line of the file");
  Require(error.origin.column >= 1, "an error stands in a column");
}

void RunOne(std::string_view text) {
  const ConfigResult result = Read(text);
  Require(result.errors.size() <= kErrorsMax + 1, "no more errors than one reads");
  const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const ConfigError& error : result.errors) JudgeError(error, lines);
  if (!result.ok()) return;
  Require(Contradictions(result.config.settings).empty(), "no contradictions");
  const std::string shown = ConfigYaml(result.config);
  const ConfigResult again = Read(shown);
  Require(again.ok(), "what is shown loads: " + ErrorText(again) + shown);
  Require(Differences(result.config.settings, again.config.settings).empty(), "what is shown says the same");
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  andiron::fuzz::RunOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
