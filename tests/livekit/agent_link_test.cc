// The life of an agent's links, in virtual time.
#include "tests/livekit/agent_rig.h"

namespace andiron::livekit {
namespace {

LinkSampled Sample(std::uint64_t attempt, std::int64_t unacknowledged, std::uint64_t acknowledged) {
  return {.attempt = attempt,
          .established = true,
          .counted = true,
          .unacknowledged = unacknowledged,
          .acknowledged = acknowledged,
          .received = 0};
}

LinkSampled Gone(std::uint64_t attempt) {
  LinkSampled sample = Sample(attempt, 0, 0);
  sample.established = false;
  return sample;
}

LinkSampled Unread(std::uint64_t attempt, std::int64_t bytes) {
  LinkSampled sample = Sample(attempt, 0, 0);
  sample.unread = bytes;
  return sample;
}

TEST(AgentLink, ConnectsAtTheFirstStepAndRegisters) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  ASSERT_EQ(rig.Did<OpenLink>().size(), 1U);
  EXPECT_EQ(rig.agent().Status().state, AgentState::kConnecting);
  rig.Step(milliseconds(1), LinkOpened{1});
  ASSERT_EQ(rig.Said<Register>().size(), 1U);
  EXPECT_EQ(rig.Said<Register>()[0].agent_name, "clerk");
  EXPECT_FALSE(rig.Said<Register>()[0].version.empty());
  EXPECT_EQ(rig.agent().Status().state, AgentState::kRegistering);
  rig.Step(milliseconds(1), AgentRig::Room(2), rig.Word(Registered{"AW_1", "1.14.1"}));
  EXPECT_EQ(rig.agent().Status().state, AgentState::kRegistered);
  EXPECT_EQ(rig.agent().Status().worker_id, "AW_1");
  EXPECT_EQ(rig.agent().Status().server_version, "1.14.1");
}

TEST(AgentLink, ConnectAndRegistrationTogetherAreBounded) {
  AgentRig rig;
  rig.Open();
  rig.Pass(seconds(10) - milliseconds(2));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1));
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_EQ(rig.agent().Status().state, AgentState::kBackingOff);
  EXPECT_NE(rig.agent().Status().last_error.find("no registration within 10.0 s"), std::string::npos);
}

TEST(AgentLink, AConnectionThatTakesTooLongNamesWhatItWaitedFor) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  rig.Step(seconds(10) - milliseconds(1));
  EXPECT_FALSE(rig.agent().WantsSample(rig.now()));
  EXPECT_TRUE(rig.agent().WantsSample(rig.now() + milliseconds(1)));
  rig.Step(milliseconds(1), LinkWaits{0, "nothing of this attempt"}, LinkWaits{1, "the TLS handshake with host:7880"});
  const std::string why = "no connection within 10.0 s: waited for the TLS handshake with host:7880";
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_EQ(rig.Did<CloseLink>()[0].why, why);
  EXPECT_EQ(rig.agent().Status().last_error, why);
  EXPECT_TRUE(rig.Logged("agent_link_dropped", why));
}

TEST(AgentLink, ARegistrationReadInTheStepOfItsDeadlineCounts) {
  AgentRig rig;
  rig.Open();
  rig.Late(seconds(20), seconds(20), rig.Word(Registered{"AW_1", "1.14.1"}));
  EXPECT_NE(rig.agent().Status().last_error.find("stood still"), std::string::npos);  // 20 s without a step
  AgentRig other(AgentRig::With([](Settings& settings) { settings.connect_timeout = milliseconds(400); }));
  other.Open();
  other.Step(milliseconds(401), other.Word(Registered{"AW_1", "1.14.1"}));
  EXPECT_TRUE(other.Did<CloseLink>().empty());
  EXPECT_EQ(other.agent().Status().state, AgentState::kRegistered);
}

TEST(AgentLink, BacksOffWithJitterBetweenItsLimitsAndNeverGivesUp) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  Duration longest{};
  for (int i = 1; i <= 40; ++i) {
    rig.Step(milliseconds(1), LinkClosed{rig.agent().attempt(), "connection refused", false});
    const Duration wait = rig.agent().NextDeadline() - rig.now();
    EXPECT_GE(wait, milliseconds(250));
    EXPECT_LE(wait, seconds(30));
    if (i == 1) {
      EXPECT_LE(wait, milliseconds(500));
    }
    longest = std::max(longest, wait);
    rig.Step(wait);
    EXPECT_EQ(rig.Did<OpenLink>().size(), 1U) << i;
  }
  EXPECT_GT(longest, seconds(10));
}

TEST(AgentLink, TheBackOffBeginsAnewAfterALastingRegistrationOnly) {
  for (const bool lasting : {false, true}) {
    AgentRig rig;
    rig.Step(milliseconds(1));
    for (int i = 0; i < 9; ++i) {
      rig.Step(milliseconds(1), LinkClosed{rig.agent().attempt(), "connection refused", false});
      rig.Step(rig.agent().NextDeadline() - rig.now());
    }
    rig.Step(milliseconds(1), LinkOpened{rig.agent().attempt()});
    rig.Step(milliseconds(1), rig.Word(Registered{"AW_1", "1.14.1"}));
    rig.Pass(lasting ? seconds(10) : seconds(9));
    rig.Step(Duration(0), LinkClosed{rig.agent().attempt(), "reset", false});
    const Duration wait = rig.agent().NextDeadline() - rig.now();
    EXPECT_EQ(wait <= milliseconds(500), lasting) << Milliseconds(wait);
  }
}

TEST(AgentLink, ARefusedKeyIsSaidLoudlyAndTriedAgain) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  rig.Step(milliseconds(1), LinkClosed{1, "status 401", true});
  EXPECT_TRUE(rig.Logged("agent_credentials_refused", "LIVEKIT_API_SECRET"));
  EXPECT_EQ(rig.Did<LogLine>()[0].level, LogLevel::kError);
  rig.Step(rig.agent().NextDeadline() - rig.now());
  EXPECT_EQ(rig.Did<OpenLink>().size(), 1U);
}

TEST(AgentLink, FactsOfAnotherAttemptMeanNothing) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  rig.Reconnect();
  rig.Step(milliseconds(1), ServerSaid{1, Offered{"AJ_1", ""}}, ServerSaid{1, Assigned{"AJ_2", "", "", "t"}},
           LinkClosed{1, "reset", false}, ServerBroke{1, "junk"}, Gone(1));
  EXPECT_TRUE(rig.actions().empty());
  EXPECT_EQ(rig.agent().Status().state, AgentState::kRegistered);
}

TEST(AgentLink, GarbageClosesTheLinkAndWhatCameBeforeIsHonoured) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Assign("AJ_1"), ServerBroke{1, "field 3"}, rig.Assign("AJ_2"));
  EXPECT_EQ(rig.Did<SubmitJob>().size(), 2U);
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_NE(rig.Did<CloseLink>()[0].why.find("field 3"), std::string::npos);
}

TEST(AgentLink, ANotEstablishedConnectionIsDeadAtOnce) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), Gone(1), rig.Assign("AJ_1"));
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>().size(), 1U);
}

TEST(AgentLink, ANotEstablishedConnectionIsReadToItsEndBeforeItIsDead) {
  AgentRig rig;
  rig.Register();
  LinkSampled gone = Gone(1);
  gone.unread = 1;
  rig.Step(milliseconds(1), gone);
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1), rig.Assign("AJ_1"), Gone(1));
  EXPECT_EQ(rig.Did<SubmitJob>().size(), 1U);
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_NE(rig.Did<CloseLink>()[0].why.find("no longer established"), std::string::npos);
}

TEST(AgentLink, UnacknowledgedBytesWithoutProgressAreDeath) {
  AgentRig rig(AgentRig::With([](Settings& settings) { settings.dead_after = seconds(1); }));
  rig.Register();
  rig.Step(milliseconds(400), Sample(1, 10, 100));
  rig.Step(milliseconds(500), Sample(1, 10, 100));
  rig.Step(milliseconds(499), Sample(1, 20, 100));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1), Sample(1, 20, 100));
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
}

TEST(AgentLink, APeerThatAcknowledgesSlowlyOrIsIdleIsLeftAlone) {
  AgentRig rig(AgentRig::With([](Settings& settings) {
    settings.ping_timeout = minutes(10);
    settings.dead_after = seconds(1);
  }));
  rig.Register();
  for (int i = 0; i < 20; ++i) {
    rig.Step(milliseconds(400), Sample(1, 1000 + i, 100 + static_cast<std::uint64_t>(i / 2)));
    EXPECT_TRUE(rig.Did<CloseLink>().empty()) << "slow " << i;
  }
  for (int i = 0; i < 20; ++i) {
    rig.Step(milliseconds(400), Sample(1, 0, 200));
    EXPECT_TRUE(rig.Did<CloseLink>().empty()) << "idle " << i;
  }
  // What becomes unacknowledged after an idle time has its own.
  rig.Step(milliseconds(400), Sample(1, 10, 200));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
}

TEST(AgentLink, WhereTheKernelDoesntCountOnlyPingsTellAndTheLogSaysSoOnce) {
  AgentRig rig(AgentRig::With([](Settings& settings) {
    settings.ping_timeout = seconds(4);
    settings.dead_after = seconds(1);
  }));
  rig.Register();
  LinkSampled uncounted = Sample(1, 10, 0);
  uncounted.counted = false;
  rig.Step(milliseconds(400), uncounted);
  EXPECT_TRUE(rig.Logged("agent_peer_uncounted", "4.0 s"));
  for (int i = 0; i < 10; ++i) {
    rig.Step(milliseconds(400), uncounted);
    EXPECT_TRUE(rig.Did<CloseLink>().empty()) << i;
    EXPECT_FALSE(rig.Logged("agent_peer_uncounted"));
  }
  for (int i = 0; i < 13 && rig.Did<CloseLink>().empty(); ++i) rig.Step(milliseconds(400), uncounted);
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_NE(rig.Did<CloseLink>()[0].why.find("no answer to a ping"), std::string::npos);
  rig.Reconnect();
  uncounted.attempt = 2;
  rig.Step(milliseconds(400), uncounted);
  EXPECT_FALSE(rig.Logged("agent_peer_uncounted"));
}

TEST(AgentLink, TheProgressVerdictIsByTheTimeThatHasBeenReadUpTo) {
  AgentRig rig(AgentRig::With([](Settings& settings) { settings.dead_after = seconds(1); }));
  rig.Register();
  rig.Step(milliseconds(100), Sample(1, 10, 100));
  rig.Late(milliseconds(999), milliseconds(1500), Sample(1, 10, 100));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
}

TEST(AgentLink, PingsAndDropsAPeerThatAnswersNone) {
  AgentRig rig;
  rig.Register();
  rig.Pass(seconds(5), false);
  EXPECT_EQ(rig.Said<Ping>().size(), 1U);
  rig.Pass(seconds(30) - milliseconds(1), false);
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  EXPECT_EQ(rig.Said<Ping>().size(), 5U);
  rig.Pass(milliseconds(1), false);
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_NE(rig.Did<CloseLink>()[0].why.find("no answer to a ping for 30.0 s"), std::string::npos);
}

TEST(AgentLink, APongOfAnEarlierPingIsAnAnswerToo) {
  AgentRig rig;
  rig.Register();
  rig.Pass(seconds(5), false);
  const std::int64_t first = rig.Said<Ping>().at(0).timestamp;
  rig.Pass(seconds(29), false);
  rig.Step(milliseconds(10), rig.Word(Ponged{first}));
  rig.Pass(seconds(29), false);
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Pass(seconds(2), false);
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
}

TEST(AgentLink, PongsThatWereNeverAskedForProveNothing) {
  AgentRig rig;
  rig.Register();
  rig.Pass(seconds(5), false);
  const std::int64_t ping = rig.Said<Ping>().at(0).timestamp;
  rig.Pass(seconds(20), false);
  rig.Step(milliseconds(1), rig.Word(Ponged{ping + 100}), rig.Word(Ponged{ping - 1}), rig.Word(Ponged{-5}));
  rig.Pass(seconds(11), false);
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
}

TEST(AgentLink, AnAnsweredPeerIsNeverDropped) {
  AgentRig rig;
  rig.Register();
  rig.Pass(minutes(5));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  EXPECT_GE(rig.Said<Ping>().size(), 55U);
}

TEST(AgentLink, AfterAStallTellsFullAndConnectsAnewAtOnce) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(499) + seconds(2) + Duration(1), rig.Offer("AJ_1"));  // the tick counts from LinkOpened
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_TRUE(rig.Said<TellLoad>()[0].full);
  EXPECT_TRUE(rig.Said<AnswerOffer>().empty());
  EXPECT_TRUE(rig.Did<AskPlace>().empty());
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  ASSERT_EQ(rig.Did<OpenLink>().size(), 1U);
  EXPECT_EQ(rig.Did<OpenLink>()[0].attempt, 2U);
  EXPECT_TRUE(rig.Logged("agent_stalled"));
}

TEST(AgentLink, AtTheStallLimitItGoesOn) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(499) + seconds(2), rig.Offer("AJ_1"));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
}

TEST(AgentLink, AfterAStallWhatWasAssignedRunsAndTerminationsCount) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(seconds(10), rig.Word(Terminated{"AJ_1"}), rig.Assign("AJ_2"));
  ASSERT_EQ(rig.Did<CancelJob>().size(), 1U);
  EXPECT_EQ(rig.Did<CancelJob>()[0].ticket, ticket);
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].assignment.job_id, "AJ_2");
}

TEST(AgentLink, AStallReleasesTheOffersOfTheOldLink) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), rig.Offer("AJ_2"));
  const std::vector<AskPlace> asked = rig.Did<AskPlace>();
  rig.Step(milliseconds(1), PlaceAnswered{asked.at(0).ticket, true, {}});
  rig.Step(seconds(10), PlaceAnswered{asked.at(1).ticket, true, {}});
  EXPECT_TRUE(rig.Said<AnswerOffer>().empty());
  EXPECT_EQ(rig.Did<ReleasePlace>().size(), 2U);
}

// A worker that has said yes to these two and to nobody else, and has stood still since.
class StalledAgent : public AgentRig {
 public:
  StalledAgent() {
    Register();
    Step(milliseconds(1), Offer("AJ_1"), Offer("AJ_2"), Offer("AJ_3"));
    Step(milliseconds(1), PlaceAnswered{1, true, {}}, PlaceAnswered{2, true, {}});
    EXPECT_EQ(Said<AnswerOffer>().size(), 2U);
    Step(seconds(6), Unread(1, 40'000), Offer("AJ_4"));
  }
};

TEST(AgentLink, AfterAStallTheLinkIsReadOutBeforeItIsClosed) {
  StalledAgent rig;
  EXPECT_TRUE(rig.Logged("agent_stalled", "stood still for 6.0 s"));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_TRUE(rig.Said<TellLoad>()[0].full);
  ASSERT_EQ(rig.Did<ReleasePlace>().size(), 1U) << "of the offer that waits for an answer, and no other";
  EXPECT_EQ(rig.Did<ReleasePlace>()[0].ticket, 3U);
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1), Unread(1, 20'000), rig.Assign("AJ_1"), rig.Offer("AJ_5"), PlaceAnswered{3, true, {}});
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].ticket, 1U) << "on the place that was promised";
  EXPECT_TRUE(rig.Said<AnswerOffer>().empty());
  EXPECT_TRUE(rig.Did<AskPlace>().empty());
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1), Unread(1, 0), rig.Assign("AJ_2"));
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].ticket, 2U);
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_EQ(rig.Did<CloseLink>()[0].why, "this worker stood still for 6.0 s");
  ASSERT_EQ(rig.Did<OpenLink>().size(), 1U);
  EXPECT_EQ(rig.agent().Status().accepted, 2);
}

TEST(AgentLink, WhatIsReadOutIsLookedForInEachStepAndSoon) {
  StalledAgent rig;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(rig.agent().WantsSample(rig.now()));
    EXPECT_GT(rig.agent().NextDeadline(), rig.now());
    EXPECT_LE(rig.agent().NextDeadline(), rig.now() + Agent::kReadOutTick);
    rig.Step(milliseconds(1), Unread(1, 100));
    EXPECT_FALSE(rig.Logged("agent_stalled")) << "said once";
  }
  rig.Step(milliseconds(1));  // without a sample nobody knows of more
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
}

TEST(AgentLink, AServerThatGoesOnAndOnDoesNotHoldAStalledLink) {
  StalledAgent rig;
  for (int i = 1; i < 10; ++i) {
    rig.Step(Agent::kReadOut / 10, Unread(1, 40'000));
    EXPECT_TRUE(rig.Did<CloseLink>().empty()) << i;
  }
  rig.Step(Agent::kReadOut / 10 - milliseconds(1), Unread(1, 40'000));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1), Unread(1, 40'000));
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_EQ(rig.Did<ReleasePlace>().size(), 2U);
}

TEST(AgentLink, WhileAStalledLinkIsReadOutNothingElseOfItIsJudged) {
  AgentRig rig(AgentRig::With([](Settings& settings) {
    settings.ping_timeout = settings.dead_after = seconds(1);
    settings.stall_limit = milliseconds(500);
  }));
  rig.Register();
  LinkSampled sample = Unread(1, 100);
  sample.unacknowledged = 10;
  rig.Pass(seconds(5), false);  // a ping is out
  rig.Step(milliseconds(1), sample);
  rig.Step(seconds(20), sample);
  EXPECT_TRUE(rig.Logged("agent_stalled"));
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  rig.Step(milliseconds(1), sample, AgentRig::Room(4));
  EXPECT_TRUE(rig.Said<TellLoad>().empty()) << "it stays FULL";
  EXPECT_TRUE(rig.Did<CloseLink>().empty());
  // But its end is its end.
  rig.Step(milliseconds(1), sample, ServerBroke{1, "junk"});
  ASSERT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_NE(rig.Did<CloseLink>()[0].why.find("junk"), std::string::npos);
  EXPECT_EQ(rig.Did<OpenLink>().size(), 1U);
}

TEST(AgentLink, AStalledLinkThatEndsByItselfIsReplacedAtOnce) {
  StalledAgent rig;
  rig.Step(milliseconds(1), rig.Assign("AJ_1"), LinkClosed{1, "reset", false});
  EXPECT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<ReleasePlace>().size(), 1U);
  EXPECT_EQ(rig.Did<OpenLink>().size(), 1U);
}

TEST(AgentLink, AWorkerThatEndsWhileItReadsOutEnds) {
  StalledAgent rig;
  rig.Step(milliseconds(1), Unread(1, 100), CloseAsked{});
  rig.Step(milliseconds(1), Unread(1, 0));
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
}

TEST(AgentLink, AStallWithoutALinkIsNone) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  rig.Step(milliseconds(1), LinkClosed{1, "refused", false});
  rig.Step(seconds(60));
  EXPECT_FALSE(rig.Logged("agent_stalled"));
  EXPECT_EQ(rig.Did<OpenLink>().size(), 1U);
}

TEST(AgentLink, StepsAreDueEveryTickOnAnOpenLink) {
  AgentRig rig;
  rig.Register();
  EXPECT_LE(rig.agent().NextDeadline(), rig.now() + milliseconds(500));
  EXPECT_FALSE(rig.agent().WantsSample(rig.now()));
  EXPECT_TRUE(rig.agent().WantsSample(rig.now() + milliseconds(500)));
  int wanted = 0;
  for (int i = 0; i < 100; ++i) {  // a loop that steps all the time ticks as well
    wanted += rig.agent().WantsSample(rig.now() + milliseconds(10)) ? 1 : 0;
    rig.Step(milliseconds(10));
  }
  EXPECT_EQ(wanted, 2);
}

TEST(AgentLink, CountsRegistrationsAfterTheFirst) {
  AgentRig rig;
  rig.Register();
  EXPECT_EQ(rig.agent().Status().reconnects, 0);
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  EXPECT_EQ(rig.agent().Status().last_error, "reset");
  rig.Reconnect();
  EXPECT_EQ(rig.agent().Status().reconnects, 1);
  EXPECT_EQ(rig.agent().Status().worker_id, "AW_2");
}

TEST(AgentLink, SaysNothingOnALinkThatClosedInTheSameBatch) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  rig.Step(milliseconds(1), LinkOpened{1}, LinkClosed{1, "reset", false});
  EXPECT_TRUE(rig.Did<Say>().empty());
  rig.Reconnect();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), AgentRig::Room(3), LinkClosed{2, "reset", false});
  EXPECT_TRUE(rig.Did<Say>().empty());
  EXPECT_EQ(rig.Did<ReleasePlace>().size(), 1U);
}

}  // namespace
}  // namespace andiron::livekit
