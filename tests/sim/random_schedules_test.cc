// Random schedules, and whether the generator makes what it promises.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/run.h"

namespace andiron::sim {
namespace {

// ANDIRON_SIM_SEEDS asks for another number.
std::uint64_t Seeds() {
  const char* text = std::getenv("ANDIRON_SIM_SEEDS");
  return text == nullptr ? 20'000 : std::strtoull(text, nullptr, 10);
}

TEST(RandomSchedules, KeepEveryRuleAndSettle) {
  const Account account = RunSeeds(1, Seeds(), 2, {});
  EXPECT_FALSE(account.failed) << "seed " << account.failed_seed << ": " << account.problem.data()
                               << "\n  replay: andiron-simulate --seed " << account.failed_seed << " --trace";
  EXPECT_GE(account.slots_each.Quantile(0.5), 8);
  EXPECT_GE(account.jobs_each.Quantile(0.5), 40);
  EXPECT_GE(account.faults_each.Quantile(0.5), 20);
  for (std::size_t fault = 0; fault < kFaultCount; ++fault) {
    std::uint64_t hits = 0;
    for (const std::uint64_t count : account.faults[fault]) hits += count;
    EXPECT_GT(hits, 0U) << Name(static_cast<Fault>(fault)) << " never happened";
  }
}

}  // namespace
}  // namespace andiron::sim
