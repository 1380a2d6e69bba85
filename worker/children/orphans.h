// Descendants of children that have lost their parent and come to us, because this process is a subreaper.
//
// SIGCHLD asks for a sweep; sweeps are bundled. A sweep reaps those of them that have ended, each by its own number,
// and kills those whose environment names a generation that has ended. It also hears from the kernel which children
// have been stopped or continued. Loop's thread. Installs a handler for SIGCHLD by way of libuv, which shares it with
// all loops of the process.
#ifndef ANDIRON_WORKER_CHILDREN_ORPHANS_H_
#define ANDIRON_WORKER_CHILDREN_ORPHANS_H_

#include <sys/types.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "worker/base/log.h"
#include "worker/base/uv_handle.h"

namespace andiron {

class Orphans {
 public:
  struct Callbacks {
    std::function<bool(pid_t)> is_child;                // one that has an owner, who reaps it
    std::function<bool(std::string_view child)> ended;  // "pool/slot.generation" of ours, and over
    std::function<void(pid_t, bool halted)> halted;     // the kernel says so of any process of ours
  };

  Orphans(uv_loop_t* loop, Log& log, Callbacks callbacks);
  Orphans(const Orphans&) = delete;
  Orphans& operator=(const Orphans&) = delete;

  // Looks soon: something may have been orphaned just now.
  void SweepSoon();

  // Those that still bear a child's name, by it. While the child lives they are left alone.
  using Named = std::multimap<std::string, pid_t>;
  Named NamedProcesses() const;

  // At the end, when no generation lives any more: kills all that is theirs, and waits a moment to reap it.
  void KillAll();

  std::int64_t killed() const { return killed_; }

 private:
  void SweepIn(std::uint64_t milliseconds);
  void Sweep();
  void OnSignal();
  bool HearHalts();
  bool Reap(pid_t pid);
  // False: it couldn't be reached for want of a descriptor.
  bool Kill(pid_t pid, std::string_view name);

  Log& log_;
  const Callbacks callbacks_;
  UvHandle<uv_signal_t> signal_;
  UvHandle<uv_timer_t> timer_;
  std::int64_t killed_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_ORPHANS_H_
