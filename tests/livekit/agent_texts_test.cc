#include "worker/livekit/agent_texts.h"

#include <gtest/gtest.h>

#include <set>

#include "worker/driver/end_text.h"
#include "worker/livekit/agent.h"

namespace andiron::livekit {
namespace {

TEST(AgentTexts, EachOutcomeHasASentenceOfItsOwn) {
  std::set<std::string> seen;
  for (int i = 0; i < kOutcomeCount; ++i) {
    JobEnded end;
    end.outcome = static_cast<Outcome>(i);
    end.ran = std::chrono::milliseconds(2500);
    EXPECT_FALSE(FailureText(end).empty());
    EXPECT_TRUE(seen.insert(FailureText(end)).second) << FailureText(end);
  }
  EXPECT_TRUE(seen.contains("timed out after 2.5 s"));
}

TEST(AgentTexts, EachRefusalHasASentenceOfItsOwn) {
  std::set<std::string> seen;
  for (int i = 0; i < kRefusalCount; ++i) EXPECT_TRUE(seen.insert(RefusalText(static_cast<Refusal>(i))).second);
}

TEST(AgentTexts, WhatWasSaidOfAFailureIsKept) {
  JobEnded end;
  end.outcome = Outcome::kChildCrashed;
  end.error = "exit code 7";
  EXPECT_EQ(FailureText(end), "exit code 7");
}

TEST(AgentTexts, ThatAChildMayStillRunIsSaidOnce) {
  ReportOutcome report{};
  report.outcome = Outcome::kTimedOut;
  report.still_running = true;
  JobEnded end;
  end.outcome = report.outcome;
  end.error = ExplainEnd(report, {});
  const std::string text = FailureText(end);
  ASSERT_NE(text.find("may still run"), std::string::npos) << text;
  EXPECT_EQ(text.find("may still run"), text.rfind("may still run")) << text;
}

TEST(AgentTexts, LongTextsAreCutBetweenCharacters) {
  EXPECT_EQ(Shortened("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(Shortened("abcdefghi", 8), "abcde...");
  EXPECT_EQ(Shortened("abcd\xc3\xa9\xc3\xa9z", 8), "abcd...");
  EXPECT_EQ(Shortened("abc\xc3\xa9\xc3\xa9zz", 8), "abc\xc3\xa9...");
}

TEST(AgentTexts, SecondsAreReadable) {
  EXPECT_EQ(Seconds(std::chrono::milliseconds(250)), "0.25 s");
  EXPECT_EQ(Seconds(std::chrono::seconds(10)), "10.0 s");
}

TEST(AgentTexts, StatesHaveTheirWords) {
  EXPECT_EQ(Name(AgentState::kBackingOff), "backing_off");
  EXPECT_EQ(Name(AgentState::kRegistered), "registered");
}

}  // namespace
}  // namespace andiron::livekit
