// What a pool decides about jobs: admission, waiting, hand-over, cancel, the one outcome, reservations.
#include <gtest/gtest.h>

#include "tests/jobs/rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

Refusal OnlyRefusal(const Rig& rig) {
  const auto refused = rig.All<Refused>();
  EXPECT_EQ(refused.size(), 1U);
  return refused.at(0).reason;
}

ReportOutcome OnlyOutcome(const Rig& rig) {
  const auto outcomes = rig.All<ReportOutcome>();
  EXPECT_EQ(outcomes.size(), 1U);
  return outcomes.at(0);
}

TEST(Admission, TheQueueTakesItsLimitAndRefusesOnePast) {
  Shows("B22", "R58");
  Rig rig;  // queue_limit 10, its child still starting
  for (std::uint64_t job = 1; job <= 10; ++job) {
    rig.Submit(job);
    EXPECT_TRUE(rig.Did<Accepted>());
  }
  rig.Submit(11);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kQueueFull);
  EXPECT_GE(rig.All<Refused>()[0].retry_after, 100ms);
}

TEST(Admission, AQueueOfZeroStillTakesWhatAReadyChildCanStart) {
  PoolSettings pool = Rig::Settings();
  pool.queue_limit = 0;
  Rig rig(pool);
  rig.Submit(1);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kQueueFull);
  rig.MakeReady();
  rig.Step(Rig::Job(2), Rig::Job(3));
  EXPECT_EQ(rig.All<Accepted>().size(), 1U);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kQueueFull);
}

TEST(Admission, APayloadAtTheLimitIsTakenAndOnePastRefused) {
  Shows("B23", "R62");
  PoolSettings pool = Rig::Settings();
  pool.max_payload = 100;
  Rig rig(pool);
  JobSubmitted at = Rig::Job(1);
  at.payload.assign(100, 'x');
  rig.Step(at);
  EXPECT_TRUE(rig.Did<Accepted>());
  JobSubmitted past = Rig::Job(2);
  past.payload.assign(101, 'x');
  rig.Step(past);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kTooLarge);
  EXPECT_EQ(rig.All<Refused>()[0].retry_after, 0s);
}

TEST(Admission, AnIdIsTextOfOneTo256Bytes) {
  Shows("R62");
  Rig rig;
  JobSubmitted at = Rig::Job(1);
  at.id.assign(kJobIdBytesMax, 'x');
  rig.Step(at);
  EXPECT_TRUE(rig.Did<Accepted>());
  for (const std::string& id : {std::string(), std::string(kJobIdBytesMax + 1, 'x'), std::string("caf\xe9")}) {
    JobSubmitted bad = Rig::Job(2);
    bad.id = id;
    rig.Step(bad);
    EXPECT_EQ(OnlyRefusal(rig), Refusal::kInvalidId);
    EXPECT_EQ(rig.All<Refused>()[0].retry_after, 0s);
  }
}

TEST(Admission, AnIdThatIsQueuedOrRunningIsADuplicateAndMayComeAgainAfterwards) {
  Shows("B25", "R71");
  Rig rig;
  rig.Submit(1);
  JobSubmitted again = Rig::Job(2);
  again.id = "job1";
  rig.Step(again);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kDuplicateId);
  rig.Step(JobCancelled{JobNumber{1}});
  rig.Step(again);
  EXPECT_TRUE(rig.Did<Accepted>());
}

TEST(Admission, AnUnknownPoolIsRefused) {
  Shows("R62");
  Rig rig;
  JobSubmitted job = Rig::Job(1);
  job.pool = "nowhere";
  rig.Step(job);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kUnknownPool);
}

TEST(Waiting, AQueuedJobEndsAtStartBy) {
  Shows("B26", "R59");
  Rig rig;
  JobSubmitted job = Rig::Job(1);
  job.start_by = 3s;
  rig.Step(job);
  rig.Pass(2s);
  EXPECT_FALSE(rig.Did<ReportOutcome>());
  rig.Pass(1s);
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kQueueTimeout);
}

TEST(HandOver, AJobThatIsNeverAcknowledgedIsHandedOverOnceMoreThenLost) {
  Shows("R63");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  rig.Pass(2s);
  ASSERT_EQ(rig.All<KillChild>().at(0).intent, Intent::kAckTimeout);
  rig.Die(rig.Child());
  EXPECT_FALSE(rig.Did<ReportOutcome>());
  rig.Pass(200ms);
  rig.MakeReady();
  ASSERT_TRUE(rig.Did<SendJob>());
  EXPECT_EQ(rig.All<SendJob>()[0].payload, "x") << "the payload was kept";
  rig.Pass(2s);
  rig.Die(rig.Child());
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kLostBeforeStart);
}

TEST(HandOver, AnAcknowledgedJobIsNeverRunAgain) {
  Shows("B2");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  EXPECT_TRUE(rig.Did<ReportStarted>());
  rig.Die(rig.Child());
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kChildCrashed);
}

TEST(HandOver, AResultThatCameBeforeTheDeathWins) {
  Shows("B4");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}}, ChildExited{child, 0, 11, false});
  EXPECT_FALSE(rig.Did<ReportOutcome>()) << "the channel may hold the result";
  rig.Step(JobReturned{child, JobNumber{1}, JobReturned::End::kSucceeded, "done"}, ChannelClosed{child});
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kSucceeded);
  EXPECT_EQ(OnlyOutcome(rig).result, "done");
}

TEST(HandOver, MemoryExhaustionIsToldFromACrash) {
  Shows("B3", "B13");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}});
  rig.Step(ChildExited{child, 0, 9, true}, ChannelClosed{child});
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kOomKilled);
}

TEST(RunFor, PastItTheChildIsCancelledThenStoppedThenKilled) {
  Shows("B5");
  PoolSettings pool = Rig::Settings();
  pool.run_for = 100s;
  Rig rig(pool);
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}});
  rig.Pass(100s);
  EXPECT_TRUE(rig.Did<SendCancel>());
  rig.Pass(1s);
  EXPECT_TRUE(rig.Did<AskToStop>());
  rig.Pass(5s);
  EXPECT_TRUE(rig.Did<KillChild>());
  EXPECT_FALSE(rig.Did<ReportOutcome>()) << "not before the death is confirmed";
  rig.Die(child);
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kTimedOut);
}

TEST(RunFor, AChildThatObeysTheCancelIsKept) {
  PoolSettings pool = Rig::Settings();
  pool.run_for = 100s;
  Rig rig(pool);
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}});
  rig.Pass(100s);
  rig.Step(JobReturned{child, JobNumber{1}, JobReturned::End::kCancelled, ""});
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kTimedOut);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
}

TEST(RunFor, ZeroIsUnlimited) {
  Shows("R75", "R90");
  Rig rig;
  rig.MakeReady();
  JobSubmitted job = Rig::Job(1);
  job.run_for = 0s;
  rig.Step(job);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Pass(1000h);
  EXPECT_FALSE(rig.Did<ReportOutcome>());
}

TEST(Cancel, AQueuedJobLeavesAtOnce) {
  Shows("B24", "R60");
  Rig rig;
  rig.Submit(1);
  rig.Step(JobCancelled{JobNumber{1}});
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kCancelled);
  rig.Step(JobCancelled{JobNumber{1}}, JobCancelled{JobNumber{99}});
  EXPECT_TRUE(rig.actions.empty()) << "again, and of the unknown: harmless";
}

TEST(Cancel, AResultThatIsFasterIsReported) {
  Shows("B24");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}});
  rig.Step(JobCancelled{JobNumber{1}});
  EXPECT_TRUE(rig.Did<SendCancel>());
  rig.Step(JobReturned{child, JobNumber{1}, JobReturned::End::kSucceeded, "r"});
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kSucceeded);
}

TEST(Cancel, AChildThatIgnoresItIsEnded) {
  Shows("B24");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}});
  rig.Step(JobCancelled{JobNumber{1}});
  rig.Pass(1s);
  EXPECT_EQ(rig.All<AskToStop>().at(0).intent, Intent::kJobCancelled);
  rig.Die(child, 15);
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kCancelled);
}

TEST(Cancel, WhoeverCancelsMayGiveAGraceOfItsOwn) {
  Shows("R32");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Step(JobCancelled{JobNumber{1}, 15s});
  rig.Pass(14s);
  EXPECT_FALSE(rig.Did<AskToStop>());
  rig.Pass(1s);
  EXPECT_EQ(rig.All<AskToStop>().at(0).intent, Intent::kJobCancelled);
}

TEST(Cancel, AnUnacknowledgedJobIsNotHandedOverAgain) {
  Shows("B24");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  const ChildId child = rig.Child();
  rig.Step(JobCancelled{JobNumber{1}});
  rig.Die(child);
  EXPECT_EQ(OnlyOutcome(rig).outcome, Outcome::kCancelled);
}

TEST(Reservation, HoldsAReadyPlaceAgainstOrdinaryJobsUntilCommitted) {
  Shows("R61", "R66");
  Rig rig;
  rig.MakeReady();
  EXPECT_EQ(rig.Pool().capacity, 1);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  EXPECT_TRUE(rig.All<ReservationAnswered>().at(0).granted);
  EXPECT_EQ(rig.All<CapacityChanged>().at(0).capacity, 0);
  rig.Submit(1);
  EXPECT_FALSE(rig.Did<SendJob>());
  JobSubmitted committed = Rig::Job(2);
  committed.reservation = ReservationNumber{1};
  rig.Step(committed);
  ASSERT_TRUE(rig.Did<SendJob>());
  EXPECT_EQ(rig.All<SendJob>()[0].job, JobNumber{2});
}

TEST(Capacity, IsToldAgainWhenOnlyTheBusyOnesChange) {
  Shows("R66");
  PoolSettings pool = Rig::Settings();
  pool.max_children = 2;
  pool.max_jobs_per_child = 1;
  Rig rig(pool);
  rig.MakeReady();
  rig.Submit(1);
  const ChildId first = rig.Child(0);
  rig.Step(JobAcked{first, JobNumber{1}});
  rig.MakeReady(1);  // the one in its place
  EXPECT_EQ(rig.All<CapacityChanged>().at(0).busy, 1);
  rig.Step(JobReturned{first, JobNumber{1}, JobReturned::End::kSucceeded, ""});
  ASSERT_EQ(rig.All<CapacityChanged>().size(), 1U);
  EXPECT_EQ(rig.All<CapacityChanged>()[0].capacity, 1);
  EXPECT_EQ(rig.All<CapacityChanged>()[0].busy, 0);
}

TEST(Reservation, ExpiresAndGivesItsPlaceBack) {
  Shows("R61");
  Rig rig;
  rig.MakeReady();
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  rig.Submit(1);
  rig.Pass(5s);
  EXPECT_TRUE(rig.Did<SendJob>());
  EXPECT_EQ(rig.Pool().reserved, 0);
}

TEST(Reservation, OnAQueuePlaceCountsAgainstTheQueue) {
  Shows("R61");
  PoolSettings pool = Rig::Settings();
  pool.queue_limit = 1;
  Rig rig(pool);
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  EXPECT_TRUE(rig.All<ReservationAnswered>().at(0).granted);
  rig.Submit(1);
  EXPECT_EQ(OnlyRefusal(rig), Refusal::kQueueFull);
  rig.Step(ReservationReleased{ReservationNumber{1}});
  rig.Submit(2);
  EXPECT_TRUE(rig.Did<Accepted>());
}

bool Granted(Rig& rig, std::uint64_t number) {
  rig.Step(ReservationAsked{ReservationNumber{number}, "p"});
  return rig.All<ReservationAnswered>().at(0).granted;
}

TEST(Reservation, OnQueuePlacesAreNoMoreThanTheQueueHas) {
  PoolSettings pool = Rig::Settings();
  pool.max_children = pool.max_starting = 8;
  pool.queue_limit = 1;
  Rig rig(pool);
  rig.MakeReady();
  EXPECT_TRUE(Granted(rig, 1)) << "on the ready child";
  EXPECT_TRUE(Granted(rig, 2)) << "on the queue's only place";
  EXPECT_FALSE(Granted(rig, 3));
}

TEST(Reservation, WithoutAReadyChildNeedsASlotThatNoJobHolds) {
  PoolSettings pool = Rig::Settings();
  pool.max_children = 2;
  pool.max_starting = 2;
  Rig rig(pool);
  EXPECT_TRUE(Granted(rig, 1));
  EXPECT_TRUE(Granted(rig, 2));
  EXPECT_FALSE(Granted(rig, 3)) << "when its turn comes depends on when others end";
  EXPECT_EQ(rig.All<ReservationAnswered>()[0].reason, Refusal::kQueueFull);
  rig.Step(ReservationReleased{ReservationNumber{1}});
  EXPECT_TRUE(Granted(rig, 4));
}

TEST(Reservation, WithoutAReadyChildNeedsItsWarmUpToFitIntoStartBy) {
  PoolSettings pool = Rig::Settings();  // one starts at a time; init_timeout is 10 s
  pool.max_children = 4;
  pool.start_by = 20s;
  Rig rig(pool);
  EXPECT_TRUE(Granted(rig, 1));
  EXPECT_TRUE(Granted(rig, 2));
  EXPECT_FALSE(Granted(rig, 3)) << "30 s of warm-ups, if each takes its longest";
  rig.Pass(1s);
  rig.MakeReady();  // the first took 1 s: 4 s count from now on
  EXPECT_TRUE(Granted(rig, 3));
}

TEST(Reservation, SurvivesTheDeathOfItsChild) {
  Rig rig;
  rig.MakeReady();
  rig.Step(ReservationAsked{ReservationNumber{1}, "p"});
  rig.Die(rig.Child());
  JobSubmitted committed = Rig::Job(1);
  committed.reservation = ReservationNumber{1};
  rig.Step(committed);
  EXPECT_TRUE(rig.Did<Accepted>());
  rig.Pass(200ms);
  rig.MakeReady();
  EXPECT_TRUE(rig.Did<SendJob>());
}

TEST(Report, AnUnkillableChildsJobIsReportedAsStillRunning) {
  Shows("B9");
  Rig rig;
  rig.MakeReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
  rig.Step(ChildMisbehaved{rig.Child(), "x"});
  rig.Pass(6s);
  EXPECT_TRUE(OnlyOutcome(rig).still_running);
}

}  // namespace
}  // namespace andiron
