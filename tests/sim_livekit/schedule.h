// One schedule: the agent in the world that a seed makes, under the oracle. First with faults; then they stop, and the
// agent must settle in a bounded time, take a probe job and bring it home, and close.
#ifndef ANDIRON_TESTS_SIM_LIVEKIT_SCHEDULE_H_
#define ANDIRON_TESTS_SIM_LIVEKIT_SCHEDULE_H_

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "tests/sim_livekit/plan.h"

namespace andiron::livekit_sim {

struct ScheduleResult {
  std::string problem;  // "" = all rules were kept
  std::int64_t turns = 0;
  std::int64_t facts = 0;
  std::int64_t actions = 0;
  std::int64_t jobs = 0;
  std::int64_t links = 0;
  std::uint64_t hash = 0;  // of all actions
  double virtual_seconds = 0;
  std::array<std::uint64_t, kFaultCount> faults{};
};

// Writes each turn to `trace`, if there is one.
ScheduleResult RunSchedule(std::uint64_t seed, std::FILE* trace);

// Many of them added up. Plain memory: it lies in a shared mapping.
struct Account {
  std::uint64_t schedules = 0;
  std::uint64_t current_seed = 0;
  std::uint64_t failed_seed = 0;
  bool failed = false;
  std::array<char, 512> problem{};
  std::int64_t turns = 0;
  std::int64_t facts = 0;
  std::int64_t actions = 0;
  std::int64_t jobs = 0;
  std::int64_t links = 0;
  double virtual_hours = 0;
  std::uint64_t hash = 0;
  std::array<std::uint64_t, kFaultCount> faults{};
};

// Runs `count` seeds from `first` on, on that many processes; ends early at a failure, of which the lowest seed is
// named. A process that dies counts as one.
Account RunSeeds(std::uint64_t first, std::uint64_t count, int processes);

void PrintAccount(const Account& account, std::FILE* out);

}  // namespace andiron::livekit_sim

#endif  // ANDIRON_TESTS_SIM_LIVEKIT_SCHEDULE_H_
