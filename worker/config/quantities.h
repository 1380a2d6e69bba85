// Durations and sizes: numbers with a unit, as people write them, and back.
//
// Pure; never throws. A duration may have several units, from large to small; a fraction has at most three places.
#ifndef ANDIRON_WORKER_CONFIG_QUANTITIES_H_
#define ANDIRON_WORKER_CONFIG_QUANTITIES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace andiron {

// "1h30m" in nanoseconds, "4MiB" in bytes, "1MiB/s" in bytes. Nothing if it isn't one. "0" is one.
// What doesn't fit is the largest number: beyond the range of every setting.
std::optional<std::int64_t> ParseDuration(std::string_view text);
std::optional<std::int64_t> ParseSize(std::string_view text);
std::optional<std::int64_t> ParseRate(std::string_view text);
std::string FormatDuration(std::int64_t nanoseconds);
std::string FormatSize(std::int64_t bytes);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_QUANTITIES_H_
