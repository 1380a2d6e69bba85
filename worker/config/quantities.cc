#include "worker/config/quantities.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>

namespace andiron {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size;
};

// From large to small: so must they come in a value of several units.
constexpr Unit kTimes[] = {{"d", 86'400'000'000'000},
                           {"h", 3'600'000'000'000},
                           {"m", 60'000'000'000},
                           {"s", 1'000'000'000},
                           {"ms", 1'000'000},
                           {"us", 1'000},
                           {"ns", 1}};
constexpr Unit kSizes[] = {{"TiB", std::int64_t{1} << 40},
                           {"TB", 1'000'000'000'000},
                           {"GiB", 1 << 30},
                           {"GB", 1'000'000'000},
                           {"MiB", 1 << 20},
                           {"MB", 1'000'000},
                           {"KiB", 1 << 10},
                           {"kB", 1'000},
                           {"KB", 1'000},
                           {"B", 1}};

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t Digits(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) - text.begin());
}

// "1.5h" off the front of `text`, as a multiple of the smallest unit. `next` is the first unit that may still come.
std::optional<std::int64_t> TakeQuantity(std::string_view& text, std::span<const Unit> units, std::size_t& next) {
  std::int64_t whole = 0;
  const std::size_t digits = Digits(text);
  const auto parsed = std::from_chars(text.data(), text.data() + digits, whole);
  if (digits == 0) return std::nullopt;
  if (parsed.ec == std::errc::result_out_of_range) whole = kLargest;
  text.remove_prefix(digits);
  std::int64_t fraction = 0;
  std::int64_t scale = 1;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t places = Digits(text);
    if (places == 0 || places > 3) return std::nullopt;
    std::from_chars(text.data(), text.data() + places, fraction);
    for (std::size_t i = 0; i < places; ++i) scale *= 10;
    text.remove_prefix(places);
  }
  const std::size_t letters = static_cast<std::size_t>(std::find_if(text.begin(), text.end(), IsDigit) - text.begin());
  for (; next < units.size(); ++next) {
    if (units[next].name != text.substr(0, letters)) continue;
    const std::int64_t size = units[next++].size;
    text.remove_prefix(letters);
    if (fraction * size % scale != 0) return std::nullopt;
    const std::int64_t rest = fraction * size / scale;
    return whole > (kLargest - rest) / size ? kLargest : whole * size + rest;
  }
  return std::nullopt;
}

std::optional<std::int64_t> ParseQuantity(std::string_view text, std::span<const Unit> units, bool several) {
  if (text == "0") return 0;
  std::int64_t sum = 0;
  std::size_t next = 0;
  do {
    const std::optional<std::int64_t> part = TakeQuantity(text, units, next);
    if (!part) return std::nullopt;
    sum = *part > kLargest - sum ? kLargest : sum + *part;
  } while (several && !text.empty());
  if (!text.empty()) return std::nullopt;
  return sum;
}

}  // namespace

std::optional<std::int64_t> ParseDuration(std::string_view text) { return ParseQuantity(text, kTimes, true); }
std::optional<std::int64_t> ParseSize(std::string_view text) { return ParseQuantity(text, kSizes, false); }

std::optional<std::int64_t> ParseRate(std::string_view text) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  return ParseSize(text);
}

std::string FormatDuration(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  std::string text;
  for (const Unit& unit : kTimes) {
    if (unit.name == "d" || nanoseconds < unit.size) continue;
    text += std::to_string(nanoseconds / unit.size) + std::string(unit.name);
    nanoseconds %= unit.size;
  }
  return text;
}

std::string FormatSize(std::int64_t bytes) {
  for (const Unit& unit : kSizes) {
    if (unit.name.size() != 3 || bytes == 0 || bytes % unit.size != 0) continue;
    return std::to_string(bytes / unit.size) + std::string(unit.name);
  }
  return std::to_string(bytes) + "B";
}

}  // namespace andiron
