// One schedule: a plan, a world and a core under an oracle, from one seed. A safety phase with faults, then a liveness
// phase without: whatever state the faults have left, the worker must settle within a bounded time and do a job.
#ifndef ANDIRON_TESTS_SIM_SCHEDULE_H_
#define ANDIRON_TESTS_SIM_SCHEDULE_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/sim/oracle.h"
#include "tests/sim/plan.h"
#include "tests/sim/world.h"

namespace andiron::sim {

struct ScheduleResult {
  std::string problem;     // "" = none
  std::uint64_t hash = 0;  // of all actions
  int slots = 0;
  std::int64_t jobs = 0;  // accepted
  std::int64_t children = 0;
  std::int64_t facts = 0;
  std::int64_t actions = 0;
  std::int64_t turns = 0;
  Nanos virtual_time = 0;
};

// Runs schedules one after the other and keeps their memory.
class Schedules {
 public:
  // With `trace`, one line for each turn is written to it.
  ScheduleResult Run(std::uint64_t seed, std::FILE* trace = nullptr);

  const FaultTable& fault_table() { return world_.fault_table(); }

 private:
  bool Turn(Core& core, ScheduleResult& result, std::FILE* trace);
  void Settle(Core& core, const Plan& plan, ScheduleResult& result, std::FILE* trace);

  World world_;
  Oracle oracle_;
  ActionList actions_;
};

// Writes what a plan has drawn.
void PrintPlan(const Plan& plan, std::FILE* out);

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_SCHEDULE_H_
