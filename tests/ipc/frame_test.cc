#include "ipc/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "child.pb.h"
#include "ipc/child_messages.h"
#include "ipc/limits.h"
#include "tests/ipc/bytes.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::size_t kMaxResult = 1 << 20;

// One of each message that a child may send.
std::string EachMessage() {
  std::string stream;
  AppendProgress(stream, 50, "loading");
  AppendHello(stream, "cpp", "0.1.0", 4711);
  AppendAck(stream, 1);
  AppendResult(stream, 1, ResultMessage::End::kSucceeded, "output");
  AppendResult(stream, 2, ResultMessage::End::kFailed, "error");
  AppendPong(stream, 300);
  return stream;
}

TEST(FrameReader, HasNoRoomBeforeAFullBufferIsLookedAt) {
  FrameReader reader(LimitsForWorker(kMaxResult));
  const std::size_t size = reader.Space().size();
  reader.Commit(size);
  EXPECT_TRUE(reader.Space().empty());
}

TEST(FrameReader, FindsEveryMessageWhereverTheStreamIsSplit) {
  const std::string stream = EachMessage();
  FrameReader whole(LimitsForWorker(kMaxResult));
  Reading expected;
  Feed(whole, stream, expected);
  ASSERT_EQ(expected.frames.size(), 6u);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      FrameReader reader(LimitsForWorker(kMaxResult));
      Reading reading;
      Feed(reader, std::string_view(stream).substr(0, first), reading);
      Feed(reader, std::string_view(stream).substr(first, second - first), reading);
      Feed(reader, std::string_view(stream).substr(second), reading);
      ASSERT_EQ(reading.frames, expected.frames) << "split at " << first << " and " << second;
      ASSERT_FALSE(reader.half());
    }
  }
}

TEST(FrameReader, FindsEveryMessageByteByByte) {
  const std::string stream = EachMessage();
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  for (const char& byte : stream) Feed(reader, {&byte, 1}, reading);
  EXPECT_EQ(reading.frames.size(), 6u);
}

TEST(FrameReader, GivesSeveralFramesOfOneReadInOrder) {
  std::string stream;
  for (std::uint64_t job = 1; job <= 1000; ++job) AppendAck(stream, job);
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  Feed(reader, stream, reading);
  ASSERT_EQ(reading.frames.size(), 1000u);
  const auto last = DecodeFromChild(Bytes(reading.frames.back().second));
  EXPECT_EQ(std::get<AckMessage>(last).job, 1000u);
}

TEST(FrameReader, SaysThatAFrameIsHalfThereFromItsFirstByteToItsLast) {
  Shows("A9");
  std::string stream;
  AppendAck(stream, 7);
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  EXPECT_FALSE(reader.half());
  for (std::size_t i = 0; i + 1 < stream.size(); ++i) {
    Feed(reader, std::string_view(stream).substr(i, 1), reading);
    EXPECT_TRUE(reader.half()) << "after byte " << i;
  }
  Feed(reader, std::string_view(stream).substr(stream.size() - 1), reading);
  EXPECT_FALSE(reader.half());
  EXPECT_EQ(reading.frames.size(), 1u);
}

TEST(FrameReader, TakesALengthThatIsLongerThanNeededUpToFiveBytes) {
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  Feed(reader, std::string("\x82\x80\x80\x80\x00\x1a\x00", 7), reading);
  EXPECT_THAT(reading.frames, ElementsAre(Pair(3, std::string("\x1a\x00", 2))));
}

TEST(FrameReader, GrowsWithWhatHasArrivedAndNeverPastTheFrame) {
  const std::size_t size = 1 << 20;
  const std::string stream = Framed(BodyOf(4, size));
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  std::size_t given = 0;
  while (given < stream.size()) {
    const std::size_t count = std::min<std::size_t>(1000, stream.size() - given);
    Feed(reader, std::string_view(stream).substr(given, count), reading);
    given += count;
    ASSERT_LE(reader.capacity(), std::max(FrameReader::kSmallBuffer, 2 * given));
    ASSERT_LE(reader.capacity(), stream.size());
  }
  ASSERT_EQ(reading.frames.size(), 1u);
  EXPECT_EQ(reading.frames[0].second.size(), size);
}

TEST(FrameReader, GivesTheMemoryOfABigFrameBack) {
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  std::string tail;
  AppendAck(tail, 1);
  // The next frame has begun to arrive with the big one's end.
  Feed(reader, Framed(BodyOf(4, 1 << 20)) + tail.substr(0, 2), reading);
  ASSERT_GT(reading.capacity_max, FrameReader::kKeptBuffer);
  Feed(reader, tail.substr(2), reading);
  EXPECT_EQ(reading.frames.size(), 2u);
  EXPECT_EQ(reader.capacity(), FrameReader::kSmallBuffer);
}

TEST(FrameReader, FindsBigFramesAmongSmallOnes) {
  std::string stream;
  for (std::size_t size : {2u, 4095u, 4096u, 4097u, 65536u, 3u, 70000u}) stream += Framed(BodyOf(4, size));
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  for (std::size_t at = 0; at < stream.size(); at += 777)
    Feed(reader, std::string_view(stream).substr(at, 777), reading);
  ASSERT_EQ(reading.frames.size(), 7u);
  EXPECT_EQ(reading.frames[4].second, BodyOf(4, 65536));
  EXPECT_EQ(reading.frames[6].second, BodyOf(4, 70000));
}

TEST(FrameReader, GivesNoRoomToAStreamThatIsOver) {
  FrameReader reader(LimitsForWorker(kMaxResult));
  Reading reading;
  Feed(reader, std::string("\0", 1), reading);
  EXPECT_EQ(reader.error(), FrameError::kEmpty);
  EXPECT_THAT(reader.Space(), IsEmpty());
  EXPECT_FALSE(reader.half());
  EXPECT_FALSE(reader.Next());
}

TEST(AppendFrame, WritesTheLengthAndTheMessageBehindWhatIsThere) {
  child::FromChild message;
  message.mutable_hello()->set_sdk_name("test");
  std::string out = "before";
  AppendFrame(out, message);
  EXPECT_EQ(out, "before" + Framed(message.SerializeAsString()));
}

TEST(AppendVarint, WritesAsManyBytesAsVarintSizeSays) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t value : {(std::uint64_t{1} << bits) - 1, std::uint64_t{1} << bits}) {
      std::string out;
      AppendVarint(out, value);
      EXPECT_EQ(out.size(), VarintSize(value)) << value;
    }
  }
}

}  // namespace
}  // namespace andiron
