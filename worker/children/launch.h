// One start of a process, from "please" to a running program or the reason why not.
//
// Made on the loop's thread, run on a helper thread (Run), and handed back. In between the loop may call Cancel() only.
// The process stays a child of the thread that ran it: it is killed when that thread ends (PDEATHSIG).
#ifndef ANDIRON_WORKER_CHILDREN_LAUNCH_H_
#define ANDIRON_WORKER_CHILDREN_LAUNCH_H_

#include <sys/types.h>

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "jobs/ids.h"
#include "worker/base/unique_fd.h"
#include "worker/children/launch_spec.h"

namespace andiron {

class Launch {
 public:
  enum class Kind {
    kChild,        // with a channel and captured stdout and stderr
    kStopCommand,  // with /dev/null everywhere
  };

  // `cgroup`: the directory to make and to enter; "" = none. `memory_limit`: the kernel's there, in bytes; 0 = none.
  Launch(Kind kind, ChildId child, const LaunchSpec& spec, std::string cgroup, std::int64_t memory_limit);
  // Ends a process that nobody has taken.
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  // "NAME=value", added to the spec's environment. Before Run.
  void AddVariable(std::string entry) { variables_.push_back(std::move(entry)); }

  // On a helper thread. `stack`: for the process until its exec.
  void Run(std::span<std::byte> stack);

  // Instead of Run: there is nobody who could run it.
  void GiveUp(std::string why) { failure_ = std::move(why); }

  // From the loop's thread while Run may be running: the process is killed as soon as there is one, before or after
  // its exec. Run returns soon, unless the kernel itself is stuck.
  // True: there was one, and it has been sent SIGKILL.
  bool Cancel();
  bool cancelled() const { return cancelled_.load(); }

  // At any time, from both threads: that of the process, from its first moment on; 0 = there is none, or not yet.
  pid_t pid() const { return pid_.load(); }

  Kind kind() const { return kind_; }
  ChildId child() const { return child_; }
  const std::string& cgroup() const { return cgroup_; }

  // ---- after Run ----

  // Why there is no process: "exec /x/y: No such file or directory". "" = there is one.
  const std::string& failure() const { return failure_; }
  // Why it isn't in its cgroup; "" = it is, or none was wanted.
  const std::string& cgroup_failure() const { return cgroup_failure_; }
  // Why the kernel doesn't limit its memory; "" = it does, or wasn't to.
  const std::string& limit_failure() const { return limit_failure_; }
  bool limits_memory() const {
    return memory_limit_ > 0 && !cgroup_.empty() && cgroup_failure_.empty() && limit_failure_.empty();
  }
  UniqueFd TakePidfd() { return UniqueFd(pidfd_.exchange(-1)); }
  UniqueFd TakeChannel() { return std::move(channel_); }
  UniqueFd TakeStdout() { return std::move(stdout_); }
  UniqueFd TakeStderr() { return std::move(stderr_); }

 private:
  struct Surroundings;
  bool Prepare(Surroundings& surroundings);
  bool OpenDescriptors(Surroundings& surroundings);
  bool FindUser(Surroundings& surroundings);
  void MakeCgroup(Surroundings& surroundings);
  void OpenCgroupDoor(Surroundings& surroundings);
  void NoteCgroupFailure(int error);
  bool DiedAtBirth(const Surroundings& surroundings);
  pid_t MakeProcess(Surroundings& surroundings, std::span<std::byte> stack);
  void Clone(Surroundings& surroundings, std::span<std::byte> stack);
  void Explain(const Surroundings& surroundings);
  bool Fail(const std::string& what, int error);

  const Kind kind_;
  const ChildId child_;
  const LaunchSpec spec_;  // its own: a helper that hangs may outlive the pool
  const std::string cgroup_;
  const std::int64_t memory_limit_;
  std::vector<std::string> variables_;
  std::atomic<bool> cancelled_{false};
  std::atomic<int> pidfd_{-1};  // written by the kernel while Run waits in clone; means something once pid_ is set
  std::atomic<pid_t> pid_{0};   // written by the kernel on the new process's behalf, before its first step
  UniqueFd stillborn_;          // kept open: Cancel() may be about to use its number
  std::string failure_;
  std::string cgroup_failure_;
  std::string limit_failure_;
  UniqueFd channel_;
  UniqueFd stdout_;
  UniqueFd stderr_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_LAUNCH_H_
