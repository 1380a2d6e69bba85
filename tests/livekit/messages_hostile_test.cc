// A server that means harm, or is broken: every limit at the limit and one past it, every message cut anywhere.
#include <absl/status/status.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "livekit_agent.pb.h"
#include "tests/livekit/messages_vectors.h"
#include "worker/livekit/messages.h"

namespace andiron::livekit {
namespace {

using vectors::FromHex;

constexpr std::size_t kMax = 2u << 20;

const std::vector<std::string>& Messages() {
  static const std::vector<std::string> messages = {
      FromHex(vectors::kRegistered),           FromHex(vectors::kOffer),       FromHex(vectors::kAssignment),
      FromHex(vectors::kAssignmentWithoutUrl), FromHex(vectors::kTermination), FromHex(vectors::kPong)};
  return messages;
}

bool IsInvalid(std::string_view bytes) {
  return Decode(bytes, kMax).status().code() == absl::StatusCode::kInvalidArgument;
}

bool IsWord(std::string_view bytes) {
  const auto word = Decode(bytes, kMax);
  return word.ok() && word->has_value();
}

std::string OfJob(std::string_view id) {
  return "\x0a" + std::string(1, static_cast<char>(id.size())) + std::string(id);
}

std::string Assignment(const std::string& job, const std::string& url, const std::string& token) {
  wire::ToWorker message;
  message.mutable_assignment()->set_job(job);
  message.mutable_assignment()->set_url(url);
  message.mutable_assignment()->set_token(token);
  return message.SerializeAsString();
}

std::string Termination(const std::string& id) {
  wire::ToWorker message;
  message.mutable_termination()->set_job_id(id);
  return message.SerializeAsString();
}

TEST(LivekitHostileTest, EveryTruncationOfEveryMessageIsRefused) {
  for (const std::string& message : Messages()) {
    for (std::size_t size = 1; size < message.size(); ++size) {
      EXPECT_TRUE(IsInvalid(message.substr(0, size))) << size << " of " << message.size();
    }
  }
}

TEST(LivekitHostileTest, AMessageMayHaveTheLimitAndNotOneByteMore) {
  const std::string message = FromHex(vectors::kAssignment);
  EXPECT_TRUE(Decode(message, message.size()).ok());
  const absl::Status status = Decode(message, message.size() - 1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "the server's message has 220 bytes, at most 219 are allowed");
}

TEST(LivekitHostileTest, AnIdMayHaveItsLimitAndNotOneByteMore) {
  EXPECT_TRUE(IsWord(Termination(std::string(kIdMax, 'i'))));
  EXPECT_TRUE(IsInvalid(Termination(std::string(kIdMax + 1, 'i'))));
  wire::ToWorker offer;
  offer.mutable_offer()->set_job("\x0a\x80\x02" + std::string(kIdMax, 'i'));
  EXPECT_TRUE(IsWord(offer.SerializeAsString()));
  offer.mutable_offer()->set_job("\x0a\x81\x02" + std::string(kIdMax + 1, 'i'));
  EXPECT_TRUE(IsInvalid(offer.SerializeAsString()));
  wire::ToWorker registered;
  registered.mutable_registered()->set_worker_id(std::string(kIdMax, 'w'));
  registered.mutable_registered()->mutable_server()->set_version(std::string(kIdMax, 'v'));
  EXPECT_TRUE(IsWord(registered.SerializeAsString()));
  registered.mutable_registered()->mutable_server()->set_version(std::string(kIdMax + 1, 'v'));
  EXPECT_TRUE(IsInvalid(registered.SerializeAsString()));
  registered.mutable_registered()->clear_server();
  registered.mutable_registered()->set_worker_id(std::string(kIdMax + 1, 'w'));
  EXPECT_TRUE(IsInvalid(registered.SerializeAsString()));
}

TEST(LivekitHostileTest, UrlAndTokenHaveLimitsToo) {
  EXPECT_TRUE(IsWord(Assignment(OfJob("AJ"), std::string(kUrlMax, 'u'), std::string(kTokenMax, 't'))));
  EXPECT_TRUE(IsInvalid(Assignment(OfJob("AJ"), std::string(kUrlMax + 1, 'u'), "t")));
  EXPECT_TRUE(IsInvalid(Assignment(OfJob("AJ"), "u", std::string(kTokenMax + 1, 't'))));
}

TEST(LivekitHostileTest, AJobNeedsAnId) {
  EXPECT_TRUE(IsInvalid(Assignment("", "", "t")));
  EXPECT_TRUE(IsInvalid(Assignment(OfJob(""), "", "t")));
  EXPECT_TRUE(IsInvalid(FromHex("1200")));              // an offer without a job
  EXPECT_TRUE(IsInvalid(FromHex("2a00")));              // a termination of nothing
  EXPECT_TRUE(IsInvalid(Assignment("\x0a", "", "t")));  // a job that is cut
}

// So many of its fields, as a map's entries come: "k" and "".
std::string Attributes(std::size_t count) {
  std::string fields;
  for (std::size_t i = 0; i < count; ++i) fields += "\x62\x03\x0a\x01k";
  return fields;
}

std::string Offer(const std::string& job) {
  wire::ToWorker message;
  message.mutable_offer()->set_job(job);
  return message.SerializeAsString();
}

TEST(LivekitHostileTest, AJobMayHaveManyAttributes) {
  const std::string job = OfJob("AJ_first") + Attributes(1500);
  EXPECT_TRUE(IsWord(Offer(job)));
  EXPECT_TRUE(IsWord(Assignment(job, "u", "t")));
  // Its last id counts, as everywhere.
  const auto word = Decode(Offer(job + OfJob("AJ_last")), kMax);
  ASSERT_TRUE(word.ok());
  EXPECT_EQ(std::get<Offered>(**word).job_id, "AJ_last");
}

TEST(LivekitHostileTest, AJobMayHaveItsLimitOfFieldsAndNotOneMore) {
  const std::string job = OfJob("AJ") + Attributes(kJobFieldsMax - 1);
  EXPECT_TRUE(IsWord(Offer(job)));
  EXPECT_TRUE(IsWord(Assignment(job, "u", "t")));
  EXPECT_TRUE(IsInvalid(Offer(job + Attributes(1))));
  EXPECT_TRUE(IsInvalid(Assignment(job + Attributes(1), "u", "t")));
}

TEST(LivekitHostileTest, StringsAreUtf8) {
  for (const char* bad : {"\xff", "a\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_TRUE(IsInvalid(FromHex("2a") + std::string(1, static_cast<char>(2 + std::strlen(bad))) + OfJob(bad))) << bad;
  }
  EXPECT_TRUE(
      IsInvalid(FromHex("1a05"
                        "1203"
                        "61ff62")));  // an assignment's url
}

TEST(LivekitHostileTest, AnErrorsTextHoldsNothingOfTheMessage) {
  const std::string canary = "canary-";
  const std::string message = Assignment(OfJob("AJ"), "u", canary + std::string(kTokenMax, 't'));
  const std::string text(Decode(message, kMax).status().message());
  EXPECT_EQ(text.find(canary), std::string::npos) << text;
  EXPECT_NE(text.find("an assignment's token of 65543 bytes, at most 65536 are allowed"), std::string::npos) << text;
}

TEST(LivekitHostileTest, TwoWordsInOneMessageAreRefused) {
  EXPECT_TRUE(IsInvalid(FromHex(vectors::kTermination) + FromHex(vectors::kPong)));
  EXPECT_TRUE(IsInvalid(FromHex(vectors::kTermination) + FromHex(vectors::kTermination)));
}

TEST(LivekitHostileTest, GroupsAndTagsOfNothingAreRefused) {
  EXPECT_TRUE(IsInvalid(FromHex("0b0c")));                      // a group of field 1
  EXPECT_TRUE(IsInvalid(std::string(1u << 20, '\x0b')));        // a million of them, nested
  EXPECT_TRUE(IsInvalid(FromHex("0001")));                      // field 0
  EXPECT_TRUE(IsInvalid(FromHex("ffffffffffffffffffffff01")));  // a varint without an end
  EXPECT_TRUE(IsInvalid(FromHex("2affffffffffffffffff01")));    // a length of 2^64 - 1
}

TEST(LivekitHostileTest, NestingCostsNothing) {
  std::string job = OfJob("AJ");
  for (int depth = 0; depth < 500; ++depth) {
    wire::Offer wrapped;  // field 1 is the nested one, as in a job's room's ...
    wrapped.set_job(job);
    job = wrapped.SerializeAsString();
  }
  // A job whose id is 500 levels of messages is one with an id that is too long, and nothing else.
  wire::ToWorker message;
  message.mutable_offer()->set_job(job);
  EXPECT_TRUE(IsInvalid(message.SerializeAsString()));
  // The same as the job's room, which stays closed.
  message.mutable_offer()->set_job(OfJob("AJ") + "\x1a" + std::string("\xff\x01") + job.substr(0, 255));
  EXPECT_TRUE(IsWord(message.SerializeAsString()));
}

TEST(LivekitHostileTest, DamagedMessagesAreRefusedOrAreWordsToProtobufToo) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = Messages()[random() % Messages().size()];
    for (auto changes = random() % 3 + 1; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    wire::ToWorker message;
    EXPECT_TRUE(!IsWord(bytes) || (message.ParseFromString(bytes) && message.word_case() != 0)) << round;
  }
}

}  // namespace
}  // namespace andiron::livekit
