// What a pool decides about its children. The cells of the state table are in state_table_test.cc.
#include <gtest/gtest.h>

#include "tests/jobs/rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

TEST(Pool, KeepsWarmChildrenReadyBesideBusyOnes) {
  Shows("R82");
  Rig rig(Rig::Settings(2, 4));
  EXPECT_EQ(rig.Count(SlotState::kStarting), 2);
  rig.MakeAllReady();
  rig.Submit(1);
  EXPECT_EQ(rig.Count(SlotState::kBusy), 1);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1);
}

TEST(Pool, StartsNoMoreAtOnceThanMaxStarting) {
  Shows("A16", "R10");
  PoolSettings pool = Rig::Settings(8, 8);
  pool.max_starting = 3;
  Rig rig(pool);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 3);
  rig.MakeReady(0);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 3);
}

TEST(Pool, StartsOnDemandWhenNothingIsKeptWarm) {
  Rig rig(Rig::Settings(0, 2));
  EXPECT_EQ(rig.Count(SlotState::kVacant), 2);
  rig.Submit(1);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1);
}

TEST(Pool, HandsOverToTheNewestIdleChild) {
  Rig rig(Rig::Settings(3, 3));
  rig.MakeReady(0);
  rig.MakeReady(2);
  rig.MakeReady(1);
  rig.Submit(1);
  ASSERT_TRUE(rig.Did<SendJob>());
  EXPECT_EQ(rig.All<SendJob>()[0].child.slot, 1U);
}

TEST(Pool, RunsSeveralJobsAtOnceInOneChild) {
  PoolSettings pool = Rig::Settings(1, 1);
  pool.max_concurrent_jobs_per_child = 2;
  Rig rig(pool);
  rig.MakeReady();
  for (std::uint64_t job = 1; job <= 3; ++job) rig.Submit(job);
  EXPECT_EQ(rig.Pool().running, 2);
  EXPECT_EQ(rig.Pool().queued, 1);
}

TEST(Pool, OneCrashGivesEachJobOfTheChildItsOutcome) {
  Shows("R65");
  PoolSettings pool = Rig::Settings(1, 1);
  pool.max_concurrent_jobs_per_child = 3;
  Rig rig(pool);
  rig.MakeReady();
  for (std::uint64_t job = 1; job <= 3; ++job) rig.Submit(job);
  for (std::uint64_t job = 1; job <= 3; ++job) rig.Step(JobAcked{rig.Child(), JobNumber{job}});
  rig.Die(rig.Child(), 11);
  const auto outcomes = rig.All<ReportOutcome>();
  ASSERT_EQ(outcomes.size(), 3U);
  for (const ReportOutcome& outcome : outcomes) EXPECT_EQ(outcome.outcome, Outcome::kChildCrashed);
}

TEST(Pool, RetiresAChildAfterMaxJobsAndStaysWarm) {
  Shows("R85");
  PoolSettings pool = Rig::Settings(1, 2);
  pool.max_jobs_per_child = 1;
  Rig rig(pool);
  rig.MakeReady(0);
  rig.Submit(1);
  rig.MakeReady(1);  // replenished while the first is busy
  rig.Step(JobAcked{rig.Child(0), JobNumber{1}},
           JobReturned{rig.Child(0), JobNumber{1}, JobReturned::End::kSucceeded, "r"});
  ASSERT_TRUE(rig.Did<AskToStop>());
  EXPECT_EQ(rig.All<AskToStop>()[0].intent, Intent::kRetired);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
}

// Too old after 20 s.
PoolSettings Aging(int warm, int max_children, int jobs_at_once = 1) {
  PoolSettings pool = Rig::Settings(warm, max_children);
  pool.max_concurrent_jobs_per_child = jobs_at_once;
  pool.max_child_age = 20s;
  pool.ping_interval = 0s;
  return pool;
}

JobSubmitted PromisedJob(std::uint64_t number, std::uint64_t reservation) {
  JobSubmitted job = Rig::Job(number);
  job.reservation = ReservationNumber{reservation};
  return job;
}

TEST(Pool, RecyclesByAgeWithoutDippingBelowWarm) {
  Shows("R85");
  Rig rig(Aging(2, 3));
  rig.MakeAllReady();
  rig.Pass(20s);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 2) << "the old ones stay until a replacement is ready";
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1);
  rig.MakeAllReady();
  EXPECT_EQ(rig.Count(SlotState::kIdle), 2);
  EXPECT_EQ(rig.Count(SlotState::kStopping), 1);
}

TEST(Pool, RecyclesOneAtATimeWhereNoSlotIsSpare) {
  Shows("R85");
  Rig rig(Aging(2, 2));
  rig.MakeAllReady();
  rig.Pass(20s);
  EXPECT_EQ(rig.Count(SlotState::kStopping), 1);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
}

TEST(Pool, AChildWhosePlaceIsPromisedServesItBeforeItIsRecycled) {
  Rig rig(Aging(1, 1));
  rig.MakeAllReady();
  rig.Pass(19s);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  ASSERT_TRUE(rig.All<ReservationAnswered>().at(0).granted);
  rig.Pass(1s);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1) << "a server counts on it";
  rig.Step(PromisedJob(1, 1));
  ASSERT_TRUE(rig.Did<SendJob>());
  rig.Step(Rig::Done(rig.Child(), 1));
  EXPECT_EQ(rig.Count(SlotState::kStopping), 1);
}

TEST(Pool, AnOldChildIsRecycledWhenThePromiseOfItsPlaceLapses) {
  Rig rig(Aging(1, 1));
  rig.MakeAllReady();
  const Duration promise = Rig::Settings().reservation_timeout;
  rig.Pass(20s - promise / 2);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  rig.Pass(promise - 1ns);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
  rig.Pass(1ns);
  EXPECT_EQ(rig.Count(SlotState::kStopping), 1);
}

TEST(Pool, ABusyOldChildKeepsThePlaceThatIsPromisedAndNoOther) {
  Rig rig(Aging(1, 1, 3));
  rig.MakeAllReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Pass(19s);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  rig.Pass(1s);
  rig.Step(PromisedJob(2, 1));
  EXPECT_TRUE(rig.Did<SendJob>());
  rig.Submit(3);
  EXPECT_FALSE(rig.Did<SendJob>());
}

TEST(Pool, ABusyOldChildRetiresWhenThePromiseOfItsPlaceLapses) {
  Rig rig(Aging(1, 1, 2));
  rig.MakeAllReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Pass(19s);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  rig.Pass(2s);
  rig.Step(ReservationReleased{ReservationNumber{1}});
  rig.Submit(2);
  EXPECT_FALSE(rig.Did<SendJob>());
}

TEST(Pool, BackOffGrowsToItsMaximumAndDrivesItselfByADeadline) {
  Shows("A1", "A3", "A4", "R13");
  PoolSettings pool = Rig::Settings(1, 1);
  pool.breaker_failures = 0;
  pool.backoff_min = 100ms;
  pool.backoff_max = 1s;
  Rig rig(pool);
  Duration longest{};
  for (int failure = 0; failure < 10; ++failure) {
    rig.Step(SpawnFailed{rig.Child(), "exec: no"});
    ASSERT_EQ(rig.Count(SlotState::kVacant), 1);
    const Duration pause = rig.core.NextDeadline() - rig.now;
    EXPECT_LE(pause, 1s);
    EXPECT_GE(pause, 50ms);
    longest = std::max(longest, pause);
    rig.Pass(pause);
    ASSERT_EQ(rig.Count(SlotState::kStarting), 1);
  }
  EXPECT_GE(longest, 500ms);
}

TEST(Pool, AChildThatLivedStableTimeIsReplacedAtOnce) {
  Shows("R14");
  Rig rig;
  rig.Step(SpawnFailed{rig.Child(), "no"});
  rig.Pass(200ms);
  rig.MakeReady();
  for (int i = 0; i < 5; ++i) {
    rig.Pass(3s);
    rig.Step(ChildPonged{rig.Child()});
  }
  rig.Die(rig.Child());
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1);
}

TEST(Pool, BreakerOpensAfterFailuresProbesAndClosesOnTheFirstSuccess) {
  Shows("A16", "R67", "R72");
  PoolSettings pool = Rig::Settings(3, 3);
  pool.breaker_failures = 3;
  pool.breaker_probe = 50s;
  Rig rig(pool);
  for (std::uint32_t slot = 0; slot < 3; ++slot) rig.Step(SpawnFailed{rig.Child(slot), "no"});
  EXPECT_EQ(rig.Pool().breaker, BreakerState::kOpen);
  rig.Pass(49s);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 0) << "back-off has long passed, the breaker holds";
  rig.Submit(1);
  ASSERT_TRUE(rig.Did<Refused>());
  EXPECT_EQ(rig.All<Refused>()[0].reason, Refusal::kBreakerOpen);
  EXPECT_GT(rig.All<Refused>()[0].retry_after, 0s);
  rig.Pass(1s);
  EXPECT_EQ(rig.Pool().breaker, BreakerState::kProbing);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1) << "one probe";
  rig.MakeReady(rig.Pool().children[0].child.slot);
  EXPECT_EQ(rig.Pool().breaker, BreakerState::kClosed);
  EXPECT_EQ(rig.Count(SlotState::kStarting), 2);
}

TEST(Pool, AnOpenBreakerRefusesWhatABusyChildWillNotTake) {
  PoolSettings pool = Rig::Settings(2, 2);
  pool.max_jobs_per_child = 2;
  pool.breaker_failures = 1;
  pool.breaker_probe = 50s;
  Rig rig(pool);
  rig.MakeReady(0);
  rig.Step(SpawnFailed{rig.Child(1), "no"});
  ASSERT_EQ(rig.Pool().breaker, BreakerState::kOpen);
  rig.Submit(1);
  EXPECT_TRUE(rig.Did<Accepted>());
  rig.Step(JobAcked{rig.Child(0), JobNumber{1}});
  rig.Submit(2);
  EXPECT_TRUE(rig.Did<Accepted>()) << "it has one more job in it";
  rig.Step(Rig::Done(rig.Child(0), 1));
  rig.Step(JobAcked{rig.Child(0), JobNumber{2}});
  rig.Submit(3);
  EXPECT_FALSE(rig.Did<Accepted>()) << "that was its last";
  ASSERT_TRUE(rig.Did<Refused>());
  EXPECT_EQ(rig.All<Refused>()[0].reason, Refusal::kBreakerOpen);
}

TEST(Pool, ACancelledProbeIsFollowedByAnother) {
  Shows("R88");
  PoolSettings pool = Rig::Settings(1, 1);
  pool.breaker_failures = 1;
  Rig rig(pool);
  rig.Step(SpawnFailed{rig.Child(), "no"});
  rig.Pass(5s);
  ASSERT_EQ(rig.Pool().breaker, BreakerState::kProbing);
  const ChildId probe = rig.Child();
  rig.Step(Spawned{probe, 7});
  rig.Step(ChildStopRequested{WaiterNumber{1}, probe, true});
  EXPECT_EQ(rig.Pool().breaker, BreakerState::kOpen);
  rig.Die(probe);
  rig.Pass(5s);
  EXPECT_EQ(rig.Pool().breaker, BreakerState::kProbing);
}

TEST(Pool, AnUnkillableChildIsQuarantinedAndItsSlotGoesOn) {
  Shows("R40");
  Rig rig;
  rig.MakeReady();
  const ChildId stuck = rig.Child();
  rig.Step(ChildMisbehaved{stuck, "garbage"});
  ASSERT_TRUE(rig.Did<KillChild>());
  rig.Pass(6s);
  EXPECT_TRUE(rig.Did<AbandonChild>());
  EXPECT_EQ(rig.Pool().quarantined, 1);
  rig.Pass(100ms);  // its back-off
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1) << "a new generation";
  EXPECT_EQ(rig.Child().generation, stuck.generation + 1);
  rig.Step(ChildExited{stuck, 0, 9, false});
  EXPECT_EQ(rig.Pool().quarantined, 0);
}

TEST(Pool, TheWorkersEndDoesNotWaitForAWithheldChild) {
  Shows("R76");
  Rig rig(Rig::Settings(2, 2));
  rig.MakeAllReady();
  rig.Step(ChildMisbehaved{rig.Child(0), "x"}, ChildMisbehaved{rig.Child(1), "x"});
  rig.Pass(6s);
  ASSERT_EQ(rig.Pool().withheld, 1);
  rig.Step(StopRequested{true});
  EXPECT_EQ(rig.Pool().withheld, 0);
  EXPECT_EQ(rig.Pool().quarantined, 2) << "its bound was about the slots that go on";
  rig.Pass(20s);
  EXPECT_EQ(rig.core.Status().state, WorkerState::kStopped);
}

TEST(Pool, AFullQuarantineWithholdsTheSlotUntilThereIsRoom) {
  Shows("R76");
  Rig rig(Rig::Settings(2, 2));
  rig.MakeAllReady();
  const ChildId first = rig.Child(0);
  const ChildId second = rig.Child(1);
  rig.Step(ChildMisbehaved{first, "x"}, ChildMisbehaved{second, "x"});
  rig.Pass(6s);
  EXPECT_EQ(rig.Pool().quarantined, 1);
  EXPECT_EQ(rig.Pool().withheld, 1);
  EXPECT_EQ(rig.Count(SlotState::kDying), 1);
  rig.Pass(9s);
  EXPECT_EQ(rig.Pool().withheld, 1) << "it stays visible, and asks again";
  rig.Step(ChildExited{rig.Pool().withheld == 1 && rig.Child(0) == first ? second : first, 0, 9, false});
  EXPECT_EQ(rig.Pool().withheld, 0);
  EXPECT_EQ(rig.Pool().quarantined, 1);
}

TEST(Pool, AStopDuringAStartCancelsItAndAnswersBothCallers) {
  Shows("A15", "R11", "R30");
  Rig rig(Rig::Settings(0, 1));
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s});
  const ChildId child = rig.Child();
  rig.Step(Spawned{child, 7});
  rig.Step(ChildStopRequested{WaiterNumber{2}, child, false});
  ASSERT_EQ(rig.All<WaiterAnswered>().size(), 1U);
  EXPECT_EQ(rig.All<WaiterAnswered>()[0].end, InitializeEnd::kCancelled);
  EXPECT_FALSE(rig.Did<StopAnswered>()) << "only when the process has ended";
  rig.Die(child, 15);
  ASSERT_TRUE(rig.Did<StopAnswered>());
  EXPECT_TRUE(rig.All<StopAnswered>()[0].found);
}

TEST(Pool, WaitersForAReadyChildShareOneStartAndAreAllWoken) {
  Shows("R15", "R52");
  Rig rig(Rig::Settings(0, 4));
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s}, ReadyAwaited{WaiterNumber{2}, "p", 100s});
  EXPECT_EQ(rig.Count(SlotState::kStarting), 1);
  rig.MakeReady(rig.Pool().children[0].child.slot);
  ASSERT_EQ(rig.All<WaiterAnswered>().size(), 2U);
  EXPECT_EQ(rig.All<WaiterAnswered>()[1].end, InitializeEnd::kReady);
}

TEST(Pool, AWaiterHearsOfAFailureWhenNoOtherStartCanServeIt) {
  Rig rig(Rig::Settings(2, 2));
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 100s});
  rig.Step(SpawnFailed{rig.Child(0), "no memory"});
  EXPECT_FALSE(rig.Did<WaiterAnswered>());
  rig.Step(SpawnFailed{rig.Child(1), "no memory"});
  ASSERT_TRUE(rig.Did<WaiterAnswered>());
  EXPECT_EQ(rig.All<WaiterAnswered>()[0].end, InitializeEnd::kSpawnFailed);
}

TEST(Pool, AWaitersPatienceEnds) {
  Shows("R52");
  Rig rig(Rig::Settings(0, 1));
  rig.Step(ReadyAwaited{WaiterNumber{1}, "p", 3s});
  rig.Pass(3s);
  ASSERT_TRUE(rig.Did<WaiterAnswered>());
  EXPECT_EQ(rig.All<WaiterAnswered>()[0].end, InitializeEnd::kTimedOut);
}

TEST(Pool, AForceStopEscalatesAGracefulOneAndASecondIsHarmless) {
  Shows("R33", "R34");
  Rig rig;
  rig.MakeReady();
  const ChildId child = rig.Child();
  rig.Step(ChildStopRequested{WaiterNumber{1}, child, false});
  EXPECT_TRUE(rig.Did<AskToStop>());
  rig.Step(ChildStopRequested{WaiterNumber{2}, child, true});
  ASSERT_TRUE(rig.Did<KillChild>());
  EXPECT_EQ(rig.All<KillChild>()[0].intent, Intent::kStopRequested);
  rig.Step(ChildStopRequested{WaiterNumber{3}, child, true});
  EXPECT_FALSE(rig.Did<KillChild>());
  rig.Die(child);
  EXPECT_EQ(rig.All<StopAnswered>().size(), 3U);
}

TEST(Pool, AHelloInTheSameTurnBeatsTheTimeout) {
  Shows("A13");
  Rig rig;
  const ChildId child = rig.Child();
  rig.Step(Spawned{child, 7});
  rig.now += 10s;
  rig.Step(ChildReady{child});
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
}

TEST(Pool, AnExitInTheSameTurnBeatsTheTimeout) {
  Shows("A14");
  Rig rig;
  const ChildId child = rig.Child();
  rig.now += 10s;
  rig.Step(Spawned{child, 7}, ChildExited{child, 3, 0, false});
  EXPECT_FALSE(rig.Did<KillChild>());
  EXPECT_EQ(rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kExited)], 1);
}

TEST(Pool, ALateHelloOfAKilledGenerationChangesNothing) {
  Shows("A19", "R53");
  Rig rig;
  const ChildId child = rig.Child();
  rig.Step(Spawned{child, 7});
  rig.Pass(10s);  // init_timeout
  ASSERT_TRUE(rig.Did<KillChild>());
  rig.Step(ChildReady{child});
  EXPECT_EQ(rig.Count(SlotState::kDying), 1);
  rig.Die(child);
  rig.Step(ChildReady{child});
  EXPECT_EQ(rig.Count(SlotState::kVacant), 1);
  EXPECT_EQ(rig.Pool().stale_facts, 1);
}

TEST(Pool, AnIdleChildThatMissesItsPingsIsKilled) {
  Shows("B8", "R06", "R86");
  Rig rig;
  rig.MakeReady();
  rig.Pass(13s);
  ASSERT_TRUE(rig.Did<SendPing>());
  rig.Pass(8s);
  ASSERT_TRUE(rig.Did<KillChild>());
  EXPECT_EQ(rig.All<KillChild>()[0].intent, Intent::kPingTimeout);
}

TEST(Pool, AHaltedChildGetsNoJobAndIsKilledInTime) {
  Shows("B7", "R39");
  Rig rig;
  rig.MakeReady();
  rig.Step(ChildHalted{rig.Child(), true});
  EXPECT_EQ(rig.Pool().capacity, 0);
  rig.Submit(1);
  EXPECT_FALSE(rig.Did<SendJob>());
  rig.Pass(8s);
  ASSERT_TRUE(rig.Did<KillChild>());
}

TEST(Pool, DrainEndsJobsByItsTimeoutAndKeepsChildrenForResume) {
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Submit(2);
  const ChildId child = rig.Child();
  rig.Step(DrainRequested{});
  rig.Submit(3);
  EXPECT_EQ(rig.All<Refused>()[0].reason, Refusal::kDraining);
  rig.Pass(20s);
  rig.Die(child);
  EXPECT_TRUE(rig.Did<Drained>());
  EXPECT_EQ(rig.Pool().outcomes[static_cast<std::size_t>(Outcome::kKilledShutdown)], 2);
  rig.Step(ResumeRequested{});
  rig.Pass(1s);
  rig.MakeReady();
  rig.Submit(4);
  EXPECT_TRUE(rig.Did<SendJob>());
}

TEST(Pool, StopDrainsThenStopsEveryChildThenSaysSo) {
  Shows("R89", "R103");
  Rig rig(Rig::Settings(2, 2));
  rig.MakeAllReady();
  rig.Submit(1);
  const ChildId busy = rig.All<SendJob>()[0].child;
  const ChildId idle{0, 1 - busy.slot, 1};
  rig.Step(JobAcked{busy, JobNumber{1}});
  rig.Step(StopRequested{false});
  EXPECT_FALSE(rig.Did<AskToStop>()) << "a job runs";
  rig.Step(JobReturned{busy, JobNumber{1}, JobReturned::End::kSucceeded, ""});
  EXPECT_EQ(rig.All<AskToStop>().size(), 2U);
  rig.Die(busy, 15);
  EXPECT_FALSE(rig.Did<WorkerStopped>());
  rig.Die(idle, 15);
  EXPECT_TRUE(rig.Did<WorkerStopped>());
  rig.Step(StopRequested{true});
  EXPECT_FALSE(rig.Did<WorkerStopped>()) << "a second stop is harmless";
}

TEST(Pool, StopNowKillsEverythingAndReportsEveryJob) {
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Submit(2);
  rig.Step(StopRequested{true});
  EXPECT_TRUE(rig.Did<KillChild>());
  ASSERT_EQ(rig.All<ReportOutcome>().size(), 1U) << "the queued one at once, the other when its child is dead";
  EXPECT_EQ(rig.All<ReportOutcome>()[0].intent, Intent::kWorkerStopping) << "no drain's time was over";
  rig.Die(child);
  ASSERT_EQ(rig.All<ReportOutcome>().size(), 1U);
  EXPECT_EQ(rig.All<ReportOutcome>()[0].outcome, Outcome::kKilledShutdown);
  EXPECT_EQ(rig.All<ReportOutcome>()[0].intent, Intent::kWorkerStopping);
  EXPECT_TRUE(rig.Did<WorkerStopped>());
}

}  // namespace
}  // namespace andiron
