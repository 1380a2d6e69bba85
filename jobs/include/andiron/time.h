// Time as the core knows it: a number that is handed in.
//
// A TimePoint counts nanoseconds of the monotonic clock. Its clock has no now(): the product reads the
// clock in worker/base/clock.cc only, and the simulator makes its own.
#ifndef ANDIRON_TIME_H_
#define ANDIRON_TIME_H_

#include <chrono>

namespace andiron {

using Duration = std::chrono::nanoseconds;

struct MonotonicTime {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicTime, Duration>;
  static constexpr bool is_steady = true;
};

using TimePoint = MonotonicTime::time_point;

// Later than every deadline: "there is none".
inline constexpr TimePoint kNever = TimePoint::max();

// `from + wait`, or kNever where that doesn't fit: settings come from people.
constexpr TimePoint Later(TimePoint from, Duration wait) { return wait > kNever - from ? kNever : from + wait; }

// As a fraction of milliseconds, for messages and reports.
constexpr double Milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace andiron

#endif  // ANDIRON_TIME_H_
