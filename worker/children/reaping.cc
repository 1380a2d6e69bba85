#include "worker/children/reaping.h"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "worker/base/clock.h"

namespace andiron {

bool ReapWithin(int pidfd, int wait_ms) {
  const TimePoint deadline = Later(Now(), std::chrono::milliseconds(wait_ms));
  for (;;) {
    const TimePoint now = Now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(deadline - now, Duration::zero()));
    pollfd waiter{pidfd, POLLIN, 0};
    if (poll(&waiter, 1, static_cast<int>(left.count())) < 0 && errno == EINTR && now < deadline) continue;
    siginfo_t status{};
    return waitid(P_PIDFD, static_cast<id_t>(pidfd), &status, WEXITED | WNOHANG) == 0 && status.si_pid != 0;
  }
}

}  // namespace andiron
