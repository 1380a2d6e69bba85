// What settings may be: their ranges, which of them contradict each other, and the defaults that depend on the CPUs.
//
// Pure values in, sentences out. Each sentence names the settings and what to do about it. Ranges are part of the
// contract with the core: within them no sum of a deadline overflows and no array outgrows the machine.
#ifndef ANDIRON_JOBS_SETTINGS_RULES_H_
#define ANDIRON_JOBS_SETTINGS_RULES_H_

#include <andiron/settings.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace andiron {

inline constexpr Duration kDurationMax = std::chrono::hours(24 * 365);
inline constexpr std::int64_t kMessageBytesMax = std::int64_t{1} << 30;
inline constexpr int kQueueMax = 10'000'000;
inline constexpr std::size_t kNameBytesMax = 64;

// A setting of a pool that is a number, with the least and the greatest that it may be, in its own unit: a count,
// bytes, or nanoseconds.
struct NumberRule {
  using Member = std::variant<int PoolSettings::*, std::int64_t PoolSettings::*, Duration PoolSettings::*>;
  std::string_view key;
  Member member;
  std::int64_t min;
  std::int64_t max;
};
std::span<const NumberRule> NumberRules();

// drain_timeout's range; the only number that belongs to the worker.
inline constexpr Duration kDrainTimeoutMax = kDurationMax;

// One thing that can't be.
struct Contradiction {
  std::string pool;   // "" = the worker
  std::string key;    // the setting to change: "warm"; "" = the whole
  std::string other;  // the setting that it contradicts; "" = none
  std::string text;
};

// All that is wrong with resolved settings (see ResolveDefaults), in the order of the settings; empty = none.
std::vector<Contradiction> FindContradictions(const PoolSettings& pool);
std::vector<Contradiction> FindContradictions(const WorkerSettings& worker);  // its pools too

// The same as sentences only, for people: "pool spell: warm (8) is more than max_children (4): ...".
std::vector<std::string> Contradictions(const PoolSettings& pool);
std::vector<std::string> Contradictions(const WorkerSettings& worker);

// Fills in what is unset: warm, max_children, max_starting, quarantine_max; and turns "unlimited" concurrency into its
// limit. An unset warm never exceeds a max_children that was set. `cpus` below 1 counts as 1. Idempotent.
void ResolveDefaults(PoolSettings& pool, int cpus);

// The number of a signal that stop_signal may name ("TERM" or "SIGTERM"); 0 = it may not.
int StopSignalNumber(std::string_view name);
std::string StopSignalNames();  // "TERM, INT, ...", for messages

// Whether a worker or a pool may be called this: 1 to kNameBytesMax of [A-Za-z0-9_-], the first not a dash.
bool IsName(std::string_view name);

}  // namespace andiron

#endif  // ANDIRON_JOBS_SETTINGS_RULES_H_
