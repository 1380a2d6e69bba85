// The driver's parts that need no loop.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/support/shows.h"
#include "worker/base/json.h"
#include "worker/driver/cpus.h"
#include "worker/driver/end_text.h"
#include "worker/driver/loop_lag.h"
#include "worker/driver/status_json.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(JsonWriter, WritesNumbersAsNumbersAndAnyBytesAsStrings) {
  JsonWriter json;
  json.BeginObject();
  json.Member("big", std::numeric_limits<std::int64_t>::max());
  json.Member("zero", 0);
  json.Member("part", 0.5);
  json.Member("infinite", std::numeric_limits<double>::infinity());
  json.Member("yes", true);
  json.Key("list");
  json.BeginArray();
  json.Value("a\"b\n");
  json.BeginObject();
  json.EndObject();
  json.Value(1);
  json.EndArray();
  json.EndObject();
  EXPECT_EQ(json.Take(),
            R"({"big":9223372036854775807,"zero":0,"part":0.500,"infinite":0.000,"yes":true,"list":["a\"b\n",{},1]})");
}

TEST(Cpus, QuotasAreRoundedUpAndNonsenseIsNoLimit) {
  EXPECT_EQ(CpusOfQuota("150000 100000\n"), 2);
  EXPECT_EQ(CpusOfQuota("200000 100000\n"), 2);
  EXPECT_EQ(CpusOfQuota("1000 100000"), 1);
  EXPECT_EQ(CpusOfQuota("max 100000\n"), 0);
  EXPECT_EQ(CpusOfQuota("-1 100000"), 0);
  EXPECT_EQ(CpusOfQuota("100000"), 0);
  EXPECT_EQ(CpusOfQuota("100000 0"), 0);
  EXPECT_EQ(CpusOfQuota(""), 0);
  EXPECT_GE(ContainerCpus(), 1);
}

TEST(LoopLag, TellsTheLongestOfTheLastSecondsAndForgetsIt) {
  Shows("C5");
  LoopLag lag;
  const TimePoint start{1000h};
  lag.Record(start, 30ms);
  lag.Record(start + 1s, 20ms);
  EXPECT_EQ(lag.Longest(start + 1s), 30ms);
  EXPECT_EQ(lag.Longest(start + LoopLag::kWindow), 30ms);
  lag.Record(start + LoopLag::kWindow, 5ms);
  EXPECT_EQ(lag.Longest(start + 2 * LoopLag::kWindow), 5ms);
  EXPECT_EQ(lag.Longest(start + 10 * LoopLag::kWindow), 0ms);
}

TEST(TimeText, IsWrittenAsInTheSettings) {
  EXPECT_EQ(TimeText(0s), "0s");
  EXPECT_EQ(TimeText(1h), "1h");
  EXPECT_EQ(TimeText(90s), "1m30s");
  EXPECT_EQ(TimeText(1h + 5s), "1h5s");
  EXPECT_EQ(TimeText(250ms), "250ms");
  EXPECT_EQ(TimeText(1500us), "1.5ms");
  EXPECT_EQ(TimeText(999ms), "999ms");
  EXPECT_EQ(TimeText(999'499us), "999ms");
  EXPECT_EQ(TimeText(999'500us), "1s");
  EXPECT_EQ(TimeText(1500ms), "1.5s");
  EXPECT_EQ(TimeText(59'999ms), "59.999s");
  EXPECT_EQ(TimeText(60'250ms), "1m0.25s");
  EXPECT_EQ(TimeText(59'999'600us), "1m");
}

ReportOutcome Ended(Outcome outcome) {
  ReportOutcome report{};
  report.outcome = outcome;
  report.child = {0, 3, 7};
  return report;
}

TEST(EndText, EveryEndButSuccessHasAText) {
  const PoolSettings pool;
  EndFacts facts;
  facts.pool = &pool;
  facts.start_by = 30s;
  facts.run_for = 1h;
  facts.drain_timeout = 30s;
  EXPECT_EQ(ExplainEnd(Ended(Outcome::kSucceeded), facts), "");
  for (int i = 1; i < kOutcomeCount; ++i) EXPECT_NE(ExplainEnd(Ended(static_cast<Outcome>(i)), facts), "") << i;
  EXPECT_THAT(ExplainEnd(Ended(Outcome::kTimedOut), facts), HasSubstr("run_for (1h)"));
  EXPECT_THAT(ExplainEnd(Ended(Outcome::kQueueTimeout), facts), HasSubstr("start_by (30s)"));
  ReportOutcome shutdown = Ended(Outcome::kKilledShutdown);
  EXPECT_THAT(ExplainEnd(shutdown, facts), Not(HasSubstr("at once"))) << "its child died for another reason";
  shutdown.intent = Intent::kDrainTimeout;
  EXPECT_THAT(ExplainEnd(shutdown, facts), HasSubstr("drain_timeout (30s)"));
  shutdown.intent = Intent::kWorkerStopping;
  EXPECT_EQ(ExplainEnd(shutdown, facts), "the worker stopped at once, before the job had ended");
  ReportOutcome lost = Ended(Outcome::kLostBeforeStart);
  EXPECT_THAT(ExplainEnd(lost, facts), Not(HasSubstr("ack_timeout"))) << "its children may have died at once";
  lost.intent = Intent::kAckTimeout;
  EXPECT_THAT(ExplainEnd(lost, facts), HasSubstr("within ack_timeout (2s)"));
}

TEST(EndText, WhatNoChildHadBegunHasNotRun) {
  PoolSettings pool;
  pool.name = "spell";
  EndFacts facts;
  facts.pool = &pool;
  facts.start_by = 30s;
  ReportOutcome cancelled = Ended(Outcome::kCancelled);
  EXPECT_EQ(ExplainEnd(cancelled, facts), "cancelled before its child had begun it");
  cancelled.begun = true;
  cancelled.ran = 5s;
  EXPECT_EQ(ExplainEnd(cancelled, facts), "cancelled after it had run for 5s");
  cancelled.child = {};
  EXPECT_EQ(ExplainEnd(cancelled, facts), "cancelled while it was queued");
  // Handed to a child that died, and never to another.
  const std::string late = ExplainEnd(Ended(Outcome::kQueueTimeout), facts);
  EXPECT_THAT(late, HasSubstr("spell/3.7 took it and ended before it had begun"));
  EXPECT_THAT(late, Not(HasSubstr("max_children")));
  ReportOutcome queued = Ended(Outcome::kQueueTimeout);
  queued.child = {};
  EXPECT_THAT(ExplainEnd(queued, facts), HasSubstr("Raise max_children"));
}

TEST(EndText, CrashIsTheAutopsysSummaryAndAdvice) {
  EndFacts facts;
  facts.death = "spell/3.7 (pid 4711) was killed by SIGSEGV while it ran job 42";
  facts.advice = "Run the job by hand under a debugger";
  EXPECT_EQ(ExplainEnd(Ended(Outcome::kChildCrashed), facts),
            "spell/3.7 (pid 4711) was killed by SIGSEGV while it ran job 42. Run the job by hand under a debugger");
}

TEST(EndText, JobWhoseChildCouldNotBeKilledSaysSo) {
  ReportOutcome report = Ended(Outcome::kTimedOut);
  report.still_running = true;
  EXPECT_THAT(ExplainEnd(report, {}), HasSubstr("may still run"));
  EXPECT_THAT(ExplainEnd(Ended(Outcome::kTimedOut), {}), Not(HasSubstr("may still run")));
}

TEST(EndText, QueueTimeoutOfAPoolThatDoesNotStartSaysWhy) {
  EndFacts facts;
  facts.pool_trouble = "spell/0.9 exited with 1 before it was ready";
  EXPECT_THAT(ExplainEnd(Ended(Outcome::kQueueTimeout), facts), HasSubstr("exited with 1"));
}

TEST(StatusJson, HasEveryPromisedNameAndZeros) {
  Shows("R115");
  CoreStatus status;
  status.pools.push_back({});
  PoolStatus& pool = status.pools[0];
  pool.name = "spell";
  ChildStatus child;
  child.child = {0, 1, 2};
  child.pid = 4711;
  child.state = SlotState::kBusy;
  child.job = "job \"7\"";
  pool.children.push_back(child);
  WorkerFigures figures;
  figures.name = "andiron";
  figures.version = "0.1.0";
  figures.containment = "group";
  const std::string json = StatusJson(status, figures);
  google::protobuf::Struct parsed;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &parsed).ok()) << json;
  for (
      const char* part : {
          R"({"worker":{"name":"andiron","version":"0.1.0","pid":0,"state":"running","uptime_s":0.000,)",
          R"("loop_lag_ms":0.000,"containment":"group",)",
          R"("name":"spell","warm":0,"max_children":0)",
          R"("slots":{"vacant":0,"starting":0,"idle":0,"busy":0,"stopping":0,"dying":0})",
          R"("quarantined":0)",
          R"("queued":0)",
          R"("reserved":0,"capacity":0,"breaker":"closed","spawned":0,"exited":0)",
          R"("initialize":{"ready":0,"exited":0,"timed_out":0,"spawn_failed":0,"protocol_error":0,"cancelled":0})",
          R"("jobs":{"accepted":0,"refused":0,"succeeded":0,"failed":0,"cancelled":0,"timed_out":0,"queue_timeout":0,)",
          R"("child_crashed":0,"oom_killed":0,"killed_shutdown":0,"lost_before_start":0})",
          R"("children":[{"slot":1,"generation":2,"pid":4711,"state":"busy","since_ms":0.000,"job":"job \"7\"")",
          R"("sources":[],"autopsies":[])",
      }) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

// The core knows no time but that of its last step, which may be long ago.
TEST(StatusJson, CountsFromNowHowLongAChildHasBeenInItsState) {
  CoreStatus status;
  status.pools.push_back({});
  status.pools[0].children.emplace_back().since = TimePoint{} + std::chrono::seconds(5);
  WorkerFigures figures;
  figures.now = TimePoint{} + std::chrono::seconds(7);
  EXPECT_THAT(StatusJson(status, figures), HasSubstr(R"("since_ms":2000.000)"));
}

}  // namespace
}  // namespace andiron
