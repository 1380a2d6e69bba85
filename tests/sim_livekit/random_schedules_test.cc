// Random schedules of the agent's world, and whether each kind of fault comes.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim_livekit/schedule.h"

namespace andiron::livekit_sim {
namespace {

// ANDIRON_SIM_SEEDS asks for another number.
std::uint64_t Seeds() {
  const char* text = std::getenv("ANDIRON_SIM_SEEDS");
  return text == nullptr ? 20'000 : std::strtoull(text, nullptr, 10);
}

TEST(LivekitSchedules, KeepEveryRuleAndSettle) {
  const Account account = RunSeeds(1, Seeds(), 2);
  EXPECT_FALSE(account.failed) << "seed " << account.failed_seed << ": " << account.problem.data()
                               << "\n  replay: andiron-simulate --world livekit --seed " << account.failed_seed
                               << " --trace";
  for (std::size_t fault = 0; fault < kFaultCount; ++fault) {
    EXPECT_GT(account.faults[fault], 0U) << Name(static_cast<Fault>(fault)) << " never happened";
  }
  EXPECT_GT(account.jobs, static_cast<std::int64_t>(4 * account.schedules));
  EXPECT_GT(account.links, static_cast<std::int64_t>(2 * account.schedules));
}

TEST(LivekitSchedules, ReplayToTheSameActions) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const ScheduleResult once = RunSchedule(seed, nullptr);
    const ScheduleResult again = RunSchedule(seed, nullptr);
    EXPECT_EQ(once.hash, again.hash) << seed;
    EXPECT_EQ(once.actions, again.actions) << seed;
    EXPECT_GT(once.actions, 0) << seed;
  }
}

}  // namespace
}  // namespace andiron::livekit_sim
