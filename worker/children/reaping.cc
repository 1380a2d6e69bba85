#include "worker/children/reaping.h"

#include <poll.h>
#include <sys/wait.h>

namespace andiron {
namespace {

constexpr int kRoundMs = 10;

}  // namespace

bool ReapWithin(int pidfd, int wait_ms) {
  for (int round = 0; round <= wait_ms / kRoundMs; ++round) {
    pollfd waiter{pidfd, POLLIN, 0};
    poll(&waiter, 1, kRoundMs);
    siginfo_t status{};
    if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &status, WEXITED | WNOHANG) == 0 && status.si_pid != 0) return true;
  }
  return false;
}

}  // namespace andiron
