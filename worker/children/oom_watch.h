// Whether the machine has just run out of memory: samples the kernel's count of such kills while children live.
//
// Loop's thread. The loop must outlive it, and run once more after its destruction.
#ifndef ANDIRON_WORKER_CHILDREN_OOM_WATCH_H_
#define ANDIRON_WORKER_CHILDREN_OOM_WATCH_H_

#include <uv.h>

#include <cstdint>
#include <functional>

#include "worker/base/uv_handle.h"
#include "worker/children/oom_kills.h"

namespace andiron {

class OomWatch {
 public:
  static constexpr std::uint64_t kSampleMs = 1000;

  // `count`: out-of-memory kills so far. `wanted`: asked before each sample; when it says no, the sampling ends.
  OomWatch(uv_loop_t* loop, std::function<std::int64_t()> count, std::function<bool()> wanted);
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // Samples from now on, unless it does already; what has been counted so far is not new.
  void Run();

  // In the last two to three seconds. False if it doesn't run.
  bool JustRanOut() const;

 private:
  void Sample();
  bool running() const;

  const std::function<std::int64_t()> count_;
  const std::function<bool()> wanted_;
  OomGrowth growth_;
  UvHandle<uv_timer_t> timer_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_OOM_WATCH_H_
