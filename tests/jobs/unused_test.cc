// idle_timeout: when a child beyond `warm` goes.
#include <gtest/gtest.h>

#include "tests/jobs/rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

PoolSettings Quiet(int warm, int max_children) {
  PoolSettings pool = Rig::Settings(warm, max_children);
  pool.ping_interval = 0s;
  return pool;
}

TEST(Unused, AChildBeyondWarmIsStopped) {
  Shows("R78", "R80");
  Rig rig(Quiet(1, 3));
  rig.MakeReady(0);
  rig.Submit(1);
  rig.MakeAllReady();
  rig.Step(JobAcked{rig.Child(0), JobNumber{1}}, Rig::Done(rig.Child(0), 1));
  EXPECT_EQ(rig.Count(SlotState::kIdle), 2);
  rig.Pass(59s);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 2);
  rig.Pass(1s);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
  rig.Pass(100s);
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1) << "the warm one is exempt";
}

TEST(Unused, AChildWhoseJobWasCancelledWhileItWarmedUpIsKeptUntilItIsUnused) {
  Shows("R70");
  Rig rig(Quiet(0, 1));
  rig.Submit(1);
  ASSERT_EQ(rig.Count(SlotState::kStarting), 1);
  rig.Step(JobCancelled{JobNumber{1}});
  rig.MakeReady();
  EXPECT_EQ(rig.Count(SlotState::kIdle), 1);
  rig.Pass(60s);
  EXPECT_EQ(rig.All<AskToStop>().size(), 1U);
}

TEST(Unused, AJobThatComesWithTheIdleTimeoutIsRunByTheChildThatWouldHaveStopped) {
  Shows("R79");
  Rig rig(Quiet(0, 1));
  rig.Submit(1);
  rig.MakeReady();
  const ChildId child = rig.Child();
  rig.Step(JobAcked{child, JobNumber{1}}, Rig::Done(child, 1));
  rig.now += 60s;
  rig.Step(Rig::Job(2));
  EXPECT_EQ(rig.All<SendJob>().size(), 1U);
  EXPECT_FALSE(rig.Did<AskToStop>());
}

// Back in the queue and out of time in one turn: such a job wants no child.
TEST(Unused, AJobThatRunsOutOfTimeInTheSameTurnKeepsNoUnusedChild) {
  Shows("R78");
  PoolSettings pool = Quiet(1, 3);
  pool.start_by = 90s;
  Rig rig(pool);
  for (const std::uint64_t job : {1U, 2U}) {
    rig.MakeAllReady();
    rig.Submit(job);
  }
  rig.MakeAllReady();
  for (const std::uint32_t slot : {0U, 1U}) {
    const ChildId child = rig.Child(slot);
    rig.Step(JobAcked{child, JobNumber{slot + 1}}, Rig::Done(child, slot + 1));
  }
  rig.Submit(3);
  const ChildId last = rig.All<SendJob>().at(0).child;
  ASSERT_EQ(rig.Count(SlotState::kIdle), 2);
  rig.now += 90s;
  rig.Die(last);
  ASSERT_EQ(rig.All<ReportOutcome>().at(0).outcome, Outcome::kQueueTimeout);
  EXPECT_EQ(rig.All<AskToStop>().size(), 1U);
}

}  // namespace
}  // namespace andiron
