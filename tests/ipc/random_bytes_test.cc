// Random and damaged streams, from fixed seeds, in random pieces: nothing crashes, memory stays bounded, and whatever
// is taken for a message is one to protobuf too.
#include <gtest/gtest.h>

#include <random>

#include "child.pb.h"
#include "ipc/child_messages.h"
#include "tests/ipc/bytes.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

constexpr std::size_t kMaxResult = 100000;
constexpr std::size_t kCapacityMax = kMaxResult + kEnvelopeBytes + kLengthBytesMax;

using Random = std::mt19937_64;

std::size_t Below(Random& random, std::size_t bound) { return random() % bound; }

std::string RandomBytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void AppendRandomMessage(Random& random, std::string& out) {
  const std::string text(Below(random, Below(random, 50) == 0 ? kMaxResult : 100), 't');
  switch (Below(random, 5)) {
    case 0:
      AppendProgress(out, static_cast<int>(Below(random, 102)) - 1, text.substr(0, 1000));
      break;
    case 1:
      AppendHello(out, text.substr(0, 64), "1", static_cast<int>(Below(random, 99999)));
      break;
    case 2:
      AppendAck(out, random());
      break;
    case 3:
      AppendResult(out, random(), ResultMessage::End::kSucceeded, text);
      break;
    default:
      AppendPong(out, random());
      break;
  }
}

// A few bytes changed, taken out or put in.
void Damage(Random& random, std::string& stream) {
  for (std::size_t i = Below(random, 4) + 1; i > 0 && !stream.empty(); --i) {
    const std::size_t at = Below(random, stream.size());
    switch (Below(random, 3)) {
      case 0:
        stream[at] = static_cast<char>(random());
        break;
      case 1:
        stream.erase(at, Below(random, 5));
        break;
      default:
        stream.insert(at, RandomBytes(random, Below(random, 5)));
        break;
    }
  }
}

Reading ReadInPieces(Random& random, std::string_view stream) {
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  while (!stream.empty()) {
    const std::size_t count = std::min(stream.size(), Below(random, Below(random, 3) == 0 ? 70000 : 20) + 1);
    Feed(reader, stream.substr(0, count), reading);
    stream.remove_prefix(count);
  }
  return reading;
}

// What we read from these bytes, protobuf reads too.
void CompareWithProtobuf(const std::string& body) {
  const FromChildMessage ours = DecodeFromChild(Bytes(body));
  if (std::holds_alternative<ProtocolError>(ours)) return;
  child::FromChild theirs;
  ASSERT_TRUE(theirs.ParseFromString(body)) << testing::PrintToString(body);
  if (const auto* progress = std::get_if<ProgressMessage>(&ours)) {
    EXPECT_EQ(progress->percent, std::clamp(theirs.progress().percent(), -1, 100));
    EXPECT_EQ(progress->text, theirs.progress().text());
  } else if (const auto* hello = std::get_if<HelloMessage>(&ours)) {
    EXPECT_EQ(hello->sdk_name, theirs.hello().sdk_name());
    EXPECT_EQ(hello->sdk_version, theirs.hello().sdk_version());
    EXPECT_EQ(hello->pid, theirs.hello().pid());
    EXPECT_EQ(theirs.hello().protocol_version(), kProtocolVersion);
  } else if (const auto* ack = std::get_if<AckMessage>(&ours)) {
    EXPECT_EQ(ack->job, theirs.ack().job());
  } else if (const auto* result = std::get_if<ResultMessage>(&ours)) {
    EXPECT_EQ(result->job, theirs.result().job());
    EXPECT_EQ(static_cast<int>(result->end) + 1, theirs.result().end());
  } else {
    EXPECT_EQ(std::get<PongMessage>(ours).sequence, theirs.pong().sequence());
  }
}

TEST(RandomBytes, OfGoodStreamsEveryMessageIsReadInAnyPieces) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::string stream;
    const std::size_t count = Below(random, 30) + 1;
    for (std::size_t i = 0; i < count; ++i) AppendRandomMessage(random, stream);
    const Reading reading = ReadInPieces(random, stream);
    ASSERT_EQ(reading.frames.size(), count) << "seed " << seed;
    ASSERT_LE(reading.capacity_max, kCapacityMax);
    for (const auto& frame : reading.frames) {
      ASSERT_FALSE(std::holds_alternative<ProtocolError>(DecodeFromChild(Bytes(frame.second)))) << "seed " << seed;
    }
  }
}

TEST(RandomBytes, OfDamagedStreamsNothingIsReadThatProtobufDoesNotRead) {
  Shows("R101");
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    std::string stream;
    for (std::size_t i = Below(random, 8) + 1; i > 0; --i) AppendRandomMessage(random, stream);
    Damage(random, stream);
    const Reading reading = ReadInPieces(random, stream);
    ASSERT_LE(reading.capacity_max, kCapacityMax) << "seed " << seed;
    for (const auto& frame : reading.frames) CompareWithProtobuf(frame.second);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST(RandomBytes, NoiseIsReadWithinBounds) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    const Reading reading = ReadInPieces(random, RandomBytes(random, Below(random, 5000)));
    ASSERT_LE(reading.capacity_max, kCapacityMax) << "seed " << seed;
    for (const auto& frame : reading.frames) CompareWithProtobuf(frame.second);
  }
}

TEST(RandomBytes, NoiseInsideAFrameIsNeverTakenForMoreThanProtobufTakesIt) {
  for (std::uint64_t seed = 1; seed <= 100000; ++seed) {
    Random random(seed);
    const std::string inner = RandomBytes(random, Below(random, 12));
    const std::string body =
        std::string{static_cast<char>((Below(random, 5) + 1) << 3 | 2), static_cast<char>(inner.size())} + inner;
    CompareWithProtobuf(body);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace andiron
