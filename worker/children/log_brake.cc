#include "worker/children/log_brake.h"

#include <utility>

#include "worker/children/line_capture.h"

namespace andiron {

LogBrake::LogBrake(uv_loop_t* loop, std::uint64_t pause_ms) : pause_ms_(pause_ms) {
  timer_.Init(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
  timer_.Unref();
}

void LogBrake::Pause(LineCapture& capture) {
  paused_.push_back(&capture);
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(timer_.get())) != 0) return;
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<LogBrake*>(timer->data)->ResumeAll();
      },
      pause_ms_, 0);
}

void LogBrake::Forget(LineCapture& capture) { std::erase(paused_, &capture); }

void LogBrake::ResumeAll() {
  for (LineCapture* const capture : std::exchange(paused_, {})) capture->Watch();
}

}  // namespace andiron
