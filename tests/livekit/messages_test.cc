// The words against bytes of LiveKit's own making, and against protobuf with our contract.
#include "worker/livekit/messages.h"

#include <gtest/gtest.h>

#include <limits>

#include "livekit_agent.pb.h"
#include "tests/livekit/messages_vectors.h"

namespace andiron::livekit {
namespace {

using vectors::FromHex;

constexpr std::size_t kMax = 2u << 20;

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes) {
    hex.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return hex;
}

template <typename Word>
Word Read(std::string_view hex) {
  const auto word = Decode(FromHex(hex), kMax);
  EXPECT_TRUE(word.ok()) << word.status();
  if (!word.ok() || !word->has_value() || !std::holds_alternative<Word>(**word)) {
    ADD_FAILURE() << "another word";
    return {};
  }
  return std::get<Word>(**word);
}

// ---- what the worker says, byte for byte ----

TEST(LivekitEncodeTest, RegistersAnAgentWithItsPermissions) {
  Register word{JobType::kPublisher, "cpp", "0.1", {}};
  EXPECT_EQ(Hex(Encode(word)), vectors::kRegister);
  word = {JobType::kParticipant, "", "", {true, false, false, false, true}};
  EXPECT_EQ(Hex(Encode(word)), vectors::kRegisterHidden);
}

TEST(LivekitEncodeTest, SaysItsPermissionsAlsoWhenThereAreNone) {
  const Register word{JobType::kRoom, "", "", {false, false, false, false, false}};
  EXPECT_EQ(Hex(Encode(word)), vectors::kRegisterEmpty);
}

TEST(LivekitEncodeTest, AnswersOffers) {
  EXPECT_EQ(Hex(Encode(AnswerOffer{"AJ_1", true, "agent-AJ_1", "Clerk"})), vectors::kAnswerYes);
  EXPECT_EQ(Hex(Encode(AnswerOffer{"AJ_1", false, "", ""})), vectors::kAnswerNo);
}

TEST(LivekitEncodeTest, SaysAvailableInSoManyWords) {
  // An absent status would leave the server with the last one.
  EXPECT_EQ(Hex(Encode(TellLoad{false, 0, 0})), vectors::kLoadAvailable);
  EXPECT_EQ(Hex(Encode(TellLoad{true, 0.5, 300})), vectors::kLoadFull);
}

TEST(LivekitEncodeTest, TellsAJobsStatus) {
  EXPECT_EQ(Hex(Encode(TellJob{"AJ_1", JobStatus::kRunning, ""})), vectors::kJobRunning);
  EXPECT_EQ(Hex(Encode(TellJob{"AJ_1", JobStatus::kSuccess, ""})), vectors::kJobSuccess);
  EXPECT_EQ(Hex(Encode(TellJob{"AJ_1", JobStatus::kFailed, "exit 7"})), vectors::kJobFailed);
}

TEST(LivekitEncodeTest, PingsAndSimulates) {
  EXPECT_EQ(Hex(Encode(Ping{1700000000000})), vectors::kPing);
  EXPECT_EQ(Hex(Encode(Ping{-1})), vectors::kPingNegative);
  EXPECT_EQ(Hex(Encode(SimulateJob{JobType::kRoom, "r1"})), vectors::kSimulate);
}

TEST(LivekitEncodeTest, ASimulatedPublishersJobHasAParticipant) {
  wire::ToServer message;
  ASSERT_TRUE(message.ParseFromString(Encode(SimulateJob{JobType::kPublisher, "r1"})));
  EXPECT_TRUE(message.simulation().has_participant());
  EXPECT_EQ(message.simulation().type(), wire::PUBLISHER);
}

TEST(LivekitEncodeTest, CutsALongErrorAtTheLimitAndNoSooner) {
  wire::ToServer message;
  const std::string fits(kErrorTextMax, 'e');
  ASSERT_TRUE(message.ParseFromString(Encode(TellJob{"AJ_1", JobStatus::kFailed, fits})));
  EXPECT_EQ(message.job_status().error(), fits);
  ASSERT_TRUE(message.ParseFromString(Encode(TellJob{"AJ_1", JobStatus::kFailed, fits + "e"})));
  EXPECT_LE(message.job_status().error().size(), kErrorTextMax);
  EXPECT_TRUE(message.job_status().error().ends_with("(cut)"));
}

TEST(LivekitEncodeTest, MakesUtf8OfWhateverItIsGiven) {
  for (const WorkerWord& word :
       {WorkerWord(TellJob{"AJ_1", JobStatus::kFailed, "\xff"}),
        WorkerWord(AnswerOffer{"A\xffJ", true, "\xc0\x80", "\xed\xa0\x80"}),
        WorkerWord(Register{JobType::kRoom, "\xf8", "\x80", {}}), WorkerWord(SimulateJob{JobType::kRoom, "r\xff"})}) {
    wire::ToServer message;
    EXPECT_TRUE(message.ParseFromString(Encode(word)));
  }
}

TEST(LivekitEncodeTest, ProtobufWritesTheSameBytes) {
  wire::ToServer message;
  message.mutable_worker_status()->set_status(wire::WorkerStatus::AVAILABLE);
  message.mutable_worker_status()->set_load(0.69f);
  message.mutable_worker_status()->set_job_count(std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(Encode(TellLoad{false, 0.69f, std::numeric_limits<std::uint32_t>::max()}), message.SerializeAsString());
}

// ---- what the server says ----

TEST(LivekitDecodeTest, ARegistration) {
  const auto word = Read<Registered>(vectors::kRegistered);
  EXPECT_EQ(word.worker_id, "AW_1");
  EXPECT_EQ(word.server_version, "1.13.5");
}

TEST(LivekitDecodeTest, AnOfferKeepsTheJobsBytes) {
  const auto word = Read<Offered>(vectors::kOffer);
  EXPECT_EQ(word.job_id, "AJ_1");
  EXPECT_EQ(Hex(word.job), vectors::kJob);
}

TEST(LivekitDecodeTest, AnAssignment) {
  const auto word = Read<Assigned>(vectors::kAssignment);
  EXPECT_EQ(word.job_id, "AJ_1");
  EXPECT_EQ(Hex(word.job), vectors::kJob);
  EXPECT_EQ(word.url, "wss://media.example");
  EXPECT_EQ(word.token, "a.b.c");
}

TEST(LivekitDecodeTest, AnAssignmentWithoutAnUrl) {
  const auto word = Read<Assigned>(vectors::kAssignmentWithoutUrl);
  EXPECT_EQ(word.job_id, "AJ_2");
  EXPECT_EQ(word.url, "");
}

TEST(LivekitDecodeTest, ATerminationAndPongs) {
  EXPECT_EQ(Read<Terminated>(vectors::kTermination).job_id, "AJ_1");
  EXPECT_EQ(Read<Ponged>(vectors::kPong).last_timestamp, 1700000000000);
  EXPECT_EQ(Read<Ponged>(vectors::kPongNegative).last_timestamp, -1);
}

TEST(LivekitDecodeTest, OurContractReadsTheSame) {
  wire::ToWorker message;
  ASSERT_TRUE(message.ParseFromString(FromHex(vectors::kAssignment)));
  EXPECT_EQ(message.assignment().token(), "a.b.c");
  ASSERT_TRUE(message.ParseFromString(FromHex(vectors::kRegistered)));
  EXPECT_EQ(message.registered().server().version(), "1.13.5");
  ASSERT_TRUE(message.ParseFromString(FromHex(vectors::kPong)));
  EXPECT_EQ(message.pong().timestamp(), 1700000000001);
  wire::ToServer said;
  ASSERT_TRUE(said.ParseFromString(FromHex(vectors::kRegister)));
  EXPECT_TRUE(said.registration().permissions().can_update_metadata());
  EXPECT_EQ(said.SerializeAsString(), FromHex(vectors::kRegister));
}

TEST(LivekitDecodeTest, WhatALaterServerAddsIsSkipped) {
  // A word of field 6, one of field 100, and a number where a word would be.
  for (const std::string_view hex : {"3206120412027231", "a20600", "0801"}) {
    const auto word = Decode(FromHex(hex), kMax);
    ASSERT_TRUE(word.ok()) << word.status();
    EXPECT_FALSE(word->has_value());
  }
  // And beside a word that is known: fixed numbers, strings, a varint.
  EXPECT_EQ(
      Read<Terminated>(std::string(vectors::kTermination) + "510102030405060708" + "5d01020304" + "a20600" + "5001")
          .job_id,
      "AJ_1");
}

TEST(LivekitDecodeTest, AnEmptyMessageIsNothing) {
  const auto word = Decode("", kMax);
  ASSERT_TRUE(word.ok());
  EXPECT_FALSE(word->has_value());
}

TEST(LivekitDecodeTest, OfAFieldThatComesTwiceTheLastCounts) {
  wire::ToWorker message;
  const std::string twice = FromHex(
      "2a0c"
      "0a04414a5f31"
      "0a04414a5f32");
  ASSERT_TRUE(message.ParseFromString(twice));
  EXPECT_EQ(message.termination().job_id(), "AJ_2");
  EXPECT_EQ(Read<Terminated>(Hex(twice)).job_id, "AJ_2");
}

}  // namespace
}  // namespace andiron::livekit
