#include "tools/andiron/batch.h"

#include <gmock/gmock.h>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/progress.h"
#include "worker/driver/end_text.h"

namespace andiron {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

JobReport Success(std::string output) {
  JobReport report;
  report.output = std::move(output);
  return report;
}

JobReport Failure(Outcome outcome, std::string error) {
  JobReport report;
  report.outcome = outcome;
  report.error = std::move(error);
  return report;
}

JobReport RefusedFor(Duration retry_after) {
  JobReport report;
  report.refused = true;
  report.refusal = Refusal::kBreakerOpen;
  report.retry_after = retry_after;
  return report;
}

// Adds and begins `count` jobs.
void Begin(Batch& batch, int count) {
  for (int i = 0; i < count; ++i) {
    batch.Add("in:" + std::to_string(i + 1), "payload");
    batch.Next();
  }
}

BatchOptions Options(int flight_max, bool ordered = true) {
  BatchOptions options;
  options.flight_max = flight_max;
  options.ordered = ordered;
  return options;
}

TEST(Batch, ResultsComeInInputOrderAsSoonAsTheyCan) {
  Batch batch(Options(3));
  Begin(batch, 3);
  batch.End(2, Success("two"));
  EXPECT_EQ(batch.TakeOutput(), "");
  batch.End(1, Success("one"));
  EXPECT_EQ(batch.TakeOutput(), "one\ntwo\n");
  batch.End(3, Success("three"));
  EXPECT_EQ(batch.TakeOutput(), "three\n");
  EXPECT_TRUE(batch.idle());
}

TEST(Batch, UnorderedResultsComeAtOnce) {
  Batch batch(Options(3, false));
  Begin(batch, 3);
  batch.End(2, Success("two"));
  EXPECT_EQ(batch.TakeOutput(), "two\n");
}

TEST(Batch, AResultThatEndsInANewlineGetsNoSecond) {
  Batch batch(Options(1));
  Begin(batch, 1);
  batch.End(1, Success("one\n"));
  EXPECT_EQ(batch.TakeOutput(), "one\n");
}

TEST(Batch, AFailureIsALineOfItsOwnAndNoResult) {
  Batch batch(Options(2));
  Begin(batch, 2);
  batch.End(1, Failure(Outcome::kFailed, "no such word"));
  batch.End(2, Success("two"));
  EXPECT_EQ(batch.TakeOutput(), "two\n");
  EXPECT_EQ(batch.TakeErrors(), "andiron: job 1 (in:1): FAILED: no such word\n");
  EXPECT_EQ(batch.counts().failed(), 1);
}

TEST(Batch, ReadsNoMoreThanMayBeUnderWay) {
  Batch batch(Options(2));
  EXPECT_TRUE(batch.HasRoom(0));
  Begin(batch, 1);
  EXPECT_TRUE(batch.HasRoom(0));
  Begin(batch, 1);
  EXPECT_FALSE(batch.HasRoom(0));
}

TEST(Batch, ReadsNoMoreWhileAPayloadWaits) {
  Batch batch(Options(2));
  batch.Add("in:1", "payload");
  EXPECT_FALSE(batch.HasRoom(0));
}

TEST(Batch, ASlowFirstJobStopsTheReadingAtHeldMax) {
  BatchOptions options = Options(2);
  options.held_max = 10;
  Batch batch(options);
  Begin(batch, 1);
  for (std::int64_t number = 2; number <= 10; ++number) {
    EXPECT_TRUE(batch.HasRoom(0));
    Begin(batch, 1);
    batch.End(number, Success("held"));
  }
  EXPECT_TRUE(batch.HasRoom(0));
  Begin(batch, 1);
  batch.End(11, Success("held"));
  EXPECT_FALSE(batch.HasRoom(0));
  batch.End(1, Success("first"));
  EXPECT_THAT(batch.TakeOutput(), StartsWith("first\nheld\n"));
  EXPECT_TRUE(batch.HasRoom(0));
}

TEST(Batch, BytesUnderWayHeldAndUnwrittenAreBounded) {
  BatchOptions options = Options(100);
  options.bytes_max = 20;
  Batch batch(options);
  Begin(batch, 1);
  EXPECT_TRUE(batch.HasRoom(13));
  EXPECT_FALSE(batch.HasRoom(14));
  Begin(batch, 1);
  batch.End(2, Success("0123456789"));  // 7 of the first payload, 11 of this text
  EXPECT_TRUE(batch.HasRoom(2));
  EXPECT_FALSE(batch.HasRoom(3));
}

TEST(Batch, ARefusalThatPassesIsTriedAgainWithTheSamePayload) {
  Batch batch(Options(1));
  batch.Add("in:1", "payload");
  batch.Next();
  EXPECT_FALSE(batch.End(1, RefusedFor(100ms)));
  ASSERT_TRUE(batch.has_next());
  const Batch::Submission again = batch.Next();
  EXPECT_EQ(again.number, 1);
  EXPECT_EQ(again.payload, "payload");
  EXPECT_TRUE(batch.End(1, Success("one")));
  EXPECT_EQ(batch.counts().done(), 1);
  EXPECT_EQ(batch.counts().failed(), 0);
}

TEST(Batch, ARefusalForGoodIsAFailure) {
  Batch batch(Options(1));
  Begin(batch, 1);
  EXPECT_TRUE(batch.End(1, RefusedFor(0s)));
  EXPECT_EQ(batch.counts().refused, 1);
  EXPECT_THAT(batch.TakeErrors(), HasSubstr("refused, BREAKER_OPEN"));
}

TEST(Batch, WhatWasReadAndNotSubmittedCanBeDroppedAndHoldsNothingBack) {
  Batch batch(Options(2));
  Begin(batch, 2);
  EXPECT_FALSE(batch.End(1, RefusedFor(100ms)));
  batch.End(2, Success("two"));
  EXPECT_EQ(batch.DropUnfinished(), 1);
  EXPECT_EQ(batch.TakeOutput(), "two\n");
  EXPECT_TRUE(batch.idle());
}

TEST(Batch, WhatNobodyWillReportCanBeDroppedToo) {
  Batch batch(Options(3));
  Begin(batch, 3);
  batch.End(3, Success("three"));
  EXPECT_EQ(batch.DropUnfinished(), 2);
  EXPECT_EQ(batch.TakeOutput(), "three\n");
  EXPECT_TRUE(batch.idle());
  EXPECT_EQ(batch.counts().in_flight, 0);
}

TEST(Batch, AJobMayEndWithoutAReport) {
  Batch batch(Options(1));
  Begin(batch, 1);
  batch.EndWith(1, "its id\n");
  EXPECT_EQ(batch.TakeOutput(), "its id\n");
  EXPECT_EQ(batch.counts().succeeded(), 1);
}

TEST(JobJson, HasTheFieldsThatScriptsRelyOn) {
  JobReport report = Success("caf\xC3\xA9 \"1\"\n");
  report.queued = 1500us;
  report.ran = 20ms;
  report.child = "default/3.1";
  EXPECT_EQ(JobJson("7", "", report),
            "{\"id\":\"7\",\"outcome\":\"SUCCEEDED\",\"payload\":\"caf\xC3\xA9 \\\"1\\\"\\n\",\"error\":\"\","
            "\"queue_ms\":1.500,\"run_ms\":20.000,\"child\":\"default/3.1\"}\n");
}

TEST(JobJson, APayloadThatIsNotUtf8IsBase64) {
  EXPECT_THAT(JobJson("1", "in:1", Success("\xFF\xFE")),
              HasSubstr("\"input\":\"in:1\",\"outcome\":\"SUCCEEDED\",\"payload_base64\":\"//4=\""));
}

TEST(JobJson, ARefusedJobSaysSo) {
  EXPECT_THAT(JobJson("1", "", RefusedFor(0s)), HasSubstr("\"outcome\":\"REFUSED\",\"refusal\":\"BREAKER_OPEN\""));
}

TEST(FailureText, NothingThatATerminalWouldActOnGetsThrough) {
  const std::string text = FailureText("1", "", Failure(Outcome::kFailed, "a\x1b[2Jb\nsecond line\n"));
  EXPECT_EQ(text, "job 1: FAILED: a\\x1b[2Jb\n    second line\n");
}

TEST(FailureText, SaysOnceThatAChildMayStillRun) {
  ReportOutcome end{};
  end.outcome = Outcome::kTimedOut;
  end.still_running = true;
  JobReport report = Failure(end.outcome, ExplainEnd(end, {}));
  report.still_running = true;
  const std::string once = FailureText("1", "", report);
  EXPECT_THAT(once, EndsWith("; its child could not be killed and may still run\n"));
  EXPECT_EQ(once.find(kMayStillRun), once.rfind(kMayStillRun));
  report.error = "the autopsy of a child\nin lines\n";
  EXPECT_EQ(FailureText("1", "", report),
            "job 1: TIMED_OUT: the autopsy of a child\n    in lines\n    its child could not be killed and may still "
            "run\n");
}

TEST(ProgressLine, TellsWhatIsDoneAndLeftAndFitsTheTerminal) {
  BatchCounts counts;
  counts.outcomes[static_cast<std::size_t>(Outcome::kSucceeded)] = 50;
  counts.outcomes[static_cast<std::size_t>(Outcome::kFailed)] = 1;
  counts.in_flight = 8;
  EXPECT_EQ(ProgressLine(counts, 51, 0.5, 60s, 100), "51 done, 8 running, 1 failed, 51/s, 50%, 1m 00s left");
  EXPECT_EQ(ProgressLine(counts, 51, std::nullopt, 60s, 100), "51 done, 8 running, 1 failed, 51/s");
  EXPECT_EQ(ProgressLine(counts, 51, 0.5, 60s, 10), "51 done, 8");
}

TEST(Pace, FollowsTheLatestSeconds) {
  Pace pace;
  pace.Note(1s, 10);
  EXPECT_DOUBLE_EQ(pace.per_second(), 10);
  pace.Note(1500ms, 1000);  // too soon to tell
  EXPECT_DOUBLE_EQ(pace.per_second(), 10);
  pace.Note(2s, 30);
  EXPECT_DOUBLE_EQ(pace.per_second(), 13);
}

TEST(SummaryLine, NamesEveryKindOfFailure) {
  BatchCounts counts;
  counts.outcomes[static_cast<std::size_t>(Outcome::kSucceeded)] = 8;
  counts.outcomes[static_cast<std::size_t>(Outcome::kTimedOut)] = 1;
  counts.refused = 1;
  EXPECT_EQ(SummaryLine(counts, 2s), "8 of 10 jobs succeeded, 1 TIMED_OUT, 1 refused; 2.0s, 5.0/s");
}

TEST(ExitCodeFor, IsWhatTheDocumentSays) {
  EXPECT_EQ(ExitCodeFor(Outcome::kSucceeded, 0), 0);
  EXPECT_EQ(ExitCodeFor(Outcome::kFailed, 0), 125);
  EXPECT_EQ(ExitCodeFor(Outcome::kTimedOut, 9), 124);
  EXPECT_EQ(ExitCodeFor(Outcome::kQueueTimeout, 0), 124);
  EXPECT_EQ(ExitCodeFor(Outcome::kChildCrashed, 11), 139);
  EXPECT_EQ(ExitCodeFor(Outcome::kChildCrashed, 0), 125);
  EXPECT_EQ(ExitCodeFor(Outcome::kOomKilled, 9), 137);
  EXPECT_EQ(ExitCodeFor(Refusal::kQueueFull), 75);
  EXPECT_EQ(ExitCodeFor(Refusal::kTooLarge), 65);
  EXPECT_EQ(ExitCodeFor(Refusal::kUnknownPool), 64);
  EXPECT_EQ(ExitCodeFor(absl::NotFoundError("")), 69);
  EXPECT_EQ(ExitCodeFor(absl::PermissionDeniedError("")), 77);
}

}  // namespace
}  // namespace andiron
