// A program's own libuv loop, its periodic timer, and the watching of one descriptor.
//
// EventLoop owns the loop: destroy everything that uses it first; its destructor then lets the last handles close.
// One thread.
#ifndef ANDIRON_WORKER_CONSOLE_EVENT_LOOP_H_
#define ANDIRON_WORKER_CONSOLE_EVENT_LOOP_H_

#include <absl/status/statusor.h>
#include <andiron/time.h>

#include <functional>
#include <memory>

#include "worker/base/uv_handle.h"

namespace andiron {

class EventLoop {
 public:
  // ResourceExhausted: the system has no descriptors or memory for a loop.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  uv_loop_t* get() { return &loop_; }

  // Until Stop is called.
  void Run();
  void Stop() { uv_stop(&loop_); }

 private:
  EventLoop() = default;
  uv_loop_t loop_{};
};

// Calls `tick` every `period`, first after one period. Doesn't keep the loop running.
class Ticker {
 public:
  Ticker(uv_loop_t* loop, Duration period, std::function<void()> tick);

 private:
  std::function<void()> tick_;
  UvHandle<uv_timer_t> timer_;
};

// Calls `ready` when the descriptor can be read, or written if that is wanted. The descriptor is not owned, is not
// shared with other processes, and must outlive the watcher.
class Watcher {
 public:
  Watcher(uv_loop_t* loop, int descriptor, std::function<void()> ready);
  void Want(bool write);

 private:
  std::function<void()> ready_;
  UvHandle<uv_poll_t> poll_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONSOLE_EVENT_LOOP_H_
