// The outbox at its bounds.
#include "worker/livekit/agent_outbox.h"

#include <gtest/gtest.h>

namespace andiron::livekit {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr TimePoint kBegin{seconds(1000)};

TellJob End(int number) { return {"AJ_" + std::to_string(number), JobStatus::kSuccess, ""}; }

TEST(Outbox, SaysNoMoreAtOnceThanItsInFlightBound) {
  Outbox outbox(10'000, minutes(10));
  outbox.LinkRegistered();
  for (int i = 0; i < 600; ++i) outbox.Add(End(i), kBegin, false, kBegin);
  std::size_t said = 0;
  while (outbox.TakeDue(kBegin) != nullptr) ++said;
  EXPECT_EQ(said, Outbox::kInFlightMax);
  outbox.ProofAsked(1);
  EXPECT_EQ(outbox.TakeDue(kBegin), nullptr);
  EXPECT_GT(outbox.NextDeadline(), kBegin);  // a pong is waited for, not a time
  outbox.Proved(1, kBegin);
  EXPECT_EQ(outbox.size(), 100U);
  while (outbox.TakeDue(kBegin) != nullptr) ++said;
  EXPECT_EQ(said, 600U);
  outbox.ProofAsked(2);
  EXPECT_EQ(outbox.CheckInvariants(), "");
}

TEST(Outbox, RemembersABoundedNumberOfReadEnds) {
  Outbox outbox(10'000, minutes(10));
  std::vector<std::string> lost;
  const int more = static_cast<int>(Outbox::kRememberedMax) + 1;
  outbox.LinkRegistered();
  for (int i = 0; i < more; ++i) {
    outbox.Add(End(i), kBegin, false, kBegin);
    ASSERT_NE(outbox.TakeDue(kBegin), nullptr);
    outbox.ProofAsked(i + 1);
    outbox.Proved(i + 1, kBegin);
    outbox.Expire(kBegin, lost);
  }
  EXPECT_FALSE(outbox.Knows("AJ_0"));
  EXPECT_TRUE(outbox.Knows("AJ_1"));
  EXPECT_TRUE(lost.empty());
  EXPECT_EQ(outbox.CheckInvariants(), "");
}

TEST(Outbox, ForgetsReadEndsAfterAWhile) {
  Outbox outbox(10, minutes(10));
  std::vector<std::string> lost;
  outbox.LinkRegistered();
  outbox.Add(End(1), kBegin, false, kBegin);
  ASSERT_NE(outbox.TakeDue(kBegin), nullptr);
  outbox.ProofAsked(1);
  outbox.Proved(1, kBegin);
  outbox.Expire(kBegin + Outbox::kRememberedFor - milliseconds(1), lost);
  EXPECT_TRUE(outbox.Knows("AJ_1"));
  outbox.Expire(kBegin + Outbox::kRememberedFor, lost);
  EXPECT_FALSE(outbox.Knows("AJ_1"));
  EXPECT_TRUE(lost.empty());
}

TEST(Outbox, KeepsAtItsLimitAndLosesTheOldestPastIt) {
  Outbox outbox(3, minutes(10));
  std::vector<std::string> lost;
  for (int i = 0; i < 3; ++i) outbox.Add(End(i), kBegin, false, kBegin);
  outbox.Expire(kBegin, lost);
  EXPECT_TRUE(lost.empty());
  outbox.Add(End(3), kBegin, false, kBegin);
  outbox.Expire(kBegin, lost);
  EXPECT_EQ(lost, std::vector<std::string>{"AJ_0"});
  EXPECT_TRUE(outbox.Knows("AJ_0"));  // so that it doesn't run twice
  outbox.LinkRegistered();
  ASSERT_NE(outbox.TakeDue(kBegin), nullptr);
}

TEST(Outbox, WhatIsSaidAgainIsProvedByTheLaterPingOnly) {
  Outbox outbox(3, minutes(10));
  outbox.LinkRegistered();
  outbox.Add(End(1), kBegin, true, kBegin);
  ASSERT_NE(outbox.TakeDue(kBegin), nullptr);
  outbox.ProofAsked(1);
  ASSERT_NE(outbox.TakeDue(kBegin + Outbox::kRepeatDelay), nullptr);
  outbox.ProofAsked(2);
  outbox.Proved(1, kBegin);
  EXPECT_EQ(outbox.size(), 1U);
  outbox.Proved(2, kBegin);
  EXPECT_EQ(outbox.size(), 0U);
}

TEST(Outbox, ALostLinkForgetsWhatWasSaidOnIt) {
  Outbox outbox(3, minutes(10));
  outbox.LinkRegistered();
  outbox.Add(End(1), kBegin, false, kBegin);
  ASSERT_NE(outbox.TakeDue(kBegin), nullptr);
  outbox.ProofAsked(1);
  outbox.LinkLost();
  outbox.Proved(1, kBegin);
  EXPECT_EQ(outbox.size(), 1U);
  EXPECT_EQ(outbox.TakeDue(kBegin), nullptr);
  outbox.LinkRegistered();
  EXPECT_NE(outbox.TakeDue(kBegin), nullptr);
}

}  // namespace
}  // namespace andiron::livekit
