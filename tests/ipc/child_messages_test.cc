#include "ipc/child_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "child.pb.h"
#include "ipc/wire.h"
#include "tests/ipc/bytes.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

using testing::HasSubstr;
using testing::VariantWith;

constexpr std::uint64_t kNumbers[] = {0, 1, 127, 128, 300, std::numeric_limits<std::uint64_t>::max()};

template <typename Message>
std::string Encoded(const Message& message) {
  std::string out;
  AppendFrame(out, message);
  return out;
}

FromChildMessage Decode(const child::FromChild& message, std::size_t max_result = kPayloadBytesMax) {
  return DecodeFromChild(Bytes(message.SerializeAsString()), max_result);
}

std::string ErrorOf(const FromChildMessage& message) {
  const auto* error = std::get_if<ProtocolError>(&message);
  return error == nullptr ? "no error" : error->what;
}

child::FromChild HelloFrom(std::string_view name, std::string_view version, std::uint32_t protocol = kProtocolVersion) {
  child::FromChild message;
  child::Hello& hello = *message.mutable_hello();
  hello.set_protocol_version(protocol);
  hello.set_sdk_name(std::string(name));
  hello.set_sdk_version(std::string(version));
  return message;
}

child::FromChild ResultOf(std::uint64_t job, child::Result::End end, std::string_view output, std::string_view error) {
  child::FromChild message;
  child::Result& result = *message.mutable_result();
  result.set_job(job);
  result.set_end(end);
  result.set_output(std::string(output));
  result.set_error(std::string(error));
  return message;
}

// The body of a frame whose only message, of this kind, has these bytes.
std::string FrameBody(int kind, const std::string& message) {
  std::string body(1, static_cast<char>(kind << 3 | 2));
  AppendVarint(body, message.size());
  return body + message;
}

// ---- encoding: the same bytes as protobuf's ----

TEST(Encoding, OfRunEqualsProtobufs) {
  for (const std::uint64_t number : kNumbers) {
    for (const std::size_t size : {0u, 1u, 127u, 128u, 70000u}) {
      child::ToChild message;
      message.mutable_run()->set_job(number);
      message.mutable_run()->set_id(std::string(size % 200, 'i'));
      message.mutable_run()->set_payload(std::string(size, '\xff'));
      message.mutable_run()->set_run_for_ms(number / 3);
      std::string out;
      AppendRun(out, number, std::string(size % 200, 'i'), std::string(size, '\xff'), number / 3);
      ASSERT_EQ(out, Encoded(message)) << number << " with " << size << " bytes";
    }
  }
}

TEST(Encoding, OfNumbersEqualsProtobufs) {
  for (const std::uint64_t number : kNumbers) {
    child::ToChild to;
    child::FromChild from;
    std::string out;
    std::string expected;
    to.mutable_cancel()->set_job(number);
    expected += Encoded(to);
    AppendCancel(out, number);
    to.mutable_ping()->set_sequence(number);
    expected += Encoded(to);
    AppendPing(out, number);
    from.mutable_ack()->set_job(number);
    expected += Encoded(from);
    AppendAck(out, number);
    from.mutable_pong()->set_sequence(number);
    expected += Encoded(from);
    AppendPong(out, number);
    EXPECT_EQ(out, expected) << number;
  }
}

TEST(Encoding, OfStopEqualsProtobufs) {
  child::ToChild message;
  message.mutable_stop();
  std::string out;
  AppendStop(out);
  EXPECT_EQ(out, Encoded(message));
}

TEST(Encoding, OfProgressEqualsProtobufs) {
  for (const int percent : {-1, 0, 1, 100}) {
    child::FromChild message;
    message.mutable_progress()->set_percent(percent);
    message.mutable_progress()->set_text("loading");
    std::string out;
    AppendProgress(out, percent, "loading");
    EXPECT_EQ(out, Encoded(message)) << percent;
  }
}

TEST(Encoding, OfHelloEqualsProtobufs) {
  child::FromChild message = HelloFrom("cpp", "0.1.0");
  message.mutable_hello()->set_pid(4711);
  std::string out;
  AppendHello(out, "cpp", "0.1.0", 4711);
  EXPECT_EQ(out, Encoded(message));
}

TEST(Encoding, OfResultEqualsProtobufs) {
  std::string out;
  AppendResult(out, 1, ResultMessage::End::kSucceeded, "output");
  AppendResult(out, 2, ResultMessage::End::kFailed, "error");
  AppendResult(out, 3, ResultMessage::End::kCancelled, "");
  EXPECT_EQ(out, Encoded(ResultOf(1, child::Result::SUCCEEDED, "output", "")) +
                     Encoded(ResultOf(2, child::Result::FAILED, "", "error")) +
                     Encoded(ResultOf(3, child::Result::CANCELLED, "", "")));
}

// ---- decoding: what protobuf wrote comes back ----

TEST(Decoding, OfRunGivesBackWhatWasSent) {
  child::ToChild message;
  message.mutable_run()->set_job(42);
  message.mutable_run()->set_id(
      "j\xc3\xb6"
      "b");
  message.mutable_run()->set_payload(std::string("\0\xff", 2));
  message.mutable_run()->set_run_for_ms(60000);
  const auto run = std::get<RunMessage>(DecodeToChild(Bytes(message.SerializeAsString())));
  EXPECT_EQ(run.job, 42u);
  EXPECT_EQ(run.id,
            "j\xc3\xb6"
            "b");
  EXPECT_EQ(run.payload, std::string("\0\xff", 2));
  EXPECT_EQ(run.run_for_ms, 60000u);
}

TEST(Decoding, OfTheSmallOrdersGivesBackTheirNumbers) {
  for (const std::uint64_t number : kNumbers) {
    child::ToChild message;
    message.mutable_cancel()->set_job(number);
    EXPECT_EQ(std::get<CancelMessage>(DecodeToChild(Bytes(message.SerializeAsString()))).job, number);
    message.mutable_ping()->set_sequence(number);
    EXPECT_EQ(std::get<PingMessage>(DecodeToChild(Bytes(message.SerializeAsString()))).sequence, number);
    message.mutable_stop();
    EXPECT_THAT(DecodeToChild(Bytes(message.SerializeAsString())), VariantWith<StopMessage>(testing::_));
  }
}

TEST(Decoding, OfTheSmallAnswersGivesBackTheirNumbers) {
  for (const std::uint64_t number : kNumbers) {
    child::FromChild message;
    message.mutable_ack()->set_job(number);
    EXPECT_EQ(std::get<AckMessage>(Decode(message)).job, number);
    message.mutable_pong()->set_sequence(number);
    EXPECT_EQ(std::get<PongMessage>(Decode(message)).sequence, number);
  }
}

TEST(Decoding, OfResultGivesOutputOrErrorByItsEnd) {
  const auto succeeded = std::get<ResultMessage>(Decode(ResultOf(1, child::Result::SUCCEEDED, "out\xff", "")));
  EXPECT_EQ(succeeded.job, 1u);
  EXPECT_EQ(succeeded.end, ResultMessage::End::kSucceeded);
  EXPECT_EQ(succeeded.text, "out\xff");
  const auto failed = std::get<ResultMessage>(Decode(ResultOf(2, child::Result::FAILED, "partial", "boom")));
  EXPECT_EQ(failed.end, ResultMessage::End::kFailed);
  EXPECT_EQ(failed.text, "boom");
  const auto cancelled = std::get<ResultMessage>(Decode(ResultOf(3, child::Result::CANCELLED, "", "")));
  EXPECT_EQ(cancelled.end, ResultMessage::End::kCancelled);
}

TEST(Decoding, OfProgressBringsThePercentIntoItsRange) {
  for (const auto& [sent, shown] : {std::pair{-5, -1}, {-1, -1}, {0, 0}, {100, 100}, {101, 100}}) {
    child::FromChild message;
    message.mutable_progress()->set_percent(sent);
    message.mutable_progress()->set_text("loading");
    const auto progress = std::get<ProgressMessage>(Decode(message));
    EXPECT_EQ(progress.percent, shown);
    EXPECT_EQ(progress.text, "loading");
  }
}

TEST(Decoding, IgnoresFieldsThatItDoesNotKnow) {
  std::string inner("\x08\x07", 2);                   // job = 7
  inner += std::string("\x78\x01", 2);                // field 15, a number
  inner += std::string("\x7d\1\2\3\4", 5);            // field 15, 4 fixed bytes
  inner += std::string("\x79\1\2\3\4\5\6\7\x08", 9);  // field 15, 8 fixed bytes
  inner += std::string("\x7a\x02\xff\xff", 4);        // field 15, bytes
  std::string body("\x1a", 1);
  AppendVarint(body, inner.size());
  body += inner + std::string("\xf8\x01\x05", 3);  // behind the Ack: field 31 of FromChild
  EXPECT_EQ(std::get<AckMessage>(DecodeFromChild(Bytes(body))).job, 7u);
}

// ---- what breaks the contract ----

TEST(Contract, AHelloWithAnotherProtocolNamesBothSides) {
  Shows("A11");
  EXPECT_EQ(ErrorOf(Decode(HelloFrom("python", "0.3.0", 2))),
            "child speaks protocol 2 (SDK python 0.3.0), this worker speaks 1");
  EXPECT_EQ(ErrorOf(Decode(HelloFrom("", "", 0))), "child speaks protocol 0 (SDK unnamed), this worker speaks 1");
}

TEST(Contract, AnSdkNameIsPrintableAndHas64BytesAtMost) {
  const std::string longest(64, 'n');
  EXPECT_EQ(std::get<HelloMessage>(Decode(HelloFrom(longest, longest))).sdk_name, longest);
  for (const std::string& bad :
       {longest + "n", std::string("a\nb"), std::string("\x1b[31m"), std::string("\xc3\xb6")}) {
    EXPECT_THAT(ErrorOf(Decode(HelloFrom(bad, "1"))), HasSubstr("printable ASCII of at most 64 bytes"));
    EXPECT_THAT(ErrorOf(Decode(HelloFrom("n", bad))), HasSubstr("printable ASCII of at most 64 bytes"));
  }
}

TEST(Contract, AResultNeedsAnEndThatIsKnown) {
  EXPECT_EQ(ErrorOf(Decode(ResultOf(7, child::Result::END_UNSPECIFIED, "x", ""))), "Result of job 7 without an end");
  EXPECT_EQ(ErrorOf(Decode(ResultOf(7, static_cast<child::Result::End>(9), "", ""))),
            "Result of job 7 with the unknown end 9");
}

TEST(Contract, AnErrorTextHas64KiBAtMost) {
  const std::string longest(65536, 'e');
  EXPECT_EQ(std::get<ResultMessage>(Decode(ResultOf(7, child::Result::FAILED, "", longest))).text, longest);
  EXPECT_EQ(ErrorOf(Decode(ResultOf(7, child::Result::FAILED, "", longest + "e"))),
            "Result of job 7 with an error text of 65537 bytes, it may have 65536");
}

TEST(Contract, AnOutputHasMaxResultAtMost) {
  Shows("B18");
  EXPECT_EQ(std::get<ResultMessage>(Decode(ResultOf(7, child::Result::SUCCEEDED, "1234", ""), 4)).text, "1234");
  EXPECT_EQ(ErrorOf(Decode(ResultOf(7, child::Result::SUCCEEDED, "12345", ""), 4)),
            "Result of job 7 with an output of 5 bytes, max_result is 4");
}

TEST(Contract, TextIsUtf8) {
  child::FromChild message;
  message.mutable_progress()->set_text("\xff");
  EXPECT_EQ(ErrorOf(Decode(message)), "a Progress that can't be read");
  EXPECT_EQ(ErrorOf(Decode(ResultOf(7, child::Result::FAILED, "", "\xff"))), "a Result that can't be read");
  child::ToChild run;
  run.mutable_run()->set_id("\xff");
  EXPECT_THAT(DecodeToChild(Bytes(run.SerializeAsString())), VariantWith<ProtocolError>(testing::_));
}

// Of a field that comes twice the last one counts; the others are looked at all the same, as protobuf does.
TEST(Contract, TextThatAnotherReplacesIsUtf8Too) {
  const auto twice = [](const std::string& first, const std::string& second) {
    return "\x12" + first + "\x12" + second;
  };
  const std::string bad("\x01\xff", 2);
  const std::string good("\x01n", 2);
  EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(FrameBody(1, twice(bad, good))))), "a Progress that can't be read");
  EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(FrameBody(2, "\x08\x01" + twice(bad, good))))),
            "a Hello whose SDK name or version isn't printable ASCII of at most 64 bytes");
  EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(FrameBody(4, "\x08\x07\x10\x02\x22" + bad + "\x22" + good)))),
            "a Result that can't be read");
  EXPECT_THAT(DecodeToChild(Bytes(FrameBody(1, twice(bad, good)))), VariantWith<ProtocolError>(testing::_));
  EXPECT_EQ(std::get<ProgressMessage>(DecodeFromChild(Bytes(FrameBody(1, twice("\x01m", good))))).text, "n");
}

TEST(Contract, TextsOfAResultHaveTogetherWhatOneMayHave) {
  const std::string half = "\x22\x80\x80\x02" + std::string(32768, 'e');
  const std::string failed = "\x08\x07\x10\x02";
  EXPECT_EQ(std::get<ResultMessage>(DecodeFromChild(Bytes(FrameBody(4, failed + half + half)), 4)).text.size(), 32768U);
  EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(FrameBody(4, failed + half + half + "\x22\x01" + "e")), 4)),
            "Result of job 7 with an error text of 65537 bytes, it may have 65536");
}

TEST(Contract, GroupsAreMalformedSoNothingNests) {
  const std::string hello = HelloFrom("n", "1").SerializeAsString();
  const std::string inner = HelloFrom("n", "1").hello().SerializeAsString();
  for (const std::size_t depth : {1u, 16u, 100u, 101u, 1'000'000u}) {
    // Beginnings (wire type 3) and ends (4) of field 15's groups: beside the message, and within it.
    const std::string groups = std::string(depth, '\x7b') + std::string(depth, '\x7c');
    EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(hello + groups))), "a message that can't be read") << depth;
    const std::string wrapped = FrameBody(2, inner + groups);
    EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(wrapped))), "a Hello that can't be read") << depth;
  }
}

TEST(Contract, OneFrameHoldsOneMessage) {
  child::FromChild ack;
  ack.mutable_ack()->set_job(7);
  const std::string twice = ack.SerializeAsString() + HelloFrom("n", "1").SerializeAsString();
  EXPECT_EQ(ErrorOf(DecodeFromChild(Bytes(twice))), "a message that can't be read");
  EXPECT_EQ(ErrorOf(DecodeFromChild({})), "a message that can't be read");
}

std::string OrderErrorOf(std::string_view body) {
  const ToChildMessage message = DecodeToChild(Bytes(body));
  const auto* error = std::get_if<ProtocolError>(&message);
  return error == nullptr ? "no error" : error->what;
}

TEST(Contract, AnOrderThatCannotBeReadIsNamed) {
  // One byte of content, the first of a number that doesn't end.
  EXPECT_EQ(OrderErrorOf("\x0a\x01\x80"), "a Run that can't be read");
  EXPECT_EQ(OrderErrorOf("\x12\x01\x80"), "a Cancel that can't be read");
  EXPECT_EQ(OrderErrorOf("\x1a\x01\x80"), "a Ping that can't be read");
  EXPECT_EQ(OrderErrorOf("\x22\x01\x80"), "a Stop that can't be read");
}

TEST(Contract, WhatIsNoKindOfOrderIsAnError) {
  using namespace std::string_view_literals;
  EXPECT_EQ(OrderErrorOf("\x2a\x00"sv), "a message that can't be read");  // the fifth kind
  EXPECT_EQ(OrderErrorOf("\x08\x01"), "a message that can't be read");    // a number
  EXPECT_EQ(OrderErrorOf(""), "a message that can't be read");
}

TEST(FieldReader, StaysAtItsFirstError) {
  FieldReader reader("\x07\x08\x01");  // no wire type is 7; behind it a good field
  EXPECT_FALSE(reader.Next());
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.malformed());
}

TEST(FieldReader, TakesAsManyFieldsAsItIsToldAndNoMore) {
  const auto takes = [](FieldReader reader) {
    while (reader.Next()) {
    }
    return !reader.malformed();
  };
  const std::string three = "\x08\x01\x08\x02\x08\x03";
  EXPECT_TRUE(takes(FieldReader(three, 3)));
  EXPECT_FALSE(takes(FieldReader(three, 2)));
  std::string many;
  while (many.size() < 2 * kFieldsMax) many += "\x08\x01";
  EXPECT_TRUE(takes(FieldReader(many)));
  EXPECT_FALSE(takes(FieldReader(many + "\x08\x01")));
  EXPECT_TRUE(takes(FieldReader(many + "\x08\x01", kFieldsMax + 1)));
}

TEST(Contract, AMessageCutAtAnyByteIsAnError) {
  const std::string body = ResultOf(300, child::Result::FAILED, "output", "error").SerializeAsString();
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_NE(ErrorOf(DecodeFromChild(Bytes(std::string_view(body).substr(0, size)))), "no error") << size;
  }
}

}  // namespace
}  // namespace andiron
