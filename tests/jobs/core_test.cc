// What the core does itself: finds jobs by their id, and stays calm about facts that nobody can have seen.
#include "jobs/core.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/jobs/rig.h"

namespace andiron {
namespace {

TEST(FindJob, GoesByIdAndIfWantedByPool) {
  Rig rig;
  rig.Submit(1);
  EXPECT_EQ(rig.core.FindJob("", "job1"), std::optional(JobNumber{1}));
  EXPECT_EQ(rig.core.FindJob("p", "job1"), std::optional(JobNumber{1}));
  EXPECT_EQ(rig.core.FindJob("other", "job1"), std::nullopt);
  EXPECT_EQ(rig.core.FindJob("", "job2"), std::nullopt);
}

TEST(UnknownPool, IsAnsweredAtOnce) {
  Rig rig;
  rig.Step(ReservationAsked{.reservation = ReservationNumber{1}, .pool = "other"});
  ASSERT_EQ(rig.All<ReservationAnswered>().size(), 1U);
  EXPECT_FALSE(rig.All<ReservationAnswered>()[0].granted);
  rig.Step(ReadyAwaited{.waiter = WaiterNumber{1}, .pool = "other", .patience = 1s});
  ASSERT_EQ(rig.All<WaiterAnswered>().size(), 1U);
  EXPECT_EQ(rig.All<WaiterAnswered>()[0].end, InitializeEnd::kCancelled);
  rig.Step(ChildStopRequested{.waiter = WaiterNumber{2}, .child = {7, 0, 1}});
  ASSERT_EQ(rig.All<StopAnswered>().size(), 1U);
  EXPECT_FALSE(rig.All<StopAnswered>()[0].found);
}

TEST(UnknownChild, ChangesNothing) {
  Rig rig;
  const CoreStatus before = rig.core.Status();
  rig.Step(ChildReady{{7, 0, 1}}, ChildExited{{7, 0, 1}, 0, 9, false}, ChildReady{{0, 99, 1}});
  EXPECT_TRUE(rig.actions.empty());
  EXPECT_EQ(rig.Pool().spawned, before.pools[0].spawned);
}

TEST(Later, EndsWithTheEndOfTime) {
  Duration wait = Duration::max();
  EXPECT_EQ(Later(TimePoint(1s), wait), kNever);
  wait = 1s;
  EXPECT_EQ(Later(TimePoint(1s), wait), TimePoint(2s));
}

TEST(BackOff, MayBeShorterThanItsJitter) {
  PoolSettings pool = Rig::Settings();
  pool.backoff_min = pool.backoff_max = 1ns;
  Rig rig(pool);
  rig.Step(SpawnFailed{rig.Child(), "no"});
  EXPECT_EQ(rig.core.NextDeadline(), rig.now + 1ns);
}

TEST(Resume, WithoutADrainAndAfterAStopIsHarmless) {
  Rig rig;
  rig.Step(ResumeRequested{});
  EXPECT_EQ(rig.core.Status().state, WorkerState::kRunning);
  rig.Step(StopRequested{.now = false});
  rig.Step(ResumeRequested{});
  EXPECT_NE(rig.core.Status().state, WorkerState::kRunning);
}

}  // namespace
}  // namespace andiron
