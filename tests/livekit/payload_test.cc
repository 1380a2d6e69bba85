#include "worker/livekit/payload.h"

#include <gtest/gtest.h>

#include "agent_job.pb.h"
#include "tests/livekit/messages_vectors.h"

namespace andiron::livekit {
namespace {

using agent::AgentJob;

Assigned Sample() { return {.job_id = "AJ_1", .job = vectors::FromHex(vectors::kJob), .url = "", .token = "a.b.c"}; }

AgentJob Parsed(const std::string& payload) {
  AgentJob job;
  EXPECT_TRUE(job.ParseFromString(payload));
  return job;
}

TEST(LivekitPayloadTest, HoldsWhatAChildNeeds) {
  const AgentJob payload = Parsed(MakePayload(Sample(), "agent-AJ_1", "ws://localhost:7880", "Clerk"));
  EXPECT_EQ(payload.url(), "ws://localhost:7880");
  EXPECT_EQ(payload.token(), "a.b.c");
  EXPECT_EQ(payload.identity(), "agent-AJ_1");
  EXPECT_EQ(payload.name(), "Clerk");
}

TEST(LivekitPayloadTest, TheJobIsReadWithLiveKitsNumbers) {
  const AgentJob payload = Parsed(MakePayload(Sample(), "agent-AJ_1", "ws://localhost:7880"));
  const agent::Job& job = payload.job();
  EXPECT_EQ(job.id(), "AJ_1");
  EXPECT_EQ(job.type(), agent::PUBLISHER);
  EXPECT_EQ(job.room().sid(), "RM_1");
  EXPECT_EQ(job.room().name(), "r1");
  EXPECT_EQ(job.room().metadata(), "of the room");
  EXPECT_EQ(job.participant().sid(), "PA_1");
  EXPECT_EQ(job.participant().identity(), "ann");
  EXPECT_EQ(job.participant().name(), "Ann");
  EXPECT_EQ(job.participant().metadata(), "of ann");
  EXPECT_EQ(job.participant().attributes().at("lang"), "no");
  EXPECT_EQ(job.metadata(), "sleep=1s");
  EXPECT_EQ(job.agent_name(), "cpp");
  EXPECT_EQ(job.dispatch_id(), "AD_1");
  EXPECT_EQ(job.attributes().at("a"), "b");
  EXPECT_EQ(payload.name(), "");
}

TEST(LivekitPayloadTest, KeepsTheFieldsOfTheJobThatWeDontKnow) {
  const std::string payload = MakePayload(Sample(), "agent-AJ_1", "ws://localhost:7880");
  EXPECT_NE(payload.find(Sample().job), std::string::npos);
  // What a child hands on to LiveKit's own classes.
  EXPECT_EQ(Parsed(payload).job().SerializeAsString().size(), Sample().job.size());
}

TEST(LivekitPayloadTest, TheAssignmentsUrlWins) {
  Assigned assigned = Sample();
  assigned.url = "wss://media.example";
  EXPECT_EQ(Parsed(MakePayload(assigned, "i", "ws://localhost:7880")).url(), "wss://media.example");
}

}  // namespace
}  // namespace andiron::livekit
