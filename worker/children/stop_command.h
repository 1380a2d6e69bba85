// A pool's stop command while it runs: a short process beside the child that it is about.
//
// Loop's thread.
#ifndef ANDIRON_WORKER_CHILDREN_STOP_COMMAND_H_
#define ANDIRON_WORKER_CHILDREN_STOP_COMMAND_H_

#include <sys/types.h>
#include <uv.h>

#include <functional>

#include "jobs/ids.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"
#include "worker/children/launch.h"

namespace andiron {

class StopCommand {
 public:
  // `done` gets its exit code, or a failure's text. It may destroy the StopCommand.
  using DoneCallback = std::function<void(StopCommand&, const std::string& failure)>;

  StopCommand(ChildId child, DoneCallback done) : child_(child), done_(std::move(done)) {}
  StopCommand(const StopCommand&) = delete;
  StopCommand& operator=(const StopCommand&) = delete;

  void SetLaunch(Launch* launch) { launch_ = launch; }
  Launch* launch() const { return launch_; }
  void OnLaunched(uv_loop_t* loop, Launch& launch);

  // The child it is about has ended, or is being killed.
  void Kill();
  // For the end of the worker.
  void LetLoopEnd() { exit_poll_.Unref(); }
  void ReapNow(int wait_ms);

  ChildId child() const { return child_; }
  pid_t pid() const { return pid_; }

 private:
  void OnPidfd();

  const ChildId child_;
  const DoneCallback done_;
  Launch* launch_ = nullptr;
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  UvHandle<uv_poll_t> exit_poll_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_STOP_COMMAND_H_
