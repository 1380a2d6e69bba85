// The command line of a verb that holds a worker's settings: andiron start, run, config.
//
// CLI11 can't know the names of pools, nor tell FILE... from the child's command, so a line is split first:
//
//     andiron::CommandLine line = andiron::SplitCommandLine(argc, argv);  // takes --pool.NAME.KEY and what follows
//     "--" CLI::App app; CLI::App* start = app.add_subcommand("start", ...); andiron::SettingsFlags flags(*start); //
//     --config, --warm, --env K=V, --log_level ... try { line.Parse(app); } catch (const CLI::ParseError& error) {
//     return andiron::ReportParseError(app, error, ...); } andiron::ConfigResult result =
//     andiron::Load(flags.Sources(line)); if (!result.ok()) { std::cerr << ErrorText(result); return ExitCode(result);
//     }
//
// A flag's name may be written with dashes: --init-timeout is --init_timeout. The last of two equal flags wins.
#ifndef ANDIRON_TOOLS_ANDIRON_FLAGS_H_
#define ANDIRON_TOOLS_ANDIRON_FLAGS_H_

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "worker/config/config.h"

namespace CLI {
class App;
class Option;
class ParseError;
}  // namespace CLI

namespace andiron {

struct CommandLine {
  std::vector<std::string> arguments;  // for CLI11, in order, without the program's name
  std::vector<Assignment> pool_flags;  // --pool.NAME.KEY VALUE
  std::vector<std::string> command;    // what follows "--"
  bool has_command = false;            // there was a "--"
  std::string error;                   // "" or what is wrong with a --pool flag; Parse throws it

  // Has `app` parse the arguments. Throws CLI::ParseError, as CLI11 does; also of a flag of a pool at a verb that has
  // no SettingsFlags.
  void Parse(CLI::App& app) const;
};

CommandLine SplitCommandLine(int argc, const char* const* argv);

// The flags for every setting of a worker and of its only pool, added to one verb. Must live until the settings are
// loaded; neither copies nor moves, because the verb refers to it.
class SettingsFlags {
 public:
  explicit SettingsFlags(CLI::App& verb);
  SettingsFlags(const SettingsFlags&) = delete;
  SettingsFlags& operator=(const SettingsFlags&) = delete;

  // After the parse: file, environment and CPUs of this process, flags and command. The caller may add verb_defaults.
  ConfigSources Sources(const CommandLine& line) const;

  const std::string& config_file() const { return config_file_; }

 private:
  void Add(CLI::App& verb, const SettingDescription& setting, const char* group);

  std::string config_file_;
  std::vector<Assignment> flags_;
};

// A positional of several words, at most `most` (0 = any number), each taken as it is: CLI11 itself reads "[a,b]" as a
// list of two.
CLI::Option* AddWords(CLI::App& verb, const std::string& name, std::size_t most, std::vector<std::string>& words,
                      const std::string& help);

// Prints what CLI11 found wrong, with the nearest right name, to `err`: 64. Or the help that was asked for to `out`: 0.
int ReportParseError(const CLI::App& app, const CLI::ParseError& error, std::ostream& out, std::ostream& err);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_FLAGS_H_
