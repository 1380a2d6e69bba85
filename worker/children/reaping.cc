#include "worker/children/reaping.h"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "worker/base/clock.h"

namespace andiron {
namespace {

constexpr int kRoundMs = 10;

}  // namespace

bool ReapWithin(int pidfd, int wait_ms) {
  const TimePoint deadline = Later(Now(), std::chrono::milliseconds(wait_ms));
  int rounds = wait_ms / kRoundMs;
  for (;;) {
    pollfd waiter{pidfd, POLLIN, 0};
    const bool interrupted = poll(&waiter, 1, std::min(wait_ms, kRoundMs)) < 0 && errno == EINTR && Now() < deadline;
    siginfo_t status{};
    if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &status, WEXITED | WNOHANG) == 0 && status.si_pid != 0) return true;
    if (!interrupted && rounds-- == 0) return false;
  }
}

}  // namespace andiron
