// Control groups (version 2, also beside version 1): the one containment that no descendant can leave.
//
// A worker has one directory below its own cgroup, "andiron-NAME-PID", and in it one for each child. It holds a
// lock on it, which tells a living worker's directory from an earlier life's leftovers: pids can't, since workers of
// several PID namespaces, or without /proc, may share a cgroup. Everything here is best effort and short: files of the
// kernel's, never more than a few each.
#ifndef ANDIRON_WORKER_CHILDREN_CGROUP_H_
#define ANDIRON_WORKER_CHILDREN_CGROUP_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/unique_fd.h"

namespace andiron {

// The directory of this process's own cgroup2; "" = there is none.
std::string OwnCgroup();

class CgroupRoot {
 public:
  // Makes the worker's directory, if it is wanted and the kernel and our rights allow it.
  explicit CgroupRoot(std::string_view worker_name, bool wanted = true);
  // Kills what is left in it, waits a moment for its end, and removes it.
  ~CgroupRoot();
  CgroupRoot(const CgroupRoot&) = delete;
  CgroupRoot& operator=(const CgroupRoot&) = delete;

  bool available() const { return !path_.empty(); }
  // The kernel limits the memory of children.
  bool limits_memory() const { return limits_memory_; }
  const std::string& path() const { return path_; }
  std::string ChildPath(std::string_view child) const;

  // Kills all that is in it.
  void Kill() const;

  // Directories of earlier lives of this worker's name, locked by nobody: killed, then removed where possible.
  // Returns the names of those that held processes, for the log. Empty ones, also of other dead workers, are removed
  // without a word.
  std::vector<std::string> KillLeftovers() const;

 private:
  // Made and locked; "" = it can't be.
  std::string MakeDirectory();

  std::string parent_;
  std::string prefix_;
  std::string path_;
  UniqueFd lock_;
  bool limits_memory_ = false;
};

// Makes the directory of one child and returns it, open. On failure none, with errno set.
UniqueFd MakeChildCgroup(const std::string& path);

// Has the kernel limit what all in it hold together, and kill all of them beyond. "" or what it refused: its memory
// controller may have been taken away since the worker looked.
std::string LimitMemory(const std::string& path, std::int64_t bytes);

// SIGKILL to all in the directory, forks in progress included. False if the kernel wouldn't.
bool KillCgroup(const std::string& path);

// The pids in it, at most a few thousand.
std::vector<pid_t> CgroupMembers(const std::string& path);

// How often the kernel has killed something in it because memory ran out; none = it doesn't count there: the cgroup has
// no memory controller.
std::optional<std::int64_t> CgroupOomKills(const std::string& path);

// Its highest memory use in bytes; 0 = unknown.
std::int64_t CgroupMemoryPeak(const std::string& path);

// Removes it with its own subdirectories; false while something lives in it.
bool RemoveCgroup(const std::string& path);

// The directory of a worker that has died: kills what is left in it, waits a moment for its end, and removes it.
// False, and nothing of that, if somebody holds its lock: a process that dies with that worker, or a later owner.
bool BuryCgroup(const std::string& path);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CGROUP_H_
