#include "worker/console/signals.h"

#include <signal.h>

#include <utility>

namespace andiron {
namespace {

bool IsIgnored(int number) {
  struct sigaction action{};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Signals::Signals(uv_loop_t* loop, std::initializer_list<int> numbers, std::function<void(int)> arrived)
    : arrived_(std::move(arrived)) {
  sigemptyset(&watched_);
  handles_.reserve(numbers.size());
  for (const int number : numbers) {
    if (number == SIGHUP && IsIgnored(number)) continue;
    Watch(loop, number);
  }
}

// Blocked first, for the time in which they have no disposition of ours: other threads don't block them.
Signals::~Signals() {
  pthread_sigmask(SIG_BLOCK, &watched_, nullptr);
  std::vector<int> numbers;
  for (const auto& handle : handles_) numbers.push_back(handle.get()->signum);
  handles_.clear();
  for (const int number : numbers) signal(number, SIG_IGN);
}

void Signals::Watch(uv_loop_t* loop, int number) {
  UvHandle<uv_signal_t> handle;
  if (handle.Init(this, [&](uv_signal_t* raw) { return uv_signal_init(loop, raw); }) != 0) return;
  uv_signal_start(
      handle.get(), [](uv_signal_t* raw, int arrived) { static_cast<Signals*>(raw->data)->arrived_(arrived); }, number);
  handle.Unref();
  handles_.push_back(std::move(handle));
  // Whoever started us may have blocked it; then it would never come.
  sigaddset(&watched_, number);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace andiron
