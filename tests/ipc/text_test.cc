#include "ipc/text.h"

#include <gtest/gtest.h>

namespace andiron {
namespace {

TEST(IsUtf8, TakesEveryFormAndNothingElse) {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe1\x80", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf1\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
}

TEST(CleanUtf8, LeavesGoodTextAlone) { EXPECT_EQ(CleanUtf8("gr\xc3\xbc\xc3\x9f dich", 64), "gr\xc3\xbc\xc3\x9f dich"); }

TEST(CleanUtf8, ReplacesEachBadByte) {
  EXPECT_EQ(CleanUtf8("a\xff\xc2"
                      "b",
                      64),
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
}

TEST(CleanUtf8, CutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(CleanUtf8("0123456789", 10), "0123456789");
  EXPECT_EQ(CleanUtf8("0123456789a", 10), "0... (cut)");
  EXPECT_EQ(CleanUtf8("\xc3\xbc"
                      "123456789",
                      10),
            "... (cut)");
  EXPECT_EQ(CleanUtf8("0123456789", 3), "012");
  EXPECT_EQ(CleanUtf8("\xc3\xbc\xc3\xbc", 3), "\xc3\xbc");
}

TEST(CleanUtf8, NeverExceedsItsLimitAndIsAlwaysUtf8) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += {static_cast<char>(byte), 'x', '\xc3', '\xbc'};
  for (std::size_t max = 0; max < 300; ++max) {
    const std::string clean = CleanUtf8(all, max);
    EXPECT_LE(clean.size(), max);
    EXPECT_TRUE(IsUtf8(clean)) << max;
  }
}

}  // namespace
}  // namespace andiron
