// What an agent tells of itself, drain, and its end.
#include "tests/livekit/agent_rig.h"
#include "tests/support/shows.h"

namespace andiron::livekit {
namespace {

TEST(AgentLoad, IsToldInTheStepOfTheRegistration) {
  AgentRig rig;
  rig.Register(4);
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_FALSE(rig.Said<TellLoad>()[0].full);
  EXPECT_EQ(rig.Said<TellLoad>()[0].load, 0.0F);
}

TEST(AgentLoad, IsFullUntilThePoolHasSpoken) {
  AgentRig rig;
  rig.Open();
  rig.Step(milliseconds(1), rig.Word(Registered{"AW_1", "1.14.1"}));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_TRUE(rig.Said<TellLoad>()[0].full);
  EXPECT_EQ(rig.Said<TellLoad>()[0].load, 1.0F);
}

TEST(AgentLoad, StaysUnderTheServersLimitWhileAJobCanBeTaken) {
  AgentRig rig;
  rig.Register(4);
  rig.Step(seconds(1), AgentRig::Room(1, 3));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_FLOAT_EQ(rig.Said<TellLoad>()[0].load, 0.51F);
  rig.Step(seconds(1), AgentRig::Room(1, 100'000));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_LT(rig.Said<TellLoad>()[0].load, 0.69F);
  EXPECT_FALSE(rig.Said<TellLoad>()[0].full);
}

TEST(AgentLoad, AWantOfPlacesIsToldAfterOneIntervalAndItsEndAtOnce) {
  AgentRig rig;
  rig.Register(4);
  rig.Step(milliseconds(1), AgentRig::Room(0, 4));
  EXPECT_TRUE(rig.Said<TellLoad>().empty());
  EXPECT_EQ(rig.agent().NextDeadline(), rig.now() + Agent::kLoadInterval);
  rig.Step(milliseconds(99));
  EXPECT_TRUE(rig.Said<TellLoad>().empty());
  rig.Step(milliseconds(1));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_TRUE(rig.Said<TellLoad>()[0].full);
  EXPECT_EQ(rig.Said<TellLoad>()[0].load, 1.0F);
  rig.Step(milliseconds(1), AgentRig::Room(1, 3));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_FALSE(rig.Said<TellLoad>()[0].full);
}

TEST(AgentLoad, TheLastWordOfABatchIsTheTruth) {
  AgentRig rig;
  rig.Register(4);
  rig.Step(seconds(1), AgentRig::Room(0, 4), AgentRig::Room(3, 1), AgentRig::Room(2, 2));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_FLOAT_EQ(rig.Said<TellLoad>()[0].load, 0.34F);
}

TEST(AgentLoad, AShortWantOfPlacesIsNotTold) {
  AgentRig rig;
  rig.Register(2);
  rig.Step(seconds(1), AgentRig::Room(0, 2));
  rig.Step(milliseconds(50), AgentRig::Room(1, 2));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_FALSE(rig.Said<TellLoad>()[0].full);
  rig.Step(milliseconds(10), AgentRig::Room(0, 3));
  rig.Step(milliseconds(50), DrainTold{true});
  EXPECT_TRUE(rig.Said<TellLoad>().at(0).full) << "a drain is told at once";
}

TEST(AgentLoad, ChangesOfLoadAloneAreCoalescedAndEndWithTheTruth) {
  AgentRig rig;
  rig.Register(4);
  rig.Step(milliseconds(10), AgentRig::Room(3, 1));
  EXPECT_TRUE(rig.Said<TellLoad>().empty());
  rig.Step(milliseconds(10), AgentRig::Room(2, 2));
  EXPECT_TRUE(rig.Said<TellLoad>().empty());
  EXPECT_EQ(rig.agent().NextDeadline(), rig.now() + milliseconds(80));
  rig.Step(milliseconds(80));
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_FLOAT_EQ(rig.Said<TellLoad>()[0].load, 0.34F);
  rig.Step(seconds(1), AgentRig::Room(2, 2));
  EXPECT_TRUE(rig.Said<TellLoad>().empty());
}

TEST(AgentLoad, FewerReadyThanTheMinimumIsFull) {
  AgentSettings agent = AgentRig::Clerk();
  agent.min_ready = 3;
  AgentRig rig({}, agent);
  rig.Register(3);
  EXPECT_FALSE(rig.Said<TellLoad>().at(0).full);
  rig.Step(milliseconds(1), AgentRig::Room(2));
  rig.Step(Agent::kLoadInterval);
  EXPECT_TRUE(rig.Said<TellLoad>().at(0).full);
}

TEST(AgentLoad, AnOpenBreakerIsFullWhateverIsFree) {
  Shows("R67", "R117");
  AgentRig rig;
  rig.Register(4);
  rig.Step(seconds(1), CapacityTold{.capacity = 3, .ready = 3, .busy = 0, .failing = true});
  rig.Step(Agent::kLoadInterval);
  ASSERT_EQ(rig.Said<TellLoad>().size(), 1U);
  EXPECT_TRUE(rig.Said<TellLoad>()[0].full);
  rig.Step(milliseconds(1), CapacityTold{.capacity = 3, .ready = 3, .busy = 0, .failing = false});
  EXPECT_FALSE(rig.Said<TellLoad>().at(0).full);
}

TEST(AgentLoad, ASimulatedJobIsAskedForOnceAndWhenItCanBeTaken) {
  AgentSettings agent = AgentRig::Clerk();
  agent.simulate = "hall";
  AgentRig rig({}, agent);
  rig.Register(0);
  EXPECT_TRUE(rig.Said<SimulateJob>().empty());
  rig.Step(seconds(1), AgentRig::Room(1));
  ASSERT_EQ(rig.Said<SimulateJob>().size(), 1U);
  EXPECT_EQ(rig.Said<SimulateJob>()[0].room, "hall");
  rig.Step(seconds(1), AgentRig::Room(2));
  EXPECT_TRUE(rig.Said<SimulateJob>().empty());
}

TEST(AgentLoad, CountsItsJobs) {
  AgentRig rig;
  rig.Register();
  rig.Run("AJ_1");
  rig.Step(seconds(1), AgentRig::Room(3, 1));
  EXPECT_EQ(rig.Said<TellLoad>().at(0).job_count, 1U);
}

TEST(AgentDrain, IsFullAndRefusesAndRunsWhatItHasPromised) {
  Shows("R103");
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"), rig.Offer("AJ_2"));
  const std::vector<AskPlace> asked = rig.Did<AskPlace>();
  rig.Step(milliseconds(1), PlaceAnswered{asked.at(0).ticket, true, {}});
  rig.Step(milliseconds(1), PlaceAnswered{asked.at(1).ticket, true, {}}, DrainTold{true}, rig.Offer("AJ_3"));
  EXPECT_TRUE(rig.Said<TellLoad>().at(0).full);
  ASSERT_EQ(rig.Said<AnswerOffer>().size(), 2U);
  for (const AnswerOffer& answer : rig.Said<AnswerOffer>()) EXPECT_FALSE(answer.available) << answer.job_id;
  ASSERT_EQ(rig.Did<ReleasePlace>().size(), 1U);
  EXPECT_EQ(rig.Did<ReleasePlace>()[0].ticket, asked[1].ticket);
  rig.Step(milliseconds(1), rig.Assign("AJ_1"), rig.Assign("AJ_2"));
  ASSERT_EQ(rig.Did<SubmitJob>().size(), 1U);
  EXPECT_EQ(rig.Did<SubmitJob>()[0].ticket, asked[0].ticket);
  rig.Step(milliseconds(50));
  ASSERT_EQ(rig.Ends().size(), 1U);
  EXPECT_EQ(rig.Ends()[0].job_id, "AJ_2");
  EXPECT_EQ(rig.Ends()[0].status, JobStatus::kFailed);
  EXPECT_NE(rig.Ends()[0].error.find("drains"), std::string::npos);
  rig.Step(milliseconds(1), DrainTold{false});
  EXPECT_FALSE(rig.Said<TellLoad>().at(0).full);
}

TEST(AgentClose, WithNothingToSayClosesInTheSameStep) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), CloseAsked{});
  EXPECT_TRUE(rig.Said<TellLoad>().at(0).full);
  EXPECT_EQ(rig.Did<CloseLink>().size(), 1U);
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
  EXPECT_EQ(rig.agent().NextDeadline(), kNever);
  rig.Step(seconds(100), CloseAsked{}, rig.Offer("AJ_1"), LinkClosed{1, "closed", false});
  EXPECT_TRUE(rig.actions().empty());
}

TEST(AgentClose, WaitsForTheProofOfTheLastEnds) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  rig.Pass(seconds(2));
  rig.Step(milliseconds(1), AgentRig::End(ticket, Outcome::kKilledShutdown), CloseAsked{}, rig.Offer("AJ_2"));
  EXPECT_TRUE(rig.Did<Closed>().empty());
  EXPECT_EQ(rig.Ends().size(), 1U);
  EXPECT_FALSE(rig.Said<AnswerOffer>().at(0).available);
  EXPECT_EQ(rig.agent().Status().state, AgentState::kClosing);
  rig.Step(milliseconds(1), rig.Word(Ponged{rig.Said<Ping>().at(0).timestamp}));
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
  EXPECT_EQ(rig.agent().Status().unacknowledged, 0);
}

TEST(AgentClose, TheFlushIsBoundedAndWhatIsLostIsNamed) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t one = rig.Run("AJ_1");
  rig.Run("AJ_2");
  rig.Pass(seconds(2));
  rig.Step(milliseconds(1), AgentRig::End(one), CloseAsked{});
  rig.Pass(seconds(2) - milliseconds(1), false);
  EXPECT_TRUE(rig.Did<Closed>().empty());
  rig.Step(milliseconds(1));
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
  ASSERT_EQ(rig.Ends().size(), 1U);  // of the job that runs on
  EXPECT_EQ(rig.Ends()[0].job_id, "AJ_2");
  EXPECT_EQ(rig.Ends()[0].status, JobStatus::kFailed);
  EXPECT_TRUE(rig.Logged("agent_end_unacknowledged", "AJ_1 AJ_2"));
  EXPECT_EQ(rig.agent().Status().unacknowledged, 2);
}

TEST(AgentClose, WhileReconnectingTriesOnceMoreAtOnceAndIsBounded) {
  AgentRig rig;
  rig.Register();
  const std::uint64_t ticket = rig.Run("AJ_1");
  for (int i = 0; i < 8; ++i) {
    rig.Step(milliseconds(1), LinkClosed{rig.agent().attempt(), "refused", false});
    rig.Step(rig.agent().NextDeadline() - rig.now());
  }
  rig.Step(milliseconds(1), LinkClosed{rig.agent().attempt(), "refused", false});
  rig.Step(milliseconds(1), AgentRig::End(ticket), CloseAsked{});
  EXPECT_EQ(rig.Did<OpenLink>().size(), 1U);
  rig.Step(milliseconds(1), LinkOpened{rig.agent().attempt()});
  rig.Step(milliseconds(1), rig.Word(Registered{"AW_2", "1.14.1"}));
  EXPECT_TRUE(rig.Said<TellLoad>().at(0).full);
  rig.Pass(seconds(2), false);
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
  EXPECT_TRUE(rig.Logged("agent_end_unacknowledged", "AJ_1"));
}

TEST(AgentClose, WhileBackingOffWithNothingToSayOpensNoLink) {
  AgentRig rig;
  rig.Step(milliseconds(1));
  rig.Step(milliseconds(1), LinkClosed{1, "refused", false});
  rig.Step(milliseconds(1), CloseAsked{});
  EXPECT_TRUE(rig.Did<OpenLink>().empty());
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
}

TEST(AgentClose, WaitsForAnAcceptedOffersAssignment) {
  AgentRig rig;
  rig.Register();
  rig.Step(milliseconds(1), rig.Offer("AJ_1"));
  rig.Step(milliseconds(1), PlaceAnswered{1, true, {}});
  rig.Step(milliseconds(1), CloseAsked{});
  EXPECT_TRUE(rig.Did<Closed>().empty());
  rig.Pass(seconds(2), false);
  EXPECT_EQ(rig.Did<ReleasePlace>().size(), 1U);
  EXPECT_EQ(rig.Did<Closed>().size(), 1U);
}

}  // namespace
}  // namespace andiron::livekit
