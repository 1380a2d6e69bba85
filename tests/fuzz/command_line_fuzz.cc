// What is given on the command line and in the environment: whatever the words are, they end as settings or as errors,
// each of which names the flag or variable. Settings are free of contradictions, and load again as they are shown.
//
// Input: the words of a command line, one a line; a line ANDIRON_...=... is a variable.
#include <algorithm>
#include <vector>

#include "ipc/text.h"
#include "jobs/settings_rules.h"
#include "tests/fuzz/target.h"
#include "tools/andiron/flags.h"
#include "worker/config/draft.h"
#include "worker/config/file_reader.h"
#include "worker/config/quantities.h"

namespace andiron::fuzz {
namespace {

struct Words {
  std::vector<std::string> arguments;
  std::vector<std::string> variables;
};

// Lines as the system hands them over: without zero bytes.
Words WordsOf(std::string_view text) {
  Words words;
  while (!text.empty()) {
    std::string word(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    std::erase(word, '\0');
    (word.starts_with("ANDIRON_") ? words.variables : words.arguments).push_back(std::move(word));
  }
  return words;
}

// --KEY=VALUE as CLI11 hands it to SettingsFlags.
void AddFlags(const CommandLine& line, std::vector<Assignment>& flags) {
  for (const std::string& argument : line.arguments) {
    const std::size_t equals = argument.find('=');
    if (!argument.starts_with("--") || equals == std::string::npos) continue;
    flags.push_back({"", argument.substr(2, equals - 2), argument.substr(equals + 1), argument.substr(0, equals)});
  }
}

void Judge(const ConfigResult& result, bool is_text) {
  Require(result.errors.size() <= kErrorsMax + 1, "no more errors than one reads");
  for (const ConfigError& error : result.errors) {
    Require(!error.text.empty(), "an error says what is wrong");
    Require(error.origin.kind != Origin::Kind::kFile, "an error isn't in a file where there is none");
  }
  if (!result.ok()) return;
  Require(Contradictions(result.config.settings).empty(), "no contradictions");
  // A word may be any bytes, as a file's name may; YAML can hold UTF-8 only.
  if (!is_text) return;
  Draft draft;
  const std::string shown = ConfigYaml(result.config);
  ReadConfigText("c.yaml", shown, {}, draft);
  const ConfigResult again = draft.Finish(2);
  Require(again.ok(), "what is shown loads: " + ErrorText(again) + shown);
  Require(Differences(result.config.settings, again.config.settings).empty(), "what is shown says the same");
}

// A quantity that is read is written as one that reads the same.
void JudgeQuantity(std::string_view text) {
  if (const auto duration = ParseDuration(text))
    Require(ParseDuration(FormatDuration(*duration)) == duration, "a duration comes back");
  if (const auto size = ParseSize(text)) Require(ParseSize(FormatSize(*size)) == size, "a size comes back");
}

void RunOne(std::string_view text) {
  const Words words = WordsOf(text);
  std::vector<const char*> argv = {"andiron"};
  for (const std::string& word : words.arguments) {
    argv.push_back(word.c_str());
    JudgeQuantity(word);
  }
  const CommandLine line = SplitCommandLine(static_cast<int>(argv.size()), argv.data());
  if (!line.error.empty()) return;
  ConfigSources sources;
  sources.flags = line.pool_flags;
  AddFlags(line, sources.flags);
  sources.command = line.command;
  sources.environment = words.variables;
  sources.cpus = 2;
  Judge(Load(sources), IsUtf8(text));
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  andiron::fuzz::RunOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
