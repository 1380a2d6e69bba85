#include "tools/andiron/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <utility>

#include "worker/driver/cpus.h"

namespace andiron {
namespace {

constexpr std::string_view kPoolFlag = "--pool.";
constexpr const char* kConfigFlag = "--config";  // every verb with settings has it

// --init-timeout=5s as --init_timeout=5s, if that is a setting.
std::string WithUnderscores(const std::string& argument, const std::vector<std::string>& keys) {
  if (!argument.starts_with("--")) return argument;
  const std::size_t end = std::min(argument.find('='), argument.size());
  std::string name = argument.substr(2, end - 2);
  std::replace(name.begin(), name.end(), '-', '_');
  if (std::find(keys.begin(), keys.end(), name) == keys.end()) return argument;
  return "--" + name + argument.substr(end);
}

// Reads --pool.NAME.KEY=VALUE or --pool.NAME.KEY VALUE at `at`, moves it on to the last argument that was used.
void TakePoolFlag(const std::vector<std::string>& arguments, std::size_t& at, CommandLine& line) {
  const std::string& argument = arguments[at];
  const std::size_t equals = argument.find('=');
  Assignment flag;
  flag.name = argument.substr(0, equals);
  const std::size_t dot = flag.name.find('.', kPoolFlag.size());
  if (dot == std::string::npos || dot == kPoolFlag.size() || dot + 1 == flag.name.size()) {
    line.error = flag.name + ": expected --pool.NAME.KEY";
    return;
  }
  flag.pool = flag.name.substr(kPoolFlag.size(), dot - kPoolFlag.size());
  flag.key = flag.name.substr(dot + 1);
  std::replace(flag.key.begin(), flag.key.end(), '-', '_');
  if (equals != std::string::npos) {
    flag.value = argument.substr(equals + 1);
  } else if (at + 1 < arguments.size() && !arguments[at + 1].starts_with("--")) {
    flag.value = arguments[++at];
  } else {
    line.error = flag.name + " needs a value";
    return;
  }
  line.pool_flags.push_back(std::move(flag));
}

const CLI::App& Chosen(const CLI::App& app) {
  const CLI::App* chosen = &app;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().back();
  return *chosen;
}

std::string FullName(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : FullName(*parent) + " " + app.get_name();
}

std::vector<std::string> FlagNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

// What an argument that nothing takes was probably meant to be.
std::string Unknown(const CLI::App& verb, const std::string& argument) {
  const bool flag = argument.starts_with("-");
  const std::string name = argument.substr(0, flag ? argument.find('=') : std::string::npos);
  const std::vector<std::string> verbs = VerbNames(verb);
  const std::string nearest = NearestName(name, flag ? FlagNames(verb) : verbs);
  const std::string what = flag ? "unknown flag" : verbs.empty() ? "unexpected argument" : "unknown verb";
  return what + " '" + name + "'" + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?");
}

std::string WhatIsWrong(const CLI::App& app, const CLI::App& verb, const CLI::ParseError& error) {
  const std::vector<std::string> rest = app.remaining(true);
  if (rest.empty() && error.get_name() == "ArgumentMismatch") {
    const std::string text = error.what();  // "--warm: 1 required N missing", "JOB: At Most 2 required but received 3"
    const std::string name = text.substr(0, text.find(':'));
    return text.find("At Most") == std::string::npos ? name + " needs a value" : "expected " + name + ", no more";
  }
  if (rest.empty() && error.get_name() == "RequiredError" && !VerbNames(verb).empty()) {
    return "expected a verb: " + CLI::detail::join(VerbNames(verb), ", ");
  }
  if (rest.empty()) return error.what();
  // A flag's value may be taken for an argument too many: the flag is what is wrong.
  const auto flag = std::find_if(rest.begin(), rest.end(), [](const std::string& one) { return one.starts_with("-"); });
  return Unknown(verb, flag == rest.end() ? rest.front() : *flag);
}

}  // namespace

void CommandLine::Parse(CLI::App& app) const {
  if (!error.empty()) throw CLI::ParseError(error, CLI::ExitCodes::InvalidError);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  app.parse(std::move(reversed));
  if (pool_flags.empty() || Chosen(app).get_option_no_throw(kConfigFlag) != nullptr) return;
  throw CLI::ParseError("unknown flag '" + pool_flags.front().name + "'", CLI::ExitCodes::ExtrasError);
}

CommandLine SplitCommandLine(int argc, const char* const* argv) {
  std::vector<std::string> keys;
  for (const SettingDescription& setting : DescribeWorkerSettings()) keys.push_back(setting.key);
  for (const SettingDescription& setting : DescribePoolSettings()) keys.push_back(setting.key);
  std::vector<std::string> all(argv + std::min(argc, 1), argv + argc);
  CommandLine line;
  const auto dashes = std::find(all.begin(), all.end(), "--");
  if (dashes != all.end()) {
    line.has_command = true;
    line.command.assign(dashes + 1, all.end());
    all.erase(dashes, all.end());
  }
  for (std::size_t at = 0; at < all.size() && line.error.empty(); ++at) {
    if (all[at].starts_with(kPoolFlag)) {
      TakePoolFlag(all, at, line);
    } else {
      line.arguments.push_back(WithUnderscores(all[at], keys));
    }
  }
  return line;
}

SettingsFlags::SettingsFlags(CLI::App& verb) {
  verb.add_option(kConfigFlag, config_file_, "YAML file with settings; flags win over it")->type_name("FILE");
  for (const SettingDescription& setting : DescribeWorkerSettings()) Add(verb, setting, "Worker");
  for (const SettingDescription& setting : DescribePoolSettings()) {
    Add(verb, setting, "Pool (of several: --pool.NAME.KEY VALUE)");
  }
}

void SettingsFlags::Add(CLI::App& verb, const SettingDescription& setting, const char* group) {
  const std::string name = "--" + setting.key;
  const auto keep = [this, key = setting.key, name](const std::string& value) {
    flags_.push_back({"", key, value, name});
  };
  CLI::Option* option = nullptr;
  if (setting.repeatable) {
    const auto keep_all = [keep](const std::vector<std::string>& values) {
      std::for_each(values.begin(), values.end(), keep);
    };
    option = verb.add_option_function<std::vector<std::string>>(name, keep_all, setting.help + " (repeatable)");
    option->allow_extra_args(false);
  } else {
    const std::string help = setting.help + (setting.default_value == "-" ? "" : " (" + setting.default_value + ")");
    option = verb.add_option_function<std::string>(name, keep, help);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  option->type_name(setting.form)->group(group);
}

ConfigSources SettingsFlags::Sources(const CommandLine& line) const {
  ConfigSources sources;
  sources.file = config_file_;
  sources.environment = Environment();
  sources.flags = flags_;
  sources.flags.insert(sources.flags.end(), line.pool_flags.begin(), line.pool_flags.end());
  sources.command = line.command;
  sources.cpus = ContainerCpus();
  return sources;
}

CLI::Option* AddWords(CLI::App& verb, const std::string& name, std::size_t most, std::vector<std::string>& words,
                      const std::string& help) {
  const auto keep = [name, most, &words](const CLI::results_t& given) {
    if (most > 0 && given.size() > most) {
      throw CLI::ArgumentMismatch::AtMost(name, static_cast<int>(most), given.size());
    }
    words = given;
    return true;
  };
  // Without "extra" arguments it doesn't look for lists; then it takes as many words as it must have, so it must have
  // all; and with this policy it doesn't mind that they are fewer.
  constexpr int kAll = CLI::detail::expected_max_vector_size;
  CLI::Option* option = verb.add_option(name, keep, help);
  option->expected(kAll, kAll)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return option->type_name("TEXT");
}

int ReportParseError(const CLI::App& app, const CLI::ParseError& error, std::ostream& out, std::ostream& err) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(error, out, err);
  const CLI::App& verb = Chosen(app);
  err << FullName(verb) << ": " << WhatIsWrong(app, verb, error) << "\n"
      << "See " << FullName(verb) << " --help.\n";
  return 64;
}

}  // namespace andiron
