// What all children of one pool are started with, made once from the pool's settings: command, directory, user,
// environment. Immutable, so that helper threads may read it.
#ifndef ANDIRON_WORKER_CHILDREN_LAUNCH_SPEC_H_
#define ANDIRON_WORKER_CHILDREN_LAUNCH_SPEC_H_

#include <andiron/settings.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace andiron {

// Names the child whose descendant a process is: "pool/slot.generation".
inline constexpr std::string_view kChildVariable = "ANDIRON_CHILD";

struct LaunchSpec {
  std::vector<std::string> command;
  std::string cwd;
  std::string user;
  std::vector<std::string> environment;  // "NAME=value", without what differs from child to child
  std::string search_path;               // the child's own PATH
  std::optional<int> oom_score;          // oom_score_adj; nothing = as the worker's
};

// The child's environment by rule: what the worker has and the pool inherits, never ANDIRON_*, NOTIFY_SOCKET or the
// credentials of job sources, then the pool's own. `worker_environment` ends with a null pointer.
std::vector<std::string> ChildEnvironment(const PoolSettings& pool, const char* const* worker_environment);

LaunchSpec SpecOf(const PoolSettings& pool, const char* const* worker_environment);
// The same surroundings for the pool's stop command.
LaunchSpec StopSpecOf(const PoolSettings& pool, const LaunchSpec& spec);

// The file that execve gets: a command with a slash as it is, others looked up in `search_path`. "" = not there;
// `error` then holds the errno.
std::string FindProgram(const std::string& command, std::string_view search_path, int& error);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_LAUNCH_SPEC_H_
