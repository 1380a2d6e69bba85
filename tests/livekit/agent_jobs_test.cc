// Assigned jobs: one run, one end, told until it is read.
#include "tests/livekit/agent_rig.h"
#include "tests/support/shows.h"

namespace andiron::livekit {
namespace {

TEST(AgentJobs, AnAcceptedJobIsSubmittedWithItsPlaceAndItsToken) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}});
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].ticket, 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].assignment.token, "secret-token");
  EXPECT_TRUE(rig.Did<ReleasePlace>().empty());
  rig.Step(milliseconds(1), JobAccepted{1});
  EXPECT_TRUE(rig.Said<TellJob>().empty());
  rig.Step(milliseconds(1), JobStarted{1});
  ASSERT_EQ(rig.Said<TellJob>().size(), 1U);
  EXPECT_EQ(rig.Said<TellJob>()[0].status, JobStatus::kRunning);
  EXPECT_EQ(rig.agent().Status().jobs, 1);
}

TEST(AgentJobs, TheirEndsAreSuccessOrFailedWithAText) {
  struct Case {
    Outcome outcome;
    const char* error;
    JobStatus status;
    const char* text;
  };
  for (const Case& one : {Case{Outcome::kSucceeded, "", JobStatus::kSuccess, ""},
                          Case{Outcome::kFailed, "no such room", JobStatus::kFailed, "no such room"},
                          Case{Outcome::kTimedOut, "", JobStatus::kFailed, "timed out after 3.0 s"},
                          Case{Outcome::kCancelled, "", JobStatus::kFailed, "cancelled by the operator after 3.0 s"},
                          Case{Outcome::kChildCrashed, "signal 11", JobStatus::kFailed, "signal 11"}}) {
    AgentRig rig;
    rig.Register();
    const std::uint64_t ticket = rig.Run("AJ_1");
    rig.Pass(seconds(3));
    rig.Step(milliseconds(1), AgentRig::End(ticket, one.outcome, one.error));
    ASSERT_EQ(rig.Ends().size(), 1U);
    EXPECT_EQ(rig.Ends()[0].status, one.status);
    EXPECT_EQ(rig.Ends()[0].error, one.text);
    rig.Step(milliseconds(1), AgentRig::End(ticket, Outcome::kFailed, "again"), JobRefused{ticket, {}});
    EXPECT_TRUE(rig.Ends().empty());
  }
}

TEST(AgentJobs, OneThatStartsAndEndsInOneBatchIsToldBoth) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  rig.Step(milliseconds(60), JobAccepted{1}, JobStarted{1}, AgentRig::End(1));
  ASSERT_EQ(rig.Said<TellJob>().size(), 2U);
  EXPECT_EQ(rig.Said<TellJob>()[0].status, JobStatus::kRunning);
  EXPECT_EQ(rig.Said<TellJob>()[1].status, JobStatus::kSuccess);
}

TEST(AgentJobs, ARefusedOneFailsWithTheReason) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  rig.Step(milliseconds(50), JobRefused{1, Refusal::kBreakerOpen});
  ASSERT_EQ(rig.Ends().size(), 1U);
  EXPECT_EQ(rig.Ends()[0].status, JobStatus::kFailed);
  EXPECT_EQ(rig.Ends()[0].error, "not started: the pool's children fail to start");
  EXPECT_TRUE(rig.Logged("agent_job_unstarted", "AJ_1"));
  rig.Step(milliseconds(1), JobRefused{1, Refusal::kBreakerOpen});
  EXPECT_FALSE(rig.Logged("agent_job_unstarted")) << "it has ended";
}

TEST(AgentJobs, AnEndWaitsUntilTheServerCanKnowTheJob) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  rig.Step(milliseconds(1), AgentRig::End(1));
  EXPECT_TRUE(rig.Ends().empty());
  EXPECT_EQ(rig.agent().NextDeadline(), rig.now() + milliseconds(49));
  rig.Step(milliseconds(48));
  EXPECT_TRUE(rig.Ends().empty());
  rig.Step(milliseconds(1));
  EXPECT_EQ(rig.Ends().size(), 1U);
}

TEST(AgentJobs, TheEndOfAShortLifeIsToldTwiceAndNoMore) {
  for (const bool is_short : {true, false}) {
    AgentRig rig;
    rig.Register();
    rig.Step(milliseconds(1), rig.Assign("AJ_1"));
    rig.Pass(milliseconds(is_short ? 998 : 999));
    rig.Step(milliseconds(1), AgentRig::End(1));
    ASSERT_EQ(rig.Ends().size(), 1U);
    const TellJob first = rig.Ends()[0];
    rig.Step(milliseconds(1), rig.Word(Ponged{rig.Said<Ping>().at(0).timestamp}));
    EXPECT_EQ(rig.agent().Status().outbox, is_short ? 1 : 0);
    rig.Pass(milliseconds(248));
    EXPECT_TRUE(rig.Ends().empty());
    rig.Step(milliseconds(1));
    ASSERT_EQ(rig.Ends().size(), is_short ? 1U : 0U);
    if (is_short) {
      EXPECT_EQ(rig.Ends()[0].error, first.error);
    }
    rig.Pass(seconds(20));
    EXPECT_TRUE(rig.Ends().empty());
    EXPECT_EQ(rig.agent().Status().outbox, 0);
  }
}

TEST(AgentJobs, AnEndStaysInTheOutboxUntilAPingAfterItIsAnswered) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Pass(seconds(4) + milliseconds(990));
  rig.Step(milliseconds(20));  // the ordinary ping
  const std::int64_t before = rig.Said<Ping>().at(0).timestamp;
  rig.Step(milliseconds(1), AgentRig::End(ticket));
  const std::int64_t after = rig.Said<Ping>().at(0).timestamp;
  EXPECT_GT(after, before);
  rig.Step(milliseconds(1), rig.Word(Ponged{before}));
  EXPECT_EQ(rig.agent().Status().outbox, 1);
  rig.Step(milliseconds(1), rig.Word(Ponged{after}));
  EXPECT_EQ(rig.agent().Status().outbox, 0);
}

TEST(AgentJobs, OnTheNextLinkTheLoadIsToldAndThenTheEndsAgain) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t one = rig.Run("AJ_1");
  const std::uint64_t two = rig.Run("AJ_2");
  rig.Pass(seconds(2));
  rig.Step(milliseconds(1), AgentRig::End(one));
  EXPECT_EQ(rig.Ends().size(), 1U);
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  rig.Step(milliseconds(1), AgentRig::End(two, Outcome::kOomKilled));
  EXPECT_TRUE(rig.Ends().empty());
  rig.Reconnect();
  ASSERT_EQ(rig.Ends().size(), 2U);
  const std::vector<Say> said = rig.Did<Say>();
  EXPECT_TRUE(std::holds_alternative<TellLoad>(said.at(0).word)) << "the server takes a new registration for available";
  EXPECT_TRUE(std::holds_alternative<TellJob>(said.at(1).word));
  EXPECT_TRUE(std::holds_alternative<TellJob>(said.at(2).word));
  EXPECT_TRUE(std::holds_alternative<Ping>(said.at(3).word));
  rig.Step(milliseconds(1), rig.Word(Ponged{std::get<Ping>(said.at(3).word).timestamp}));
  EXPECT_EQ(rig.agent().Status().outbox, 0);
}

TEST(AgentJobs, APongOfTheOldLinkProvesNothingOnTheNew) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Pass(seconds(2));
  rig.Step(milliseconds(1), AgentRig::End(ticket));
  const std::int64_t old = rig.Said<Ping>().at(0).timestamp;
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  rig.Reconnect();
  rig.Step(milliseconds(1), rig.Word(Ponged{old}));
  EXPECT_EQ(rig.agent().Status().outbox, 1);
}

TEST(AgentJobs, RunningOnesGoOnWhenTheLinkBreaks) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  EXPECT_TRUE(rig.Did<CancelJob>().empty());
  rig.Reconnect();
  EXPECT_TRUE(rig.Said<TellJob>().empty());  // the new worker id has no such job
  EXPECT_EQ(rig.Said<TellLoad>().at(0).job_count, 1U);
  rig.Step(seconds(1), AgentRig::End(ticket));
  EXPECT_EQ(rig.Ends().size(), 1U);
}

TEST(AgentJobs, StartedOnALaterLinkIsNotTold) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  rig.Reconnect();
  rig.Step(milliseconds(1), JobAccepted{1}, JobStarted{1});
  EXPECT_TRUE(rig.Said<TellJob>().empty());
}

TEST(AgentJobs, AssignedAgainDoesNotRunAgain) {
  Shows("B25");
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(seconds(2), rig.Assign("AJ_1"));
  EXPECT_TRUE(rig.Did<SubmitJob>().empty());
  rig.Step(milliseconds(10), AgentRig::End(ticket));
  EXPECT_TRUE(rig.Ends().empty());  // the server counts it anew, so the end waits anew
  rig.Step(milliseconds(40));
  EXPECT_EQ(rig.Ends().size(), 1U);
  EXPECT_EQ(rig.agent().Status().assigned, 1);
}

TEST(AgentJobs, AssignedAgainAfterItsEndIsToldItsEnd) {
  Shows("B25");
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Pass(seconds(2));
  rig.Step(milliseconds(1), AgentRig::End(ticket, Outcome::kFailed, "exit code 7"));
  rig.Step(milliseconds(1), rig.Word(Ponged{rig.Said<Ping>().at(0).timestamp}));
  EXPECT_EQ(rig.agent().Status().outbox, 0);
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  EXPECT_TRUE(rig.Did<SubmitJob>().empty());
  EXPECT_TRUE(rig.Ends().empty());
  rig.Step(milliseconds(50));
  ASSERT_EQ(rig.Ends().size(), 1U);
  EXPECT_EQ(rig.Ends()[0].error, "exit code 7");
  rig.Pass(seconds(2));
  EXPECT_EQ(rig.Ends().size(), 1U);  // on doubt, once more
  EXPECT_EQ(rig.agent().Status().outbox, 0);
  EXPECT_EQ(rig.agent().Status().failed, 1);
}

TEST(AgentJobs, AssignedBeforeThePoolHasAnsweredIsSubmittedAfresh) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  ASSERT_EQ(rig.Did<ReleasePlace>().size(), 1U);
  EXPECT_EQ(rig.Did<ReleasePlace>()[0].ticket, 1U);
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].ticket, 2U);
  EXPECT_TRUE(rig.Logged("agent_job_unasked"));
}

TEST(AgentJobs, ATerminationCancelsOnceAndThenIsSuccess) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(seconds(1), rig.Word(Terminated{"AJ_1"}), rig.Word(Terminated{"AJ_1"}), rig.Word(Terminated{"AJ_none"}));
  ASSERT_EQ(rig.Did<CancelJob>().size(), 1U);
  EXPECT_EQ(rig.Did<CancelJob>()[0].ticket, ticket);
  EXPECT_EQ(rig.Did<CancelJob>()[0].grace, seconds(15));
  rig.Step(milliseconds(1), rig.Word(Terminated{"AJ_1"}));
  EXPECT_TRUE(rig.actions().empty());
  rig.Step(milliseconds(1), AgentRig::End(ticket, Outcome::kCancelled));
  ASSERT_EQ(rig.Ends().size(), 1U);
  EXPECT_EQ(rig.Ends()[0].status, JobStatus::kSuccess);
  rig.Step(milliseconds(1), rig.Word(Terminated{"AJ_1"}));
  EXPECT_TRUE(rig.Did<CancelJob>().empty());
  EXPECT_EQ(rig.agent().Status().terminated, 1);
}

TEST(AgentJobs, ATerminatedOneThatCrashesHasFailed) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(seconds(1), rig.Word(Terminated{"AJ_1"}));
  rig.Step(seconds(1), AgentRig::End(ticket, Outcome::kChildCrashed, "signal 11"));
  ASSERT_EQ(rig.Ends().size(), 1U);
  EXPECT_EQ(rig.Ends()[0].status, JobStatus::kFailed);
}

TEST(AgentJobs, TheOldestUnreadEndGivesWayAndIsNamed) {
  AgentRig rig(AgentRig::With([](Settings& settings) { settings.outbox_limit = 2; }));
  rig.Register(9);
  std::vector<std::uint64_t> tickets;
  for (const char* job_id : {"AJ_1", "AJ_2", "AJ_3"}) tickets.push_back(rig.Run(job_id));
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  rig.Step(milliseconds(1), AgentRig::End(tickets[1]), AgentRig::End(tickets[0]));
  EXPECT_EQ(rig.agent().Status().outbox, 2);
  rig.Step(milliseconds(1), AgentRig::End(tickets[2]));
  EXPECT_EQ(rig.agent().Status().outbox, 2);
  EXPECT_TRUE(rig.Logged("agent_end_unacknowledged", "AJ_2"));
  EXPECT_EQ(rig.agent().Status().unacknowledged, 1);
  rig.Reconnect();
  ASSERT_EQ(rig.Ends().size(), 2U);
  EXPECT_EQ(rig.Ends()[0].job_id, "AJ_1");
  EXPECT_EQ(rig.Ends()[1].job_id, "AJ_3");
}

TEST(AgentJobs, AnUnreadEndIsKeptForItsTimeAndThenNamed) {
  AgentRig rig(AgentRig::With([](Settings& settings) {
    settings.connect_timeout = minutes(60);
    settings.status_ttl = seconds(20);
  }));
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  rig.Step(milliseconds(1), AgentRig::End(ticket));
  rig.Pass(seconds(20) - milliseconds(1));
  EXPECT_EQ(rig.agent().Status().outbox, 1);
  rig.Step(milliseconds(1));
  EXPECT_EQ(rig.agent().Status().outbox, 0);
  EXPECT_TRUE(rig.Logged("agent_end_unacknowledged", "AJ_1"));
}

TEST(AgentJobs, NoTextHoldsAToken) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Assign("AJ_1"), DrainTold{true}, rig.Assign("AJ_2"));
  rig.Step(milliseconds(1), rig.Assign("AJ_3"), JobRefused{1, Refusal::kTooLarge});
  rig.Pass(seconds(1));
  for (const AgentAction& action : rig.actions()) {
    const auto* line = std::get_if<LogLine>(&action);
    EXPECT_TRUE(line == nullptr || line->text.find("secret-token") == std::string::npos);
  }
  for (const TellJob& told : rig.Ends()) EXPECT_EQ(told.error.find("secret-token"), std::string::npos);
}

TEST(AgentJobs, LongErrorsAreCut) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(seconds(2), AgentRig::End(ticket, Outcome::kFailed, std::string(100'000, 'x')));
  EXPECT_EQ(rig.Ends().at(0).error.size(), Agent::kErrorMax);
}

}  // namespace
}  // namespace andiron::livekit
