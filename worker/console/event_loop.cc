#include "worker/console/event_loop.h"

#include <absl/status/status.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "worker/base/unique_fd.h"

namespace andiron {

namespace {

// libuv aborts where a loop's first descriptors can't be had: it takes 7.
constexpr int kLoopDescriptors = 7;

int TryDescriptors() {
  std::array<UniqueFd, kLoopDescriptors> room;
  for (UniqueFd& descriptor : room) {
    descriptor = UniqueFd(eventfd(0, EFD_CLOEXEC));
    if (!descriptor) return errno;
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  if (const int error = TryDescriptors(); error != 0) {
    return absl::ResourceExhaustedError("event loop: " + std::generic_category().message(error) +
                                        "; raise the limit of open files (ulimit -n)");
  }
  std::unique_ptr<EventLoop> loop(new EventLoop);
  const int error = uv_loop_init(&loop->loop_);
  if (error != 0) {
    loop->loop_.data = nullptr;
    return absl::ResourceExhaustedError(std::string("event loop: ") + uv_strerror(error));
  }
  loop->loop_.data = loop.get();
  return loop;
}

EventLoop::~EventLoop() {
  if (loop_.data == nullptr) return;
  // Closing takes a turn; a handle whose close callback closes another one takes two.
  for (int turn = 0; turn < 3 && uv_loop_close(&loop_) == UV_EBUSY; ++turn) uv_run(&loop_, UV_RUN_NOWAIT);
}

void EventLoop::Run() { uv_run(&loop_, UV_RUN_DEFAULT); }

Ticker::Ticker(uv_loop_t* loop, Duration period, std::function<void()> tick) : tick_(std::move(tick)) {
  const auto milliseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(period).count());
  if (timer_.Init(this, [&](uv_timer_t* handle) { return uv_timer_init(loop, handle); }) != 0) return;
  uv_timer_start(
      timer_.get(), [](uv_timer_t* handle) { static_cast<Ticker*>(handle->data)->tick_(); }, milliseconds,
      milliseconds);
  timer_.Unref();
}

Watcher::Watcher(uv_loop_t* loop, int descriptor, std::function<void()> ready) : ready_(std::move(ready)) {
  if (poll_.Init(this, [&](uv_poll_t* handle) { return uv_poll_init(loop, handle, descriptor); }) == 0) Want(false);
}

void Watcher::Want(bool write) {
  if (!poll_) return;
  uv_poll_start(poll_.get(), UV_READABLE | (write ? UV_WRITABLE : 0),
                [](uv_poll_t* handle, int, int) { static_cast<Watcher*>(handle->data)->ready_(); });
}

}  // namespace andiron
