// The same seed gives the same actions, whatever ran before it.
#include <gtest/gtest.h>

#include <memory>

#include "tests/sim/run.h"
#include "tests/sim/schedule.h"

namespace andiron::sim {
namespace {

constexpr std::uint64_t kSeeds = 200;

TEST(Replay, GivesTheSameActionsTwice) {
  auto first = std::make_unique<Schedules>();
  auto second = std::make_unique<Schedules>();
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ScheduleResult once = first->Run(seed);
    const ScheduleResult again = second->Run(seed);
    ASSERT_EQ(once.problem, "") << "seed " << seed;
    ASSERT_EQ(once.hash, again.hash) << "seed " << seed;
    ASSERT_EQ(once.facts, again.facts) << "seed " << seed;
  }
}

TEST(Replay, DoesNotDependOnWhatRanBefore) {
  auto many = std::make_unique<Schedules>();
  for (std::uint64_t seed = 300; seed < 330; ++seed) many->Run(seed);
  auto fresh = std::make_unique<Schedules>();
  EXPECT_EQ(many->Run(7).hash, fresh->Run(7).hash);
}

TEST(Replay, DoesNotDependOnTheNumberOfProcesses) {
  const Account one = RunSeeds(1, 100, 1, {});
  const Account three = RunSeeds(1, 100, 3, {});
  EXPECT_FALSE(one.failed);
  EXPECT_EQ(one.hash, three.hash);
  EXPECT_EQ(one.facts, three.facts);
}

TEST(Replay, OfAnotherSeedIsAnother) {
  auto schedules = std::make_unique<Schedules>();
  EXPECT_NE(schedules->Run(1).hash, schedules->Run(2).hash);
}

}  // namespace
}  // namespace andiron::sim
