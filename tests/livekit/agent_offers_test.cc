// Offers: answered in time, accepted with a place only, and once.
#include "tests/livekit/agent_rig.h"

namespace andiron::livekit {
namespace {

TEST(AgentOffers, APlaceIsAskedForAtOnceAndTheAnswerFollowsIt) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), rig.Offer("AJ_2"));
  const std::vector<AskPlace> asked = rig.Did<AskPlace>();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(rig.Said<AnswerOffer>().empty());
  rig.Step(milliseconds(1), PlaceAnswered{asked[1].ticket, true, {}},
           PlaceAnswered{asked[0].ticket, false, Refusal::kQueueFull});
  const std::vector<AnswerOffer> answers = rig.Said<AnswerOffer>();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].job_id, "AJ_1");
  EXPECT_FALSE(answers[0].available);
  EXPECT_EQ(answers[1].job_id, "AJ_2");
  EXPECT_TRUE(answers[1].available);
  EXPECT_EQ(answers[1].identity, "agent-AJ_2");
  EXPECT_EQ(answers[1].name, "clerk");
  EXPECT_TRUE(rig.Did<ReleasePlace>().empty());
  EXPECT_EQ(rig.agent().Status().offered, 2);
  EXPECT_EQ(rig.agent().Status().accepted, 1);
  EXPECT_EQ(rig.agent().Status().refused, 1);
}

// Offered 1 ms after a step: since then it may have waited.
TEST(AgentOffers, IsRefusedAtTheDeadlineWhenThePoolIsSilent) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  rig.Pass(milliseconds(2498), false);
  EXPECT_TRUE(rig.Said<AnswerOffer>().empty());
  rig.Step(milliseconds(1));
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
  EXPECT_FALSE(rig.Said<AnswerOffer>()[0].available);
  EXPECT_EQ(rig.Did<ReleasePlace>().size(), 1U);
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}});
  EXPECT_TRUE(rig.actions().empty());
}

TEST(AgentOffers, AGrantJustBeforeTheDeadlineIsInTimeAndOneAtItIsNot) {
  for (const bool late : {false, true}) {
    AgentRig rig;
    rig.Register();
    rig.Step(milliseconds(1), rig.Offer("AJ_1"));
    rig.Pass(milliseconds(2400), false);
    // As of before the deadline, but it is now that counts: the server's patience doesn't wait for our loop.
    rig.Late(milliseconds(10), milliseconds(late ? 99 : 98), PlaceAnswered{1, true, {}});
    ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
    EXPECT_EQ(rig.Said<AnswerOffer>()[0].available, !late);
    EXPECT_EQ(rig.Did<ReleasePlace>().size(), late ? 1U : 0U);
  }
}

TEST(AgentOffers, WhatLayUnreadBeforeItsStepIsCountedIn) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(2000), rig.Offer("AJ_1"));  // may be 2 s old
  rig.Step(milliseconds(500), PlaceAnswered{1, true, {}});
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
  EXPECT_FALSE(rig.Said<AnswerOffer>()[0].available);
}

TEST(AgentOffers, AnAcceptedOfferThatIsNeverAssignedGivesItsPlaceBack) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}});
  rig.Pass(seconds(5) - milliseconds(1));
  EXPECT_TRUE(rig.Did<ReleasePlace>().empty());
  rig.Step(milliseconds(1));
  ASSERT_EQ(rig.Did<ReleasePlace>().size(), 1U);
  EXPECT_EQ(rig.Did<ReleasePlace>()[0].ticket, 1U);
}

TEST(AgentOffers, AnAssignmentInTheStepOfThatDeadlineUsesThePlace) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}});
  rig.Pass(seconds(5) - milliseconds(100));
  rig.Step(milliseconds(100), rig.Assign("AJ_1"));
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].ticket, 1U);
  EXPECT_TRUE(rig.Did<ReleasePlace>().empty());
}

TEST(AgentOffers, TheSameOfferAgainIsAnsweredTheSameAndAsksForNothing) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), rig.Offer("AJ_1"));
  EXPECT_EQ(rig.Did<AskPlace>().size(), 1U);
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), PlaceAnswered{1, true, {}});
  ASSERT_FALSE(rig.Said<AnswerOffer>().empty());
  for (const AnswerOffer& answer : rig.Said<AnswerOffer>()) EXPECT_TRUE(answer.available);
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));  // accepted
  EXPECT_TRUE(rig.Said<AnswerOffer>().at(0).available);
  rig.Step(milliseconds(1), rig.Assign("AJ_1"));
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));  // running
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
  EXPECT_TRUE(rig.Said<AnswerOffer>()[0].available);
  EXPECT_EQ(rig.Said<AnswerOffer>()[0].identity, "agent-AJ_1");
  EXPECT_TRUE(rig.Did<AskPlace>().empty());
  rig.Step(milliseconds(1), DrainTold{true}, rig.Offer("AJ_1"));  // another worker would run it twice
  EXPECT_TRUE(rig.Said<AnswerOffer>().at(0).available);
  EXPECT_EQ(rig.agent().Status().accepted, 1);
}

TEST(AgentOffers, OfferedWhileDrainingAndAgainAfterItHasOneAnswer) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), DrainTold{true});
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), DrainTold{false}, rig.Offer("AJ_1"));
  EXPECT_EQ(rig.Did<AskPlace>().size(), 1U);
  EXPECT_TRUE(rig.Said<AnswerOffer>().empty());
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}});
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
  EXPECT_TRUE(rig.Said<AnswerOffer>()[0].available);
}

TEST(AgentOffers, AJobThatHasEndedHereIsRefused) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Step(milliseconds(1), AgentRig::End(ticket), rig.Offer("AJ_1"));
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
  EXPECT_FALSE(rig.Said<AnswerOffer>()[0].available);
}

TEST(AgentOffers, ALinksEndReleasesItsPlaces) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), rig.Offer("AJ_2"), rig.Offer("AJ_3"));
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}}, PlaceAnswered{3, false, {}});
  rig.Step(milliseconds(1), LinkClosed{1, "reset", false});
  ASSERT_EQ(rig.Did<ReleasePlace>().size(), 2U);
  rig.Step(milliseconds(1), PlaceAnswered{2, true, {}});
  EXPECT_TRUE(rig.actions().empty());
  // The same job may be offered on the next link.
  rig.Reconnect();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  EXPECT_EQ(rig.Did<AskPlace>().size(), 1U);
}

TEST(AgentOffers, MoreThanCanBeKeptAreRefusedUnasked) {
  AgentRig rig;
  rig.Register();
  for (std::size_t i = 0; i < Agent::kOffersMax; ++i) {
    rig.Step(Duration(0), rig.Offer("AJ_" + std::to_string(i)));
    ASSERT_EQ(rig.Did<AskPlace>().size(), 1U);
  }
  rig.Step(Duration(0), rig.Offer("AJ_more"));
  EXPECT_TRUE(rig.Did<AskPlace>().empty());
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 1U);
  EXPECT_FALSE(rig.Said<AnswerOffer>()[0].available);
}

TEST(AgentOffers, BeforeTheRegistrationMeanNothing) {
  AgentRig rig;
  rig.Open();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  EXPECT_TRUE(rig.actions().empty());
}

}  // namespace
}  // namespace andiron::livekit
