// A process that outlives its worker by a moment: when the worker has died without a word (SIGKILL, a crash), it kills
// what is left in the worker's cgroup. Children die with their worker by themselves (PR_SET_PDEATHSIG); what they have
// put into other sessions doesn't, and nobody else would look for it before the next start.
//
// It is a fork, made before the first child, that only waits for the worker's end: with two descriptors, deaf to
// signals, in a session of its own, and with another name than the worker, so that neither `pgrep -f` nor a terminal's
// Ctrl-C takes it for one. A fork costs a large process more (36 ms at 1 GB) and keeps old copies of its pages: only a
// program that is nothing but a worker has a keeper. Loop's thread.
#ifndef ANDIRON_WORKER_CHILDREN_KEEPER_H_
#define ANDIRON_WORKER_CHILDREN_KEEPER_H_

#include <sys/types.h>
#include <uv.h>

#include <string>

#include "worker/base/log.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"

namespace andiron {

class Keeper {
 public:
  // `cgroup` is the worker's directory. If no process can be had, or it is killed later, the log says what that means.
  Keeper(uv_loop_t* loop, Log& log, const std::string& cgroup);
  // The worker has tidied up by itself: ends the process, and waits a moment for that.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // -1: there is none.
  pid_t pid() const { return pid_; }

  // The keeper of some worker of this process. From any thread.
  static bool Is(pid_t pid);

 private:
  void Watch(uv_loop_t* loop);
  void OnEnd();

  Log& log_;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UvHandle<uv_poll_t> poll_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_KEEPER_H_
