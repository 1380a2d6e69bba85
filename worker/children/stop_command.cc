#include "worker/children/stop_command.h"

#include <signal.h>
#include <sys/wait.h>

#include <string>

#include "worker/children/reaping.h"
#include "worker/children/signals.h"

namespace andiron {

void StopCommand::OnLaunched(uv_loop_t* loop, Launch& launch) {
  launch_ = nullptr;
  if (!launch.failure().empty()) return done_(*this, launch.failure());
  pid_ = launch.pid();
  pidfd_ = launch.TakePidfd();
  const int error = exit_poll_.Init(this, [&](uv_poll_t* poll) { return uv_poll_init(loop, poll, pidfd_.get()); });
  if (error != 0) {
    Kill();
    ReapNow(1000);
    return done_(*this, std::string("watch it: ") + uv_strerror(error));
  }
  uv_poll_start(exit_poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<StopCommand*>(poll->data)->OnPidfd();
  });
}

void StopCommand::Kill() {
  if (launch_ != nullptr) launch_->Cancel();
  if (!pidfd_) return;
  SignalProcess(pidfd_.get(), SIGKILL);
  SignalGroup(pidfd_.get(), pid_, SIGKILL);
}

void StopCommand::OnPidfd() {
  siginfo_t status{};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &status, WEXITED | WNOHANG) == 0 && status.si_pid == 0) return;
  exit_poll_.Reset();
  pidfd_.Reset();
  std::string failure;
  if (status.si_code == CLD_EXITED && status.si_status != 0) {
    failure = "exit code " + std::to_string(status.si_status);
  } else if (status.si_code == CLD_KILLED || status.si_code == CLD_DUMPED) {
    failure = SignalName(status.si_status);
  }
  done_(*this, failure);
}

void StopCommand::ReapNow(int wait_ms) {
  if (!pidfd_) return;
  ReapWithin(pidfd_.get(), wait_ms);
  exit_poll_.Reset();
  pidfd_.Reset();
}

}  // namespace andiron
