#include "tools/andiron/text.h"

#include <gmock/gmock.h>

namespace andiron {
namespace {

using namespace std::chrono_literals;

TEST(Base64, MatchesTheRfc) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(ShortDuration, HasTwoUnitsAtMost) {
  EXPECT_EQ(ShortDuration(350ms), "350ms");
  EXPECT_EQ(ShortDuration(4200ms), "4.2s");
  EXPECT_EQ(ShortDuration(60s), "1m 00s");
  EXPECT_EQ(ShortDuration(2h + 7min), "2h 07m");
  EXPECT_EQ(ShortDuration(76h), "3d 04h");
}

TEST(Count, KnowsItsPlurals) {
  EXPECT_EQ(Count(1, "job"), "1 job");
  EXPECT_EQ(Count(0, "job"), "0 jobs");
  EXPECT_EQ(Count(2, "child"), "2 children");
}

TEST(Printable, KeepsLinesAndEscapesTheRest) {
  EXPECT_EQ(Printable("one\ntwo\n\n"), "one\n    two");
  EXPECT_EQ(Printable("bell\x07"), "bell\\x07");
}

TEST(Table, AlignsByWhatIsSeen) {
  EXPECT_EQ(Table({{"POOL", "N"}, {"caf\xC3\xA9", "10"}, {"x", "1"}}, {false, true}),
            "POOL   N\ncaf\xC3\xA9  10\nx      1\n");
}

}  // namespace
}  // namespace andiron
