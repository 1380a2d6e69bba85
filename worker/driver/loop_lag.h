// How long the loop was away from its poll, or was kept from it: the longest of the last seconds.
#ifndef ANDIRON_WORKER_DRIVER_LOOP_LAG_H_
#define ANDIRON_WORKER_DRIVER_LOOP_LAG_H_

#include <andiron/time.h>

#include <algorithm>

namespace andiron {

class LoopLag {
 public:
  // The longest of the last kWindow to 2 * kWindow is told.
  static constexpr Duration kWindow = std::chrono::seconds(5);

  void Record(TimePoint now, Duration away) {
    Advance(now);
    now_ = std::max(now_, away);
  }

  Duration Longest(TimePoint now) {
    Advance(now);
    return std::max(now_, before_);
  }

 private:
  void Advance(TimePoint now) {
    if (now < window_end_) return;
    before_ = now < window_end_ + kWindow ? now_ : Duration::zero();
    now_ = Duration::zero();
    window_end_ = now + kWindow;
  }

  TimePoint window_end_{};
  Duration now_{};
  Duration before_{};
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_LOOP_LAG_H_
