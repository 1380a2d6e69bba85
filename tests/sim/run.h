// Many schedules, one after the other, on several processes; and what they did, added up.
//
// Each process is forked and keeps its account in shared memory: so a core that aborts (an impossible state) costs one
// process, and its seed is known. Processes take every n-th seed, so the result doesn't depend on their number.
#ifndef ANDIRON_TESTS_SIM_RUN_H_
#define ANDIRON_TESTS_SIM_RUN_H_

#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "tests/sim/world.h"

namespace andiron::sim {

// Counts how often each value came, up to a limit; greater ones count as the limit.
class Histogram {
 public:
  void Add(std::int64_t value);
  void Add(const Histogram& other);
  std::int64_t Quantile(double part) const;  // 0.5: the median

 private:
  static constexpr std::size_t kBins = 2048;
  static constexpr std::int64_t kExact = 1024;  // one bin for each value up to here, then coarser
  static std::size_t BinOf(std::int64_t value);
  static std::int64_t ValueOf(std::size_t bin);
  std::array<std::uint32_t, kBins> bins_{};
};

// Plain memory: it lies in a shared mapping.
struct Account {
  std::uint64_t schedules = 0;
  std::uint64_t current_seed = 0;
  std::uint64_t failed_seed = 0;
  bool failed = false;
  std::array<char, 512> problem{};
  std::int64_t facts = 0;
  std::int64_t actions = 0;
  std::int64_t turns = 0;
  std::int64_t children = 0;
  double virtual_hours = 0;
  std::uint64_t hash = 0;  // of all schedules' actions, whatever the number of processes
  Histogram slots_each;
  Histogram jobs_each;
  Histogram facts_each;
  Histogram faults_each;
  Histogram turns_each;
  FaultTable faults{};
};

// Runs `count` seeds from `first` on. Ends early at the first failure: the account then names the lowest seed that
// failed. `progress` is told now and then how many are done; may be empty.
Account RunSeeds(std::uint64_t first, std::uint64_t count, int processes,
                 const std::function<void(std::uint64_t done)>& progress);

// What was reached, as tables: sizes of the schedules, and faults by the state of the slot that they hit.
void PrintAccount(const Account& account, std::FILE* out);

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_RUN_H_
