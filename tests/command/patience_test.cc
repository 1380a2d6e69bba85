#include "tools/andiron/patience.h"

#include <gtest/gtest.h>

namespace andiron {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1000h};

TEST(Patience, LastsFromTheFirstRefusalInARowAndNotAMomentLonger) {
  Patience patience(30s);
  EXPECT_TRUE(patience.Lasts(kStart, 10s, false));
  EXPECT_TRUE(patience.Lasts(kStart + 15s, 10s, false));
  EXPECT_TRUE(patience.Lasts(kStart + 30s, 10s, false));
  EXPECT_FALSE(patience.Lasts(kStart + 30s + 1ns, 10s, false));
  EXPECT_FALSE(patience.Lasts(kStart + 31s, 10s, false)) << "what comes behind it isn't waited for as long again";
}

TEST(Patience, ASignOfLifeRenewsIt) {
  Patience patience(30s);
  EXPECT_TRUE(patience.Lasts(kStart, 10s, false));
  patience.Renew();
  EXPECT_TRUE(patience.Lasts(kStart + 31s, 10s, false));
  EXPECT_TRUE(patience.Lasts(kStart + 61s, 10s, false));
  EXPECT_FALSE(patience.Lasts(kStart + 62s, 10s, false));
}

TEST(Patience, DoesNotRunOutWhileAJobIsUnderWay) {
  Patience patience(30s);
  for (Duration after = 0s; after < 1h; after += 1s) ASSERT_TRUE(patience.Lasts(kStart + after, 1s, true));
  EXPECT_TRUE(patience.Lasts(kStart + 1h, 10s, false));
  EXPECT_TRUE(patience.Lasts(kStart + 1h + 30s, 10s, false));
  EXPECT_FALSE(patience.Lasts(kStart + 1h + 31s, 10s, false));
}

TEST(Patience, ARefusalAfterALongPauseBeginsARow) {
  Patience patience(30s);
  EXPECT_TRUE(patience.Lasts(kStart, 25s, false));
  EXPECT_TRUE(patience.Lasts(kStart + 25s, 25s, false));
  EXPECT_FALSE(patience.Lasts(kStart + 80s, 25s, false)) << "30s after it was to be tried again: still that row";
  EXPECT_TRUE(patience.Lasts(kStart + 80s + 25s + 31s, 25s, false));
}

}  // namespace
}  // namespace andiron
