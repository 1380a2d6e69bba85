// What sources.livekit may be: ranges, and what contradicts what.
//
// Pure values in, sentences out; each names the setting and what to do about it.
#ifndef ANDIRON_WORKER_LIVEKIT_SETTINGS_RULES_H_
#define ANDIRON_WORKER_LIVEKIT_SETTINGS_RULES_H_

#include <andiron/settings.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "worker/livekit/settings.h"

namespace andiron::livekit {

// Registrations, each with a connection of its own.
inline constexpr std::size_t kAgentsMax = 64;
inline constexpr std::size_t kAgentNameBytesMax = 256;

// A setting that is a number, with the least and the greatest that it may be: a count, bytes, or nanoseconds.
struct NumberRule {
  using Member = std::variant<int Settings::*, std::int64_t Settings::*, Duration Settings::*>;
  std::string_view key;
  Member member;
  std::int64_t min;
  std::int64_t max;
};
std::span<const NumberRule> NumberRules();

struct Problem {
  int agent = -1;     // its place in the list; -1 = the server's settings
  std::string key;    // the setting to change
  std::string other;  // the setting of the server that it contradicts; "" = none
  std::string text;
};

// Of a source that is used.
std::vector<Problem> FindProblems(const Settings& settings, const std::vector<PoolSettings>& pools);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_SETTINGS_RULES_H_
