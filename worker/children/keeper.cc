#include "worker/children/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "worker/children/cgroup.h"
#include "worker/children/proc_files.h"
#include "worker/children/reaping.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

constexpr int kEndMs = 500;
constexpr int kLookAgainMs = 100;
constexpr int kBuryTries = 50;
constexpr int kBuryStepMs = 10;
constexpr char kWithoutIt[] = "; processes that children leave in other sessions outlive this worker if it is killed";

// Where the kernel has put the arguments and the environment: fields 48 to 51 of /proc/PID/stat.
struct Shown {
  std::uintptr_t arguments_begin = 0;
  std::uintptr_t arguments_end = 0;
  std::uintptr_t environment_begin = 0;
  std::uintptr_t environment_end = 0;
};

Shown WhatIsShown() {
  const std::string stat = ReadSmallFile("/proc/self/stat", 4096);
  std::istringstream fields(stat.substr(std::min(stat.rfind(") "), stat.size())));
  std::string skipped;
  for (int field = 2; field < 48; ++field) fields >> skipped;
  Shown shown;
  fields >> shown.arguments_begin >> shown.arguments_end >> shown.environment_begin >> shown.environment_end;
  return fields ? shown : Shown();
}

void Overwrite(std::uintptr_t begin, std::uintptr_t end, std::string_view text) {
  if (begin == 0 || end <= begin) return;
  char* const place = std::bit_cast<char*>(begin);
  const std::size_t size = end - begin;
  std::memset(place, 0, size);
  // The last byte stays zero: without it the kernel would show what follows, too.
  std::memcpy(place, text.data(), std::min(text.size(), size - 1));
}

// Its command line would be taken for a second worker's, and its environment, which may name the worker and hold its
// secrets, for a process of the worker's.
void ShowAs(std::string_view title, const Shown& shown) {
  prctl(PR_SET_NAME, "andiron-keeper");
  Overwrite(shown.arguments_begin, shown.arguments_end, title);
  Overwrite(shown.environment_begin, shown.environment_end, "");
}

void AwaitEnd(pid_t worker) {
  const UniqueFd pidfd = OpenPidfd(worker);
  // Without a descriptor (the system may lack one) it has to look again and again: it has another parent then.
  const int look_again_ms = pidfd ? -1 : kLookAgainMs;
  // It may have died before we looked; then the number is nobody's, or somebody else's.
  while (getppid() == worker) {
    pollfd waiter{pidfd.get(), POLLIN, 0};
    if (poll(&waiter, 1, look_again_ms) > 0) return;
  }
}

// A dead worker has given back its lock on the directory, but a child that is still before its exec has a copy of it:
// the killing asks nobody, and goes by a descriptor, so that it meets this directory and no later one of its name.
void EndWhatIsLeft(int directory, const std::string& cgroup) {
  const UniqueFd kill_file(openat(directory, "cgroup.kill", O_WRONLY | O_CLOEXEC));
  // Without that file there is no directory: the worker has tidied up.
  if (!kill_file || write(kill_file.get(), "1", 1) != 1) return;
  for (int i = 0; i < kBuryTries && !BuryCgroup(cgroup); ++i) poll(nullptr, 0, kBuryStepMs);
}

// What it is made of before the fork: afterwards another thread of the worker may have held any lock.
struct Orders {
  pid_t worker;
  std::string cgroup;
  std::string title;
  Shown shown;
};

[[noreturn]] void Keep(const Orders& orders) {
  setsid();
  if (close_range(0, ~0U, 0) != 0) _exit(1);
  const UniqueFd directory(open(orders.cgroup.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ShowAs(orders.title, orders.shown);
  // No mount is to be held by it.
  if (!directory || chdir("/") != 0) _exit(1);
  AwaitEnd(orders.worker);
  EndWhatIsLeft(directory.get(), orders.cgroup);
  _exit(0);
}

// With all signals blocked, from before its first step: handlers are the worker's.
pid_t ForkKeeper(const std::string& cgroup) {
  const pid_t worker = getpid();
  const Orders orders{worker, cgroup, "andiron-keeper of " + std::to_string(worker), WhatIsShown()};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) Keep(orders);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// Of all workers of this process.
std::mutex registry_lock;
std::set<pid_t> registry;

void Register(pid_t pid, bool lives) {
  const std::lock_guard lock(registry_lock);
  if (lives) {
    registry.insert(pid);
  } else {
    registry.erase(pid);
  }
}

}  // namespace

bool Keeper::Is(pid_t pid) {
  const std::lock_guard lock(registry_lock);
  return registry.contains(pid);
}

Keeper::Keeper(uv_loop_t* loop, Log& log, const std::string& cgroup) : log_(log), pid_(ForkKeeper(cgroup)) {
  if (pid_ < 0) {
    log_.Write(LogLevel::kWarn, "no_keeper", std::string("there is no keeper: ") + std::strerror(errno) + kWithoutIt);
    return;
  }
  Register(pid_, true);
  Watch(loop);
}

Keeper::~Keeper() {
  poll_.Reset();
  if (SignalProcess(pidfd_.get(), SIGKILL)) ReapWithin(pidfd_.get(), kEndMs);
  Register(pid_, false);
}

// Unwatched, for want of a descriptor, it does its work all the same and ends after the worker.
void Keeper::Watch(uv_loop_t* loop) {
  pidfd_ = OpenPidfd(pid_);
  if (!pidfd_ || poll_.Init(this, [&](uv_poll_t* poll) { return uv_poll_init(loop, poll, pidfd_.get()); }) != 0) return;
  uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<Keeper*>(poll->data)->OnEnd();
  });
  poll_.Unref();
}

void Keeper::OnEnd() {
  poll_.Reset();
  ReapWithin(pidfd_.get(), 0);
  pidfd_.Reset();
  Register(std::exchange(pid_, -1), false);
  log_.Write(LogLevel::kWarn, "keeper_died", std::string("the keeper has ended") + kWithoutIt);
}

}  // namespace andiron
