// Where a simulated clock begins: soon after the machine's start in half of all plans, else just before a number of
// fewer bits would overflow (it then does so within the schedule), or near the end of the clock itself.
#ifndef ANDIRON_TESTS_SIM_CLOCK_START_H_
#define ANDIRON_TESTS_SIM_CLOCK_START_H_

#include <array>
#include <cstdint>
#include <limits>

#include "tests/sim/random.h"

namespace andiron::sim {

// In nanoseconds: 2^31 and 2^32 of them, of microseconds and of milliseconds (25 and 50 days), and what a double still
// counts exactly.
inline constexpr std::array<std::int64_t, 7> kOverflows = {
    std::int64_t{1} << 31,
    std::int64_t{1} << 32,
    (std::int64_t{1} << 31) * 1'000,
    (std::int64_t{1} << 32) * 1'000,
    (std::int64_t{1} << 31) * 1'000'000,
    (std::int64_t{1} << 32) * 1'000'000,
    std::int64_t{1} << 53,
};

// 30 days before the clock's last nanosecond: more than any schedule lasts, with all its deadlines.
inline constexpr std::int64_t kLastMonth =
    std::numeric_limits<std::int64_t>::max() - std::int64_t{30} * 24 * 3'600 * 1'000'000'000;

inline std::int64_t DrawClockStart(Random& random) {
  constexpr std::int64_t kSoon = 1'000'000'000;
  if (random.Coin()) return kSoon;
  const std::int64_t which = random.Below(static_cast<std::int64_t>(kOverflows.size()) + 1);
  if (which == static_cast<std::int64_t>(kOverflows.size())) return kLastMonth;
  return kOverflows[static_cast<std::size_t>(which)] - 1 - random.Below(kSoon);
}

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_CLOCK_START_H_
