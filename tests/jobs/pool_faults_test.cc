// Rows of docs/faults.md that a pool decides and that the tests of its ordinary life don't reach.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/jobs/rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

PoolSettings Quiet(int warm, int max_children) {
  PoolSettings pool = Rig::Settings(warm, max_children);
  pool.ping_interval = 0s;
  pool.idle_timeout = 0s;
  return pool;
}

std::int64_t Ended(const Rig& rig, InitializeEnd end, std::size_t pool = 0) {
  return rig.Pool(pool).initialize[static_cast<std::size_t>(end)];
}

// ---- starts ----

TEST(PoolFaults, AReadyChildsLaterDeathIsNoFailedStartAndNoTimerOfItsStartFires) {
  Shows("R03");
  Rig rig(Quiet(1, 1));
  rig.MakeReady();
  rig.Pass(11s);  // past init_timeout and init_stall_timeout
  EXPECT_FALSE(rig.Did<KillChild>());
  rig.Die(rig.Child());
  EXPECT_EQ(Ended(rig, InitializeEnd::kReady), 1);
  EXPECT_EQ(Ended(rig, InitializeEnd::kExited), 0);
  EXPECT_EQ(Ended(rig, InitializeEnd::kTimedOut), 0);
}

TEST(PoolFaults, ANewGenerationHasAllOfItsOwnTimeout) {
  Shows("R77");
  PoolSettings pool = Quiet(1, 1);
  pool.init_stall_timeout = 0s;
  pool.backoff_min = pool.backoff_max = 100ms;
  Rig rig(pool);
  rig.Step(Spawned{rig.Child(), 7});
  rig.Pass(9s);
  rig.Step(ChildExited{rig.Child(), 1, 0, false}, ChannelClosed{rig.Child()});
  rig.Pass(100ms);
  ASSERT_EQ(rig.Count(SlotState::kStarting), 1);
  rig.Pass(9s);
  EXPECT_FALSE(rig.Did<KillChild>()) << "18 s after the first one's start";
  rig.Pass(1s);
  EXPECT_TRUE(rig.Did<KillChild>());
}

TEST(PoolFaults, AFailingPoolLeavesTheOtherAlone) {
  Shows("R13");
  PoolSettings bad = Quiet(2, 2);
  bad.name = "bad";
  bad.breaker_failures = 2;
  Rig rig({bad, Quiet(1, 1)}, 20s);
  rig.Step(SpawnFailed{{0, 0, 1}, "no"}, SpawnFailed{{0, 1, 1}, "no"});
  EXPECT_EQ(rig.Pool(0).breaker, BreakerState::kOpen);
  rig.Step(Spawned{{1, 0, 1}, 7}, ChildReady{{1, 0, 1}});
  EXPECT_EQ(rig.Pool(1).breaker, BreakerState::kClosed);
  EXPECT_EQ(rig.Pool(1).capacity, 1);
  rig.Submit(1);  // of the good one
  EXPECT_TRUE(rig.Did<SendJob>());
}

TEST(PoolFaults, WaitersHearTheFailureOfTheStartThatTheyShareAndNobodyTriesAgainForThem) {
  Shows("R16", "R52");
  PoolSettings pool = Quiet(0, 4);
  Rig rig(pool);
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s}, ReadyAwaited{WaiterNumber{2}, "p", 100s});
  ASSERT_EQ(rig.Count(SlotState::kStarting), 1);
  rig.Step(SpawnFailed{rig.Pool().children.at(0).child, "no"});
  ASSERT_EQ(rig.All<WaiterAnswered>().size(), 2U);
  for (const WaiterAnswered& answer : rig.All<WaiterAnswered>()) EXPECT_EQ(answer.end, InitializeEnd::kSpawnFailed);
  rig.Pass(60s);
  EXPECT_FALSE(rig.Did<StartChild>());
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s});
  EXPECT_TRUE(rig.Did<StartChild>()) << "whoever wants to may ask again";
}

TEST(PoolFaults, AChildThatNeverStartedIsCountedNowhereButAsAFailedStart) {
  Shows("R18");
  Rig rig(Quiet(1, 1));
  rig.Step(SpawnFailed{rig.Child(), "no"});
  const PoolStatus pool = rig.Pool();
  EXPECT_EQ(pool.spawned, 0);
  EXPECT_EQ(pool.exited, 0);
  EXPECT_TRUE(pool.children.empty());
  EXPECT_EQ(pool.capacity, 0);
  EXPECT_EQ(Ended(rig, InitializeEnd::kSpawnFailed), 1);
}

TEST(PoolFaults, AFailedProbeLeavesTheBreakerOpen) {
  Shows("R88");
  PoolSettings pool = Quiet(1, 1);
  pool.breaker_failures = 1;
  pool.breaker_probe = 5s;
  Rig rig(pool);
  rig.Step(SpawnFailed{rig.Child(), "no"});
  for (int probe = 0; probe < 3; ++probe) {
    rig.Pass(5s);
    ASSERT_EQ(rig.Pool().breaker, BreakerState::kProbing);
    rig.Step(SpawnFailed{rig.Child(), "no"});
    EXPECT_EQ(rig.Pool().breaker, BreakerState::kOpen);
    EXPECT_EQ(rig.Pool().capacity, 0);
  }
}

TEST(PoolFaults, AThousandSlotsStartAFewAtATime) {
  Shows("A20");
  PoolSettings pool = Quiet(1000, 1000);
  pool.max_starting = 4;
  Rig rig(pool);
  for (int ready = 0; ready < 1000; ++ready) {
    ASSERT_LE(rig.Count(SlotState::kStarting), 4);
    for (const ChildStatus& child : rig.Pool().children) {
      if (child.state != SlotState::kStarting) continue;
      rig.Step(Spawned{child.child, 100}, ChildReady{child.child});
      break;
    }
  }
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1000);
  EXPECT_EQ(rig.Pool().spawned, 1000);
}

TEST(PoolFaults, WhoeverWantsAReadyChildWhileTheLastOneStopsGetsTheNext) {
  Shows("R51", "R54");
  Rig rig(Quiet(0, 1));
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s});
  rig.MakeReady();
  const ChildId old = rig.Child();
  rig.Step(ChildStopRequested{WaiterNumber{2}, old, false});
  rig.Step(ReadyAwaited{WaiterNumber{3}, "p", 100s});
  EXPECT_FALSE(rig.Did<WaiterAnswered>());
  rig.Die(old, 15);
  ASSERT_TRUE(rig.Did<StartChild>());
  rig.MakeReady();
  ASSERT_EQ(rig.All<WaiterAnswered>().size(), 1U);
  EXPECT_EQ(rig.All<WaiterAnswered>()[0].end, InitializeEnd::kReady);
}

TEST(PoolFaults, AStopWakesAllWhoWaitAndIsForGood) {
  Shows("R55");
  Rig rig(Quiet(0, 1));
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s});
  const ChildId child = rig.Child();
  rig.Step(Spawned{child, 7});
  rig.Submit(1);
  rig.Step(StopRequested{true});
  ASSERT_EQ(rig.All<WaiterAnswered>().size(), 1U);
  EXPECT_NE(rig.All<WaiterAnswered>()[0].end, InitializeEnd::kReady);
  ASSERT_EQ(rig.All<ReportOutcome>().size(), 1U);
  rig.Die(child);
  EXPECT_TRUE(rig.Did<WorkerStopped>());
  rig.Step(ResumeRequested{}, Rig::Job(2), ReadyAwaited{WaiterNumber{2}, "p", 100s});
  EXPECT_EQ(rig.All<Refused>().at(0).reason, Refusal::kDraining);
  EXPECT_EQ(rig.All<WaiterAnswered>().size(), 1U);
  EXPECT_FALSE(rig.Did<StartChild>());
}

// ---- limits ----

TEST(PoolFaults, NoDemandIsAReasonForMoreChildrenThanTheLimit) {
  Shows("R81", "R82");
  Rig rig(Quiet(1, 3));
  for (std::uint64_t job = 1; job <= 10; ++job) {
    rig.Submit(job);
    EXPECT_LE(rig.Pool().children.size(), 3U) << "those that start count";
  }
  EXPECT_EQ(rig.Count(SlotState::kStarting), 3);
  rig.MakeAllReady();
  EXPECT_EQ(rig.Pool().children.size(), 3U);
  EXPECT_EQ(rig.Pool().running, 3);
  EXPECT_EQ(rig.Pool().queued, 7);
}

TEST(PoolFaults, TenThousandJobsWaitInOrderAndTheNextIsRefused) {
  Shows("B22");
  PoolSettings pool = Quiet(1, 1);
  pool.queue_limit = 10'000;
  pool.start_by = 1000h;
  Rig rig(pool);
  std::vector<Fact> all{TimeRead{rig.now}};
  for (std::uint64_t job = 1; job <= 10'000; ++job) all.push_back(Rig::Job(job));
  rig.core.Step(rig.now, all, rig.actions);
  EXPECT_EQ(rig.Pool().queued, 10'000);
  rig.Submit(10'001);
  ASSERT_TRUE(rig.Did<Refused>());
  EXPECT_EQ(rig.All<Refused>()[0].reason, Refusal::kQueueFull);
  rig.MakeReady();
  for (std::uint64_t job = 1; job <= 100; ++job) {
    ASSERT_EQ(rig.All<SendJob>().at(0).job, JobNumber{job});
    rig.Step(JobAcked{rig.Child(), JobNumber{job}}, Rig::Done(rig.Child(), job));
  }
  EXPECT_EQ(rig.Pool().queued, 10'000 - 101);
}

// ---- a child at work ----

TEST(PoolFaults, ABusyChildIsJudgedByItsLimitsAndNotByPings) {
  Shows("B8", "R87");
  PoolSettings pool = Rig::Settings();
  pool.run_for = 24h;
  Rig rig(pool);
  rig.MakeReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Pass(23h);
  EXPECT_FALSE(rig.Did<SendPing>());
  EXPECT_FALSE(rig.Did<KillChild>());
  EXPECT_EQ(rig.Count(SlotState::kBusy), 1);
}

TEST(PoolFaults, RunForCountsForEachJobFromItsOwnStart) {
  Shows("R74");
  PoolSettings pool = Quiet(1, 1);
  pool.run_for = 10s;
  Rig rig(pool);
  rig.MakeReady();
  for (std::uint64_t job = 1; job <= 20; ++job) {
    rig.Submit(job);
    rig.Step(JobAcked{rig.Child(), JobNumber{job}});
    rig.Pass(9s);
    EXPECT_FALSE(rig.Did<SendCancel>());
    rig.Step(Rig::Done(rig.Child(), job));
  }
  EXPECT_EQ(rig.Child().generation, 1U);
  rig.Submit(21);
  rig.Step(JobAcked{rig.Child(), JobNumber{21}});
  rig.Pass(10s);
  EXPECT_TRUE(rig.Did<SendCancel>());
}

TEST(PoolFaults, AJobDoesNotLandOnAChildThatIsAskedToStopInTheSameTurn) {
  Shows("R79");
  PoolSettings pool = Quiet(0, 1);
  pool.idle_timeout = 60s;
  Rig rig(pool);
  rig.Submit(1);
  rig.MakeReady();
  const ChildId old = rig.Child();
  rig.Step(JobAcked{old, JobNumber{1}}, Rig::Done(old, 1));
  rig.Step(ChildStopRequested{WaiterNumber{1}, old, false}, Rig::Job(2));
  EXPECT_TRUE(rig.Did<AskToStop>());
  EXPECT_FALSE(rig.Did<SendJob>());
  rig.Die(old, 15);
  rig.MakeReady();
  EXPECT_EQ(rig.All<SendJob>().at(0).child.generation, old.generation + 1);
}

TEST(PoolFaults, AStopNamesAChildExactlyOrMeetsNobody) {
  Shows("R114");
  Rig rig(Quiet(1, 1));
  rig.MakeReady();
  rig.Die(rig.Child());
  rig.Pass(1s);
  rig.MakeReady();
  const ChildId present = rig.Child();
  ASSERT_EQ(present.generation, 2U);
  for (const ChildId wrong : {ChildId{0, 0, 1}, ChildId{0, 0, 3}, ChildId{0, 7, 1}, ChildId{9, 0, 2}}) {
    rig.Step(ChildStopRequested{WaiterNumber{1}, wrong, true});
    ASSERT_EQ(rig.All<StopAnswered>().size(), 1U);
    EXPECT_FALSE(rig.All<StopAnswered>()[0].found);
    EXPECT_FALSE(rig.Did<KillChild>());
  }
  EXPECT_EQ(rig.Child(), present);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
}

// ---- places ----

TEST(PoolFaults, ACancelledJobsPlaceInTheQueueIsFree) {
  Shows("R60");
  PoolSettings pool = Quiet(1, 1);
  pool.queue_limit = 1;
  Rig rig(pool);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  JobSubmitted promised = Rig::Job(1);
  promised.reservation = ReservationNumber{1};
  rig.Step(promised);
  rig.Submit(2);
  EXPECT_TRUE(rig.Did<Refused>());
  rig.Step(JobCancelled{JobNumber{1}});
  EXPECT_EQ(rig.Pool().queued, 0);
  EXPECT_EQ(rig.Pool().reserved, 0);
  rig.Submit(3);
  EXPECT_TRUE(rig.Did<Accepted>());
}

TEST(PoolFaults, AReservationThatIsReleasedTwiceIsReleasedOnce) {
  Shows("R61");
  Rig rig(Quiet(2, 2));
  rig.MakeAllReady();
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"}, ReservationAsked{ReservationNumber{2}, "p"});
  EXPECT_EQ(rig.Pool().capacity, 0);
  rig.Step(ReservationReleased{ReservationNumber{1}}, ReservationReleased{ReservationNumber{1}});
  rig.Step(ReservationReleased{ReservationNumber{1}});
  EXPECT_EQ(rig.Pool().capacity, 1);
  EXPECT_EQ(rig.Pool().reserved, 1);
}

TEST(PoolFaults, TheFullerTheQueueTheLaterARefusedJobIsToldToComeBack) {
  Shows("R72");
  Duration last{};
  for (const int limit : {3, 10, 20}) {
    PoolSettings pool = Quiet(1, 1);
    pool.queue_limit = limit;
    pool.start_by = 1000h;
    Rig rig(pool);
    rig.MakeReady();
    // How long jobs take is learnt from those that have ended.
    for (std::uint64_t job = 1; job <= 20; ++job) {
      rig.Submit(job);
      rig.Step(JobAcked{rig.Child(), JobNumber{job}});
      rig.Pass(1s);
      rig.Step(Rig::Done(rig.Child(), job));
    }
    for (std::uint64_t job = 0; job <= static_cast<std::uint64_t>(limit); ++job) rig.Submit(100 + job);
    rig.Submit(99);
    ASSERT_TRUE(rig.Did<Refused>());
    EXPECT_GT(rig.All<Refused>()[0].retry_after, last) << limit;
    last = rig.All<Refused>()[0].retry_after;
  }
}

}  // namespace
}  // namespace andiron
