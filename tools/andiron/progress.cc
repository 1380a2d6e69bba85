#include "tools/andiron/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "tools/andiron/text.h"

namespace andiron {
namespace {

constexpr Duration kPaceWindow = std::chrono::seconds(1);
constexpr double kPaceWeight = 0.3;  // of the newest second against all before

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string Rate(double per_second) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), per_second < 10 ? "%.1f/s" : "%.0f/s", per_second);
  return text.data();
}

}  // namespace

void Pace::Note(Duration since_start, std::int64_t done) {
  const Duration passed = since_start - last_time_;
  if (passed < kPaceWindow) return;
  const double now = static_cast<double>(done - last_done_) / Seconds(passed);
  rate_ = last_time_ == Duration::zero() ? now : kPaceWeight * now + (1 - kPaceWeight) * rate_;
  last_time_ = since_start;
  last_done_ = done;
}

std::string ProgressLine(const BatchCounts& counts, double per_second, std::optional<double> fraction,
                         Duration since_start, std::size_t columns) {
  std::string line = std::to_string(counts.done()) + " done, " + std::to_string(counts.in_flight) + " running";
  if (counts.failed() > 0) line += ", " + std::to_string(counts.failed()) + " failed";
  if (per_second > 0) line += ", " + Rate(per_second);
  if (fraction.has_value() && *fraction > 0) {
    const double part = std::min(*fraction, 1.0);
    line += ", " + std::to_string(static_cast<int>(part * 100)) + "%";
    const auto left = std::chrono::duration<double>(Seconds(since_start) * (1 - part) / part);
    if (left < std::chrono::hours(24 * 365)) {
      line += ", " + ShortDuration(std::chrono::duration_cast<Duration>(left)) + " left";
    }
  }
  return line.substr(0, columns);
}

std::string SummaryLine(const BatchCounts& counts, Duration since_start) {
  std::string line = std::to_string(counts.succeeded()) + " of " + Count(counts.done(), "job") + " succeeded";
  for (std::size_t i = 0; i < counts.outcomes.size(); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (outcome == Outcome::kSucceeded || counts.outcomes[i] == 0) continue;
    line += ", " + std::to_string(counts.outcomes[i]) + " " + std::string(Name(outcome));
  }
  if (counts.refused > 0) line += ", " + std::to_string(counts.refused) + " refused";
  line += "; " + ShortDuration(since_start);
  if (counts.done() > 0 && Seconds(since_start) > 0) {
    line += ", " + Rate(static_cast<double>(counts.done()) / Seconds(since_start));
  }
  return line;
}

}  // namespace andiron
