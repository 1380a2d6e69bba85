#include "worker/children/orphans.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "worker/base/unique_fd.h"
#include "worker/children/launch_spec.h"
#include "worker/children/proc_files.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

// A death of a child often is the first of several: one sweep for all of them.
constexpr std::uint64_t kBundleMs = 5;
// A look that failed for want of a descriptor is repeated: nothing else would ask for it.
constexpr std::uint64_t kAgainMs = 100;
// More stops and continuations than this wait for the next sweep.
constexpr int kHaltsPerSweep = 256;
// How long the end of the worker waits for what it has killed to be reaped: 200 ms at most.
constexpr int kLastRounds = 40;
constexpr int kLastRoundMs = 5;

// A process that the host has started itself is in our list of children, too. Its status is the host's to take: a dead
// one can't be told by its environment any more, but by its session, which no descendant of our children can share.
// Process 1 takes all: nobody else would.
bool IsTheHosts(pid_t pid) { return getpid() != 1 && getsid(pid) == getsid(0); }

}  // namespace

Orphans::Orphans(uv_loop_t* loop, Log& log, Callbacks callbacks) : log_(log), callbacks_(std::move(callbacks)) {
  timer_.Init(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
  timer_.Unref();
  if (signal_.Init(this, [&](uv_signal_t* signal) { return uv_signal_init(loop, signal); }) != 0) return;
  uv_signal_start(
      signal_.get(),
      [](uv_signal_t* signal, int) {
        if (signal->data != nullptr) static_cast<Orphans*>(signal->data)->OnSignal();
      },
      SIGCHLD);
  signal_.Unref();
}

void Orphans::OnSignal() { SweepSoon(); }

void Orphans::SweepSoon() { SweepIn(kBundleMs); }

void Orphans::SweepIn(std::uint64_t milliseconds) {
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(timer_.get())) != 0) return;
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<Orphans*>(timer->data)->Sweep();
      },
      milliseconds, 0);
}

void Orphans::Sweep() {
  if (!HearHalts()) SweepSoon();  // nothing else would ask for the others
  bool lacking = false;
  for (const pid_t pid : AdoptedProcesses(lacking)) {
    if (callbacks_.is_child(pid) || IsTheHosts(pid)) continue;
    const std::string name = EnvironmentOf(pid, kChildVariable, lacking);
    if (!name.empty()) {
      if (callbacks_.ended(name) && !Kill(pid, name)) lacking = true;
    } else {
      Reap(pid);
    }
  }
  if (lacking) SweepIn(kAgainMs);
}

Orphans::Named Orphans::NamedProcesses() const {
  Named named;
  bool lacking = false;
  for (const pid_t pid : AdoptedProcesses(lacking)) {
    if (callbacks_.is_child(pid) || IsTheHosts(pid)) continue;
    std::string name = EnvironmentOf(pid, kChildVariable, lacking);
    if (!name.empty()) named.emplace(std::move(name), pid);
  }
  return named;
}

// WNOHANG without WEXITED takes no death from anybody: it only hears of stops and continuations. False: of so many that
// there may be more.
bool Orphans::HearHalts() {
  for (int i = 0; i < kHaltsPerSweep; ++i) {
    siginfo_t status{};
    if (waitid(P_ALL, 0, &status, WSTOPPED | WCONTINUED | WNOHANG) != 0 || status.si_pid == 0) return true;
    callbacks_.halted(status.si_pid, status.si_code == CLD_STOPPED);
  }
  return false;
}

bool Orphans::Reap(pid_t pid) {
  siginfo_t status{};
  return waitid(P_PID, static_cast<id_t>(pid), &status, WEXITED | WNOHANG) == 0 && status.si_pid != 0;
}

// It is in our list of children and only we reap it, so the number is still its own.
bool Orphans::Kill(pid_t pid, std::string_view name) {
  const UniqueFd pidfd = OpenPidfd(pid);
  if (!pidfd) return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
  if (!SignalProcess(pidfd.get(), SIGKILL)) return true;
  ++killed_;
  log_.Write(LogLevel::kInfo, "orphan_killed", "a process that its child had left behind was killed",
             {{"child", name}, {"pid", std::to_string(pid)}});
  return true;
}

void Orphans::KillAll() {
  for (int round = 0; round < kLastRounds; ++round) {
    bool left = false;
    for (const pid_t pid : AdoptedProcesses(left)) {
      if (callbacks_.is_child(pid) || IsTheHosts(pid) || Reap(pid)) continue;
      const std::string name = EnvironmentOf(pid, kChildVariable, left);
      // Without a name it may be dying: the next round reaps it, or it isn't ours.
      left = left || name.empty() || callbacks_.ended(name);
      if (!name.empty() && callbacks_.ended(name)) Kill(pid, name);
    }
    if (!left) return;
    poll(nullptr, 0, kLastRoundMs);
  }
}

}  // namespace andiron
