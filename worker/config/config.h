// The configuration of a worker: from a file, the environment and flags to settings, each value with its origin.
//
// Later wins: default < what the verb wants < FILE < environment < flag. Settings come back resolved (what depends on
// the CPUs filled in) and free of contradictions, or not at all: then every problem is told, with its place and what
// to write instead, at most kErrorsMax of them. Nothing is thrown, whatever the file holds. No threads, no state; reads
// the one file and nothing else. The grammar of values and of the document is in docs/operating.md; the list of
// settings is proto/config.proto.
#ifndef ANDIRON_WORKER_CONFIG_CONFIG_H_
#define ANDIRON_WORKER_CONFIG_CONFIG_H_

#include <andiron/settings.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "worker/livekit/settings.h"

namespace andiron {

inline constexpr std::size_t kConfigBytesMax = 1 << 20;
inline constexpr std::size_t kPoolsMax = 1000;
inline constexpr std::size_t kErrorsMax = 20;

// Where a value came from.
struct Origin {
  enum class Kind { kDefault, kVerb, kFile, kEnvironment, kFlag };
  Kind kind = Kind::kDefault;
  std::string name;  // the verb, file, variable or flag; "" for a default
  int line = 0;      // in a file, counted from 1
  int column = 0;    // in bytes
};
std::string ToString(const Origin& origin);  // "default", "andiron.yaml:3", "environment ANDIRON_NAME", "flag --warm"

// One value given outside of the file, as text: "4", "10s", "all".
struct Assignment {
  std::string pool;   // "" = worker-wide, or for a pool's setting: the only pool
  std::string key;    // as in the file: "warm"
  std::string value;  // for env: "NAME=VALUE", one variable each
  std::string name;   // how the user wrote it, for messages: "--pool.spell.warm"
};

struct ConfigSources {
  std::string file;                       // path of the YAML file; "" = none
  std::string verb;                       // "andiron run": names the origin of verb_defaults
  std::vector<Assignment> verb_defaults;  // what this verb wants unless somebody says otherwise
  std::vector<std::string> environment;   // "NAME=VALUE", also for ${NAME} in the file; see Environment()
  std::vector<Assignment> flags;
  std::vector<std::string> command;  // what follows "--": the command of the only pool; empty = none
  int cpus = 1;                      // that this worker may use: defaults follow them
};

// The process's environment as ConfigSources wants it.
std::vector<std::string> Environment();

struct ConfigError {
  Origin origin;  // kDefault: nowhere in particular
  std::string text;
};
std::string ToString(const ConfigError& error);  // "andiron.yaml:3:5: unknown setting 'wram': did you mean 'warm'?"

// Keys: "log_level", "pools.spell.warm", "pools.spell.env.PATH", "sources.livekit.url",
// "sources.livekit.agents.0.name". Every setting is there; of a source, if it is used.
using Origins = std::map<std::string, Origin, std::less<>>;

struct LoadedConfig {
  WorkerSettings settings;
  livekit::Settings livekit;  // without agents: that source isn't used
  Origins origins;
};

struct ConfigResult {
  LoadedConfig config;              // valid if there are no errors
  std::vector<ConfigError> errors;  // in the order of their places
  bool ok() const { return errors.empty(); }
};

ConfigResult Load(const ConfigSources& sources);

// 0, 64 (every error is in the flags) or 78.
int ExitCode(const ConfigResult& result);

// Lines for stderr, one for each error.
std::string ErrorText(const ConfigResult& result);

// The settings whose values differ: "log_level", "pools.spell.warm", "pools.spell" (added or gone). For reload.
std::vector<std::string> Differences(const WorkerSettings& before, const WorkerSettings& after);

// The effective configuration. The YAML loads to the same settings; each value is followed by its origin.
std::string ConfigYaml(const LoadedConfig& config);
// {"settings":[{"key","value","origin"}]}
std::string ConfigJson(const LoadedConfig& config);
// A JSON schema of the file, for editors.
std::string ConfigSchema();

// One setting as people meet it: for --help and documents.
struct SettingDescription {
  std::string key;
  std::string help;
  std::string form;           // "DURATION", "SIZE", "N", "WORDS", "text|json" ...
  std::string default_value;  // "10s", "off", "CPUs of the container"
  std::string limits;         // "1ms to 8760h"; "" = none worth telling
  bool repeatable = false;    // as a flag: each use adds (env)
};
std::vector<SettingDescription> DescribeWorkerSettings();
std::vector<SettingDescription> DescribePoolSettings();
std::vector<SettingDescription> DescribeLiveKitSettings();
std::vector<SettingDescription> DescribeAgentSettings();

// The candidate that `word` was probably meant to be, or "" if none is near.
std::string NearestName(std::string_view word, const std::vector<std::string>& candidates);
// The same of a word that may well be meant as it is: it is a slip only if one letter is wrong, or, from eight letters
// on, two.
std::string AlmostName(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_CONFIG_H_
