// Streams of children that print more than they may: each is read again only after a pause, so that a flood costs the
// worker and the machine little, however fast the child can write. One timer for all of them.
//
// Loop's thread. The loop must outlive it, and it the streams.
#ifndef ANDIRON_WORKER_CHILDREN_LOG_BRAKE_H_
#define ANDIRON_WORKER_CHILDREN_LOG_BRAKE_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/base/uv_handle.h"

namespace andiron {

class LineCapture;

class LogBrake {
 public:
  // A pipe holds 64 KiB, so a flood is read at about 32 MiB/s and waits at most 2 ms at a time. Beside one that is read
  // as fast as it comes, 63 good children on two cores had 3.1 times their p99, so 1.2 times
  // (bench/reliability/neighbours.cc).
  static constexpr std::uint64_t kPauseMs = 2;

  explicit LogBrake(uv_loop_t* loop, std::uint64_t pause_ms = kPauseMs);

  // It is resumed after the pause, unless it is forgotten before.
  void Pause(LineCapture& capture);
  void Forget(LineCapture& capture);

  std::size_t paused() const { return paused_.size(); }

 private:
  void ResumeAll();

  const std::uint64_t pause_ms_;
  UvHandle<uv_timer_t> timer_;
  std::vector<LineCapture*> paused_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_LOG_BRAKE_H_
