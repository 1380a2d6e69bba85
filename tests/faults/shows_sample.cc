// Tests of every end, for shows_test.py to run and to look at what they leave.
#include <gtest/gtest.h>

#include "tests/support/shows.h"

namespace andiron {
namespace {

TEST(Sample, Passes) {
  Shows("A1", "R02");
  Shows("B3");
}

TEST(Sample, Fails) {
  Shows("A2");
  ADD_FAILURE() << "as it should";
}

TEST(Sample, IsSkipped) {
  Shows("A3");
  GTEST_SKIP() << "no moon\ntonight";
}

// Its body never says which rows those are.
class Fixture : public testing::Test {
 protected:
  void SetUp() override { GTEST_SKIP() << "no sun\ntoday"; }
};

TEST_F(Fixture, SkipsTooSoon) { Shows("A7"); }

TEST(Sample, ShowsNothing) {}

class Each : public testing::TestWithParam<bool> {};

TEST_P(Each, PassesOrFails) {
  Shows("A4");
  EXPECT_TRUE(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Values, Each, testing::Bool(), [](const auto& values) { return values.param ? "Yes" : "No"; });

TEST(Sample, RunsNamedThings) {
  RecordShown("scenarios/good", "A5 R06", true);
  RecordShown("scenarios/bad", "A6", false);
}

}  // namespace
}  // namespace andiron
