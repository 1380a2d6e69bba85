// Facts and actions as text: one word for what, then its fields. The same text in traces and in scenario files.
#ifndef ANDIRON_TESTS_SIM_TRACE_H_
#define ANDIRON_TESTS_SIM_TRACE_H_

#include <andiron/settings.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jobs/action.h"
#include "jobs/fact.h"

namespace andiron::sim {

// "1.5ms", "250ns", "never".
std::string TextOf(Duration duration);
std::string TextOf(TimePoint at);

std::string TextOf(const Fact& fact, std::span<const PoolSettings> pools);
std::string TextOf(const Action& action, std::span<const PoolSettings> pools);

// A number for a list of actions; equal lists have equal numbers. Continues from `hash`.
std::uint64_t HashOf(const ActionList& actions, std::uint64_t hash);

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_TRACE_H_
