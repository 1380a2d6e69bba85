#include "worker/children/signals.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace andiron {
namespace {

// Linux 6.9; not in Debian 12's headers.
constexpr unsigned kPidfdSignalProcessGroup = 1U << 2;

// The header of glibc 2.36 declares the pidfd functions without C linkage.
bool Send(int pidfd, int number, unsigned flags) {
  return syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, flags) == 0;
}

}  // namespace

UniqueFd OpenPidfd(pid_t pid) { return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

int SignalNumber(std::string_view name) {
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number > 0 && number < NSIG ? number : 0;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int candidate = 1; candidate < NSIG; ++candidate) {
    const char* const known = sigabbrev_np(candidate);
    if (known != nullptr && name == known) return candidate;
  }
  return 0;
}

std::string SignalName(int number) {
  const char* const name = sigabbrev_np(number);
  return name == nullptr ? "signal " + std::to_string(number) : std::string("SIG") + name;
}

bool SignalProcess(int pidfd, int number) { return pidfd >= 0 && Send(pidfd, number, 0); }

bool SignalGroup(int pidfd, pid_t leader, int number) {
  if (pidfd < 0 || leader <= 1) return false;
  if (Send(pidfd, number, kPidfdSignalProcessGroup)) return true;
  return errno == EINVAL && killpg(leader, number) == 0;
}

}  // namespace andiron
