// The processes of a worker: starts them, carries frames to and from them, ends them, tells what they died of.
//
// Performs the core's actions about children and posts the facts of jobs/fact.h, in the order promised there.
// Decides nothing. All on the loop's thread; a helper thread makes the system calls of a spawn.
// The inbox, loop and log must outlive it. Before destruction every child must have ended (ChildExited posted) or
// KillEverything() been called.
#ifndef ANDIRON_WORKER_CHILDREN_CHILDREN_H_
#define ANDIRON_WORKER_CHILDREN_CHILDREN_H_

#include <andiron/settings.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/action.h"
#include "jobs/ids.h"
#include "worker/base/log.h"
#include "worker/driver/inbox.h"

struct uv_loop_s;

namespace andiron {

// How surely descendants of a child are found and killed. Reported by `status` as "containment".
enum class Containment { kCgroup, kSubreaper, kGroup };
std::string_view Name(Containment level);  // "cgroup", "group+subreaper", "group"

// Everything known about one death; the lines of `text` end with what to do about it.
struct Autopsy {
  ChildId child;
  std::string summary;  // one line: "spell/3.7 (pid 4711) was killed by SIGSEGV while it ran job 42"
  std::string advice;   // one line: what to do about it
  std::string
      text;  // whole, several lines: phase, intent, code or signal, stderr tail, wait channel, memory, OOM count
};

class Children {
 public:
  struct Options {
    std::string worker_name;    // names the cgroup directory
    bool allow_cgroup = true;   // false: containment by group and subreaper only
    bool adopt_orphans = true;  // this process is a subreaper and may reap what it adopts
    bool keep = false;          // fork a keeper, where there is a cgroup: see keeper.h
    // Out-of-memory kills so far; without it the kernel's count for this machine.
    std::function<std::int64_t()> machine_oom_kills = {};
  };

  Children(uv_loop_s* loop, Inbox& inbox, Log& log, const std::vector<PoolSettings>& pools, const Options& options);
  ~Children();
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  Containment containment() const;

  // ---- the core's actions ----
  void Start(const StartChild& action);
  void Send(const SendJob& action);
  void Send(const SendCancel& action);
  void Send(const SendPing& action);
  void AskToStop(const andiron::AskToStop& action);
  void Kill(const KillChild& action);
  void Close(const CloseChannel& action);
  void Abandon(const AbandonChild& action);

  // After the callbacks of a turn, before its facts are taken: whether they hold all that the channels had to say when
  // this was last true. If not, the rest comes in the next turns.
  bool EndReads();

  // Sends the SIGKILLs that this turn has decided, and writes what it has queued: one writev for each child that got
  // something. At the end of every turn.
  void Flush();

  // What is known about a death that the core reports. To be called while performing ReportDeath; forgets the child.
  Autopsy Examine(const ReportDeath& death);

  // Nothing of a child that couldn't be killed keeps the loop running any more. To be called when no child is started
  // any more.
  void LetLoopEnd();

  // SIGKILL to all, without waiting: the process is about to end.
  void KillEverything();

  // Children whose process or channel is still open, and lines of child logs dropped by the rate limit so far.
  int live() const;
  std::int64_t log_lines_dropped() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHILDREN_H_
