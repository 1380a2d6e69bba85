// One child: its process, its channel, its output, and what is known about its end.
//
// Posts its facts in the order that jobs/fact.h promises. Facts, signals and descriptors end with it: ChildExited is
// posted after the channel has been read to its end, survivors of its group have been killed and its status is reaped.
// Loop's thread. Pool, inbox and log must outlive it.
#ifndef ANDIRON_WORKER_CHILDREN_CHILD_H_
#define ANDIRON_WORKER_CHILDREN_CHILD_H_

#include <andiron/settings.h>
#include <uv.h>

#include <cstdint>
#include <string>

#include "jobs/action.h"
#include "worker/base/log.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"
#include "worker/children/autopsy.h"
#include "worker/children/channel.h"
#include "worker/children/launch.h"
#include "worker/children/line_capture.h"
#include "worker/children/memory_look.h"
#include "worker/children/orphans.h"
#include "worker/driver/inbox.h"

namespace andiron {

// What the children of one pool have in common.
struct ChildPool {
  PoolSettings settings;
  LaunchSpec spec;
  LaunchSpec stop_spec;
  int stop_signal = 0;
};

class Child;

// What a child needs of its owner.
class ChildOwner {
 public:
  // Its process has ended and been reaped, its ChildExited posted.
  virtual void OnExit(Child& child) = 0;
  // The machine has run out of memory in the last seconds.
  virtual bool MachineRanOutOfMemory() = 0;
  // Of all its children's streams.
  virtual LogBrake& log_brake() = 0;
  // Of all its children's channels.
  virtual ReadRounds& read_rounds() = 0;

 protected:
  ~ChildOwner() = default;
};

class Child {
 public:
  Child(ChildId id, const ChildPool& pool, Inbox& inbox, Log& log, ChildOwner& owner);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // ---- its start ----

  // A helper thread has it in hand until OnLaunched.
  void SetLaunch(Launch* launch) { launch_ = launch; }
  // Posts Spawned or SpawnFailed.
  void OnLaunched(uv_loop_t* loop, Launch& launch);

  // ---- the core's actions ----

  void Send(const SendJob& job);
  void Send(const SendCancel& cancel);
  void Send(const SendPing& ping);
  void Flush() { channel_.Flush(); }
  // The pool's stop signal, to the group, and the message Stop; a process that isn't there yet is cancelled.
  void AskToStop();
  // The pool's stop command does the asking.
  void NoteStopCommand() { evidence_.asked_to_stop = true; }
  // Notes that we are about to kill it, and what it does meanwhile. KillNow follows.
  void PrepareKill();
  void CloseChannel();

  // ---- about it ----

  ChildId id() const { return id_; }
  const std::string& name() const { return evidence_.name; }
  const ChildPool& pool() const { return pool_; }
  // Its process's, from its first moment on; 0 = there is none yet.
  pid_t pid() const { return launching() ? launch_->pid() : evidence_.pid; }
  const std::string& cgroup() const { return cgroup_; }
  // By the kernel, which kills all of it beyond.
  bool memory_limited() const { return memory_limited_; }
  bool launching() const { return launch_ != nullptr; }
  const Launch* launch() const { return launch_; }
  bool has_process() const { return static_cast<bool>(pidfd_); }
  // Nothing about it will be posted any more.
  bool finished() const { return finished_ || (exited_ && !channel_.open()); }

  // The kernel says that it is stopped, or goes on. Of one that is being launched the fact follows on Spawned.
  void SetHalted(bool halted);
  bool halted() const { return halted_; }
  // Asks the kernel whether it is.
  void CheckHalted();
  // Kills it if it holds more memory than its limit, with its descendants: for kernels that don't do so themselves.
  // Once a round. `adopted`: processes that have come to us, by name.
  void CheckMemory(const Orphans::Named& adopted);
  // SIGKILL, at once.
  void KillNow();
  // The kill of one that is being launched may have found no process yet.
  void CancelAgain();
  // It can't be killed, and the worker ends: nothing of it keeps the loop running.
  void LetLoopEnd() {
    exit_poll_.Unref();
    stdout_.LetLoopEnd();
    stderr_.LetLoopEnd();
  }
  // For the end of the worker: a bounded wait for the status.
  void ReapNow(int wait_ms);

  std::int64_t log_lines_dropped() const { return log_allowance_.dropped(); }
  // What is known about its death.
  Evidence TakeEvidence();

 private:
  void FailSpawn(const std::string& what);
  bool Watch(uv_loop_t* loop, Launch& launch);
  void OnPidfd();
  ChildExited Reap();
  void LookBeforeKill();
  bool RestsFromMemory();
  Family MembersOf(const Orphans::Named& adopted) const;

  const ChildId id_;
  const ChildPool& pool_;
  Inbox& inbox_;
  ChildOwner& owner_;
  Evidence evidence_;
  Launch* launch_ = nullptr;
  std::string cgroup_;  // "" = it has none
  bool memory_limited_ = false;
  UniqueFd pidfd_;
  UvHandle<uv_poll_t> exit_poll_;
  Channel channel_;
  LogAllowance log_allowance_;
  LineCapture stdout_;
  LineCapture stderr_;
  bool kill_wanted_ = false;   // while it is being launched
  bool close_wanted_ = false;  // likewise
  MemoryLook memory_look_;     // the last one
  bool over_memory_limit_ = false;
  bool halted_ = false;
  pid_t halted_pid_ = 0;
  bool exited_ = false;
  bool finished_ = false;
  std::string last_job_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHILD_H_
