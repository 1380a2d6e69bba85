// The children of a worker, seen from outside within a fraction of a millisecond of their fork.
//
// The kernel lists, for each thread, the processes that it has forked and that nobody has reaped yet. A worker forks
// on helper threads, one for each pool; what it has adopted belongs to its first thread, and isn't looked at. Looking
// costs a few microseconds for each pool.
#ifndef ANDIRON_TOOLS_CHAOS_KILLER_WATCH_H_
#define ANDIRON_TOOLS_CHAOS_KILLER_WATCH_H_

#include <andiron/time.h>
#include <sys/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "worker/base/unique_fd.h"

namespace andiron::chaos {

struct SeenChild {
  pid_t pid = 0;
  TimePoint since{};  // first seen
  bool killed = false;
};

class Watch {
 public:
  explicit Watch(pid_t worker) : worker_(worker) {}

  // False: the worker is gone. Children that are new since the last look are appended to `fresh` as (thread, pid).
  bool Look(TimePoint now, std::vector<std::pair<pid_t, pid_t>>& fresh);

  // The worker's threads that have children which were not killed yet.
  std::vector<pid_t> ThreadsWithPrey() const;
  std::vector<SeenChild*> PreyOf(pid_t thread);
  SeenChild* Find(pid_t thread, pid_t pid);

 private:
  struct Thread {
    UniqueFd list;
    std::map<pid_t, SeenChild> children;
  };

  bool FindThreads();
  bool LookAt(Thread& thread, TimePoint now, std::vector<pid_t>& fresh);

  const pid_t worker_;
  TimePoint threads_found_{};
  std::map<pid_t, Thread> threads_;
  std::string text_;
};

}  // namespace andiron::chaos

#endif  // ANDIRON_TOOLS_CHAOS_KILLER_WATCH_H_
