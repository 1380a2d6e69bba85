#include "worker/children/launch_spec.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace andiron {
namespace {

constexpr std::string_view kStandardPath = "/usr/local/bin:/usr/bin:/bin";

// Never handed down: they are the worker's own, or would let a child act as the worker.
constexpr std::array<std::string_view, 4> kWithheldPrefixes = {"ANDIRON_", "LIVEKIT_", "NATS_CREDS", "NATS_NKEY"};
constexpr std::array<std::string_view, 6> kWithheldNames = {"NOTIFY_SOCKET", "NATS_PASSWORD", "NATS_TOKEN",
                                                            "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

std::string_view NameOf(std::string_view entry) { return entry.substr(0, entry.find('=')); }

bool Withheld(std::string_view name) {
  return std::find(kWithheldNames.begin(), kWithheldNames.end(), name) != kWithheldNames.end() ||
         std::any_of(kWithheldPrefixes.begin(), kWithheldPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool Inherited(const EnvInherit& rule, std::string_view name) {
  switch (rule.kind) {
    case EnvInherit::Kind::kAll:
      return true;
    case EnvInherit::Kind::kNone:
      return false;
    case EnvInherit::Kind::kNames:
      return std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end();
  }
  return false;
}

void Set(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  std::erase_if(environment, [&](const std::string& entry) { return NameOf(entry) == name; });
  environment.push_back(name + "=" + value);
}

std::string SearchPath(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    if (NameOf(entry) == "PATH") return entry.substr(5);
  }
  return std::string(kStandardPath);
}

bool IsProgram(const std::string& path, int& error) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == EACCES) error = EACCES;
    return false;
  }
  if (S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0) return true;
  error = EACCES;
  return false;
}

}  // namespace

std::vector<std::string> ChildEnvironment(const PoolSettings& pool, const char* const* worker_environment) {
  std::vector<std::string> environment;
  for (const char* const* entry = worker_environment; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view name = NameOf(*entry);
    if (!Withheld(name) && Inherited(pool.env_inherit, name)) environment.emplace_back(*entry);
  }
  for (const auto& [name, value] : pool.env) Set(environment, name, value);
  // Even the pool's own settings can't lend a child another's name or channel.
  std::erase_if(environment, [](const std::string& entry) { return NameOf(entry).starts_with("ANDIRON_"); });
  return environment;
}

LaunchSpec SpecOf(const PoolSettings& pool, const char* const* worker_environment) {
  LaunchSpec spec;
  spec.command = pool.command;
  spec.cwd = pool.cwd;
  spec.user = pool.user;
  spec.environment = ChildEnvironment(pool, worker_environment);
  spec.search_path = SearchPath(spec.environment);
  return spec;
}

LaunchSpec StopSpecOf(const PoolSettings& pool, const LaunchSpec& spec) {
  LaunchSpec stop = spec;
  stop.command = pool.stop_command;
  return stop;
}

std::string FindProgram(const std::string& command, std::string_view search_path, int& error) {
  if (command.find('/') != std::string::npos) return command;
  error = ENOENT;
  while (!command.empty() && !search_path.empty()) {
    const std::size_t end = std::min(search_path.find(':'), search_path.size());
    const std::string directory(search_path.substr(0, end));
    search_path.remove_prefix(std::min(end + 1, search_path.size()));
    // An empty entry would mean the current directory: never what a server wants.
    if (directory.empty()) continue;
    std::string path = directory + "/" + command;
    if (IsProgram(path, error)) return path;
  }
  return {};
}

}  // namespace andiron
