#include "tests/support/loop.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "worker/base/clock.h"

namespace andiron {
namespace {

constexpr int kAskEveryMs = 10;

}  // namespace

bool RunUntil(uv_loop_t* loop, const std::function<bool()>& condition, Duration patience) {
  const TimePoint deadline = Later(Now(), patience);
  // Wakes the loop, so that the condition is asked although nothing happens.
  uv_timer_t timer;
  uv_timer_init(loop, &timer);
  uv_timer_start(&timer, [](uv_timer_t*) {}, kAskEveryMs, kAskEveryMs);
  bool holds = condition();
  while (!holds && Now() < deadline) {
    uv_run(loop, UV_RUN_ONCE);
    holds = condition();
  }
  bool closed = false;
  timer.data = &closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&timer),
           [](uv_handle_t* handle) { *static_cast<bool*>(handle->data) = true; });
  while (!closed) uv_run(loop, UV_RUN_NOWAIT);
  return holds;
}

void RunFor(uv_loop_t* loop, Duration time) {
  RunUntil(loop, [] { return false; }, time);
}

bool WaitUntil(const std::function<bool()>& condition, Duration patience) {
  const TimePoint deadline = Later(Now(), patience);
  while (!condition()) {
    if (Now() >= deadline) return false;
    poll(nullptr, 0, kAskEveryMs);
  }
  return true;
}

int CloseLoop(uv_loop_t* loop) {
  constexpr int kTurnsMax = 100;
  int error = uv_loop_close(loop);
  for (int turn = 0; error == UV_EBUSY && turn < kTurnsMax; ++turn) {
    uv_run(loop, UV_RUN_NOWAIT);
    error = uv_loop_close(loop);
  }
  return error;
}

std::string ProgramPath(std::string_view name) {
  if (const char* const directory = std::getenv("ANDIRON_BIN_DIR"))
    return std::string(directory) + "/" + std::string(name);
  std::array<char, 4096> path;
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  const std::string self(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  return self.substr(0, self.rfind('/') + 1) + std::string(name);
}

}  // namespace andiron
