// Every limit of a frame at its last good value and one past it, and that no length makes the reader allocate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "ipc/frame.h"
#include "ipc/limits.h"
#include "tests/ipc/bytes.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMaxPayload = 100000;

struct Case {
  const char* name;
  FrameLimits limits;
  int type;
  std::size_t max;
};

std::vector<Case> AllLimits() {
  const FrameLimits child = LimitsForChild(kMaxPayload);
  const FrameLimits worker = LimitsForWorker(kMaxPayload);
  return {{"Run", child, 1, kMaxPayload + 4096},
          {"Cancel", child, 2, 64},
          {"Ping", child, 3, 64},
          {"Stop", child, 4, 64},
          {"Progress", worker, 1, 4096},
          {"Hello", worker, 2, 4096},
          {"Ack", worker, 3, 64},
          {"Result", worker, 4, kMaxPayload + 4096},
          {"Pong", worker, 5, 64}};
}

// The header of such a frame: its length and the first byte of its body.
std::string Header(int type, std::size_t size) {
  std::string header;
  AppendVarint(header, size);
  header.push_back(static_cast<char>(type << 3 | 2));
  return header;
}

TEST(FrameLimits, AFrameAtItsLimitIsRead) {
  for (const Case& limit : AllLimits()) {
    FrameReader reader(limit.limits);
    Reading reading;
    Feed(reader, Framed(BodyOf(limit.type, limit.max)), reading);
    ASSERT_EQ(reading.frames.size(), 1u) << limit.name << ": " << reader.error_text();
    EXPECT_EQ(reading.frames[0].first, limit.type);
    EXPECT_EQ(reading.frames[0].second.size(), limit.max);
  }
}

TEST(FrameLimits, AFrameOneByteLongerIsRefusedFromItsHeader) {
  Shows("A10");
  for (const Case& limit : AllLimits()) {
    FrameReader reader(limit.limits);
    Reading reading;
    Feed(reader, Header(limit.type, limit.max + 1), reading);
    EXPECT_EQ(reader.error(), FrameError::kTooLarge) << limit.name;
    EXPECT_EQ(reader.error_text(), "frame of " + std::to_string(limit.max + 1) + " bytes, " + limit.name +
                                       " may have " + std::to_string(limit.max));
  }
}

TEST(FrameLimits, TypesThatMayNotComeAreRefusedByName) {
  for (int first = 0; first < 256; ++first) {
    const bool known = first == 0x0a || first == 0x12 || first == 0x1a || first == 0x22;
    FrameReader reader(LimitsForChild(kMaxPayload));
    Reading reading;
    Feed(reader, std::string{2, static_cast<char>(first)}, reading);
    EXPECT_EQ(reader.error(), known ? FrameError::kNone : FrameError::kUnknownType) << first;
    if (!known) {
      EXPECT_EQ(reader.error_text(), "a frame that begins with byte " + std::to_string(first) +
                                         ", which is none of Run, Cancel, Ping, Stop");
    }
  }
}

TEST(FrameLimits, ALengthOfZeroIsRefused) {
  Shows("A10");
  FrameReader reader(LimitsForWorker(kMaxPayload));
  Reading reading;
  Feed(reader, std::string("\0", 1), reading);
  EXPECT_EQ(reader.error(), FrameError::kEmpty);
  EXPECT_EQ(reader.error_text(), "a frame of 0 bytes");
}

TEST(FrameLimits, ALengthOfFiveBytesIsReadAndOneOfSixIsRefused) {
  Shows("A10");
  FrameReader five(LimitsForWorker(kMaxPayload));
  Reading reading;
  Feed(five, std::string("\x82\x80\x80\x80\x00\x1a\x00", 7), reading);
  EXPECT_EQ(reading.frames.size(), 1u);
  FrameReader six(LimitsForWorker(kMaxPayload));
  Feed(six, std::string("\x82\x80\x80\x80\x80\x00", 6), reading);
  EXPECT_EQ(six.error(), FrameError::kLengthTooLong);
}

TEST(FrameLimits, NoLengthMakesTheReaderAllocate) {
  Shows("A10");
  const std::size_t bombs[] = {kMaxPayload + 4097, std::size_t{1} << 31, (std::size_t{1} << 31) - 1,
                               std::numeric_limits<std::uint32_t>::max(), (std::size_t{1} << 35) - 1};
  for (const std::size_t bomb : bombs) {
    FrameReader reader(LimitsForWorker(kMaxPayload));
    Reading reading;
    Feed(reader, Header(4, bomb), reading);
    EXPECT_EQ(reader.error(), FrameError::kTooLarge) << bomb;
    EXPECT_EQ(reader.capacity(), FrameReader::kSmallBuffer) << bomb;
  }
}

TEST(FrameLimits, ALengthThatIsAllowedAllocatesNothingEither) {
  FrameReader reader(LimitsForChild(kPayloadBytesMax));
  Reading reading;
  Feed(reader, Header(1, kPayloadBytesMax), reading);
  EXPECT_EQ(reader.error(), FrameError::kNone);
  EXPECT_TRUE(reader.half());
  EXPECT_FALSE(reader.Space().empty());
  EXPECT_EQ(reader.capacity(), FrameReader::kSmallBuffer);
}

TEST(FrameLimits, AResultMayAlwaysHoldAnErrorText) {
  EXPECT_EQ(LimitsForWorker(1)[4].max, 65536u + 4096u);
  EXPECT_EQ(LimitsForWorker(65537)[4].max, 65537u + 4096u);
}

TEST(FrameLimits, NoSettingMakesALimitOverflow) {
  const auto most = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(LimitsForWorker(most)[4].max, (1u << 30) + 4096u);
  EXPECT_EQ(LimitsForChild(most)[1].max, (1u << 30) + 4096u);
}

TEST(FrameLimits, ATableWithNothingInItLetsNothingThrough) {
  FrameReader reader(FrameLimits{});
  Reading reading;
  Feed(reader, Header(1, 2), reading);
  EXPECT_EQ(reader.error(), FrameError::kTooLarge);
  EXPECT_THAT(reader.error_text(), HasSubstr("frame of 2 bytes"));
}

}  // namespace
}  // namespace andiron
