// A child that runs several jobs at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/child/child_under_test.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

const ChildUnderTest::Options kTwoAtOnce = {.arguments = {"--concurrency", "2"}};

// Starts these jobs and takes their acknowledgements.
void Begin(ChildUnderTest& child, std::initializer_list<std::pair<std::uint64_t, const char*>> jobs) {
  for (const auto& [job, payload] : jobs) child.Send(RunFrame(job, payload));
  for (const auto& [job, payload] : jobs) EXPECT_EQ(child.Expect<AckMessage>().job, job);
}

TEST(ConcurrentChild, RunsTwoJobsAtOnce) {
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "meet"));
  EXPECT_EQ(child.Expect<AckMessage>().job, 1u);
  child.Send(RunFrame(2, "meet"));
  EXPECT_EQ(child.Expect<AckMessage>().job, 2u);
  const auto first = child.Expect<ResultMessage>();
  const auto second = child.Expect<ResultMessage>();
  EXPECT_EQ(first.text, "met");
  EXPECT_EQ(second.text, "met");
  EXPECT_THAT((std::vector{first.job, second.job}), UnorderedElementsAre(1u, 2u));
}

TEST(ConcurrentChild, AcknowledgesAndAnswersPingsWhileJobsRun) {
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  Begin(child, {{1, "poll"}, {2, "wait"}});
  child.Send(PingFrame(9));
  EXPECT_EQ(child.Expect<PongMessage>().sequence, 9u);
}

TEST(ConcurrentChild, CancelsTheJobThatIsNamed) {
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  Begin(child, {{1, "wait"}, {2, "wait"}});
  child.Send(CancelFrame(2));
  EXPECT_EQ(child.Expect<ResultMessage>().job, 2u);
  EXPECT_FALSE(child.Readable(Wait(50)));
  child.Send(CancelFrame(1));
  EXPECT_EQ(child.Expect<ResultMessage>().job, 1u);
}

TEST(ConcurrentChild, TakesTheNextJobAsSoonAsOneHasEnded) {
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  Begin(child, {{1, "wait"}});
  for (std::uint64_t job = 2; job < 200; ++job) {
    child.Send(RunFrame(job, "x"));
    EXPECT_EQ(child.Expect<AckMessage>().job, job);
    EXPECT_EQ(child.Expect<ResultMessage>().end, ResultMessage::End::kSucceeded);
  }
}

TEST(ConcurrentChild, RefusesAJobTooMany) {
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  Begin(child, {{1, "wait"}, {2, "wait"}, {3, "x"}});
  const auto refused = child.Expect<ResultMessage>();
  EXPECT_EQ(refused.job, 3u);
  EXPECT_THAT(refused.text, HasSubstr("max_concurrent_jobs_per_child"));
}

TEST(ConcurrentChild, FinishesItsJobsBeforeItStops) {
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  Begin(child, {{1, "wait"}, {2, "wait"}});
  child.Send(StopFrame());
  EXPECT_EQ(child.WaitExit(Wait(50)), -1);
  child.Send(CancelFrame(1) + CancelFrame(2));
  child.Expect<ResultMessage>();
  child.Expect<ResultMessage>();
  EXPECT_EQ(child.WaitExit(), 0);
}

TEST(ConcurrentChild, EndsPromptlyWhenTheWorkerGoesAway) {
  Shows("R45");
  ChildUnderTest child(kTwoAtOnce);
  child.Expect<HelloMessage>();
  Begin(child, {{1, "poll"}, {2, "wait"}});
  child.CloseChannel();
  EXPECT_EQ(child.WaitExit(Wait(1000)), 69);
}

}  // namespace
}  // namespace andiron
