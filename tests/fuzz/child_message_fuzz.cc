// The messages between a worker and a child: what is refused, and with which words, is what a second reader says by the
// rules; what is taken, protobuf takes for the same, and comes back from our own encoder.
//
// Input: the direction and max_result (1 byte), the body of one frame.
#include <variant>

#include "child.pb.h"
#include "ipc/child_messages.h"
#include "tests/fuzz/target.h"
#include "tests/ipc/bytes.h"
#include "tests/ipc/reference_decoder.h"

namespace andiron::fuzz {
namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// The body of a frame with a one-byte tag: what stands behind its length.
std::string_view BodyOf(std::string_view frame) {
  while (!frame.empty() && static_cast<unsigned char>(frame.front()) >= 0x80) frame.remove_prefix(1);
  return frame.substr(1);
}

void CompareWithProtobuf(const FromChildMessage& ours, std::string_view body) {
  child::FromChild theirs;
  Require(theirs.ParseFromArray(body.data(), static_cast<int>(body.size())), "protobuf reads what we read");
  std::visit(Overloaded{[](const ProtocolError&) {},
                        [&](const ProgressMessage& progress) {
                          Require(theirs.has_progress() && theirs.progress().text() == progress.text, "the progress");
                          Require(progress.percent >= -1 && progress.percent <= 100, "a percent in its range");
                        },
                        [&](const HelloMessage& hello) {
                          Require(theirs.hello().protocol_version() == kProtocolVersion, "the version");
                          Require(theirs.hello().sdk_name() == hello.sdk_name, "the SDK's name");
                          Require(theirs.hello().sdk_version() == hello.sdk_version, "the SDK's version");
                          Require(theirs.hello().pid() == hello.pid, "the pid");
                        },
                        [&](const AckMessage& ack) {
                          Require(theirs.has_ack() && theirs.ack().job() == ack.job, "the acknowledged job");
                        },
                        [&](const ResultMessage& result) {
                          const child::Result& other = theirs.result();
                          const bool good = result.end == ResultMessage::End::kSucceeded;
                          Require(other.job() == result.job, "the job of the result");
                          Require(other.end() == static_cast<int>(result.end) + 1, "the end");
                          Require((good ? other.output() : other.error()) == result.text, "the result's text");
                        },
                        [&](const PongMessage& pong) {
                          Require(theirs.has_pong() && theirs.pong().sequence() == pong.sequence, "the pong");
                        }},
             ours);
}

// What was read says the same when we say it.
void SayAgain(const FromChildMessage& message, std::size_t max_result) {
  std::string frame;
  std::visit(
      Overloaded{[](const ProtocolError&) {},
                 [&](const ProgressMessage& progress) { AppendProgress(frame, progress.percent, progress.text); },
                 [&](const HelloMessage& hello) { AppendHello(frame, hello.sdk_name, hello.sdk_version, hello.pid); },
                 [&](const AckMessage& ack) { AppendAck(frame, ack.job); },
                 [&](const ResultMessage& result) { AppendResult(frame, result.job, result.end, result.text); },
                 [&](const PongMessage& pong) { AppendPong(frame, pong.sequence); }},
      message);
  const FromChildMessage again = DecodeFromChild(Bytes(BodyOf(frame)), max_result);
  Require(again.index() == message.index(), "a message that is said again is the same message");
}

void FromChild(std::string_view body, std::size_t max_result) {
  const FromChildMessage ours = DecodeFromChild(Bytes(body), max_result);
  const auto* error = std::get_if<ProtocolError>(&ours);
  const std::string expected = ErrorByTheRules(body, max_result);
  Require((error == nullptr ? "" : error->what) == expected, "the error of the rules: " + expected);
  if (error != nullptr) return;
  CompareWithProtobuf(ours, body);
  SayAgain(ours, max_result);
}

void ToChild(std::string_view body) {
  const ToChildMessage ours = DecodeToChild(Bytes(body));
  if (std::holds_alternative<ProtocolError>(ours)) return;
  child::ToChild theirs;
  Require(theirs.ParseFromArray(body.data(), static_cast<int>(body.size())), "protobuf reads what a child reads");
  if (const auto* run = std::get_if<RunMessage>(&ours)) {
    Require(theirs.run().job() == run->job && theirs.run().id() == run->id, "the job that is to run");
    Require(theirs.run().payload() == run->payload, "its payload");
    Require(theirs.run().run_for_ms() == run->run_for_ms, "its time");
  }
  if (const auto* cancel = std::get_if<CancelMessage>(&ours))
    Require(theirs.cancel().job() == cancel->job, "the cancel");
  if (const auto* ping = std::get_if<PingMessage>(&ours))
    Require(theirs.ping().sequence() == ping->sequence, "the ping");
  Require(!std::holds_alternative<StopMessage>(ours) || theirs.has_stop(), "the stop");
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  andiron::fuzz::Input input(data, size);
  const std::uint8_t choice = input.Byte();
  const std::string_view body = input.Rest();
  if (choice % 2 != 0) {
    andiron::fuzz::ToChild(body);
  } else {
    andiron::fuzz::FromChild(body, choice < 128 ? 16 : andiron::kPayloadBytesMax);
  }
  return 0;
}
