#include "tools/andiron/config_verb.h"

#include <CLI/CLI.hpp>
#include <ostream>

#include "tools/andiron/exit_code.h"
#include "worker/base/json.h"

namespace andiron {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  andiron config check spell.yaml           every mistake, with its line and column\n"
    "  andiron config show spell.yaml --warm 8   the settings that would count, each with where it came from\n"
    "  andiron config schema > andiron.json      for editors that complete YAML";

std::string ErrorsJson(const ConfigResult& result) {
  JsonWriter json;
  json.BeginObject();
  json.Member("ok", result.ok());
  json.Key("errors");
  json.BeginArray();
  for (const ConfigError& error : result.errors) {
    json.BeginObject();
    json.Member("source", error.origin.name);
    json.Member("line", error.origin.line);
    json.Member("column", error.origin.column);
    json.Member("text", error.text);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return json.Take() + "\n";
}

}  // namespace

ConfigVerb::ConfigVerb(CLI::App& app) {
  verb_ = app.add_subcommand("config", "Check and show a configuration; starts nothing");
  verb_->require_subcommand(1);
  verb_->footer(kExamples);
  check_ = verb_->add_subcommand("check", "Say OK, or every error with its place (exit 78; of flags 64)");
  show_ = verb_->add_subcommand("show", "Print the effective settings and where each came from");
  schema_ = verb_->add_subcommand("schema", "Print a JSON schema of the file");
  check_flags_ = std::make_unique<SettingsFlags>(*check_);
  show_flags_ = std::make_unique<SettingsFlags>(*show_);
  for (CLI::App* verb : {check_, show_}) {
    verb->add_option("FILE", file_, "YAML file, as with --config")
        ->type_name("")
        ->excludes(verb->get_option("--config"));
    verb->add_option("-o,--output", output_, "json for programs")
        ->check(CLI::IsMember({"text", "json"}))
        ->type_name("FORMAT");
  }
}

ConfigVerb::~ConfigVerb() = default;

bool ConfigVerb::chosen() const { return verb_->parsed(); }

int ConfigVerb::Run(const CommandLine& line, std::ostream& out, std::ostream& err) const {
  if (schema_->parsed()) {
    if (line.has_command) {
      err << "andiron: the schema depends on no child: leave out `--` and what follows\n";
      return kExitUsage;
    }
    out << ConfigSchema();
    return 0;
  }
  const bool check = check_->parsed();
  ConfigSources sources = (check ? check_flags_ : show_flags_)->Sources(line);
  if (!file_.empty()) sources.file = file_;
  const ConfigResult result = Load(sources);
  const bool json = output_ == "json";
  if (check && json) {
    out << ErrorsJson(result);
  } else if (!result.ok()) {
    err << ErrorText(result);
  } else if (check) {
    out << "OK\n";
  } else {
    out << (json ? ConfigJson(result.config) : ConfigYaml(result.config));
  }
  return ExitCode(result);
}

}  // namespace andiron
