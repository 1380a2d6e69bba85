#include "examples/spell/spelling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spell {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Words, AreLettersWithApostrophesInside) {
  EXPECT_THAT(Words("Don't 'quote' me, café-owner."), ElementsAre("Don't", "quote", "me", "café", "owner"));
}

TEST(Words, TakeTypographicSignsForWhatTheyAre) {
  EXPECT_THAT(Words("it’s “so” — naïve…"), ElementsAre("it's", "so", "naïve"));
}

TEST(Words, HoldNoDigits) { EXPECT_THAT(Words("3rd GPL3 42 x86 four"), ElementsAre("four")); }

TEST(Words, EndAtWhatIsNotUtf8) {
  EXPECT_THAT(Words("a\xff"
                    "b c\xe2\x80"),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(Words(""), IsEmpty());
  EXPECT_THAT(Words("''"), IsEmpty());
}

TEST(Spelling, CountsAndNamesTheMostFrequentFirst) {
  Spelling spelling("en_US");
  ASSERT_EQ(spelling.Load(), "");
  EXPECT_EQ(spelling.Check("teh good zzyx teh aardvrk, zzyx teh", 2), "7\t6\tteh 3, zzyx 2");
  EXPECT_EQ(spelling.Check("wrod aardvrk", 5), "2\t2\taardvrk 1, wrod 1");
  EXPECT_EQ(spelling.Check("", 5), "0\t0\t");
}

TEST(Spelling, SaysWhichDictionaryIsMissing) {
  EXPECT_THAT(Spelling("xx_XX").Load(), HasSubstr("/usr/share/hunspell/xx_XX.aff"));
  EXPECT_THAT(Spelling("./none").Load(), HasSubstr("./none.aff"));
}

}  // namespace
}  // namespace spell
