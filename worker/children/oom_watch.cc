#include "worker/children/oom_watch.h"

#include <utility>

namespace andiron {

OomWatch::OomWatch(uv_loop_t* loop, std::function<std::int64_t()> count, std::function<bool()> wanted)
    : count_(std::move(count)), wanted_(std::move(wanted)) {
  timer_.Init(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
  timer_.Unref();
}

bool OomWatch::running() const { return uv_is_active(reinterpret_cast<const uv_handle_t*>(timer_.get())) != 0; }

void OomWatch::Run() {
  if (running()) return;
  growth_.Restart(count_());
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<OomWatch*>(timer->data)->Sample();
      },
      kSampleMs, kSampleMs);
}

void OomWatch::Sample() {
  if (wanted_()) {
    growth_.Sample(count_());
  } else {
    uv_timer_stop(timer_.get());
  }
}

bool OomWatch::JustRanOut() const { return running() && growth_.IsNew(count_()); }

}  // namespace andiron
