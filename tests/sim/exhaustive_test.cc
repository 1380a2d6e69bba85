// Every order and batching of a few facts around one initialize().
#include "tests/sim/exhaustive.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/support/shows.h"

namespace andiron::sim {
namespace {

TEST(Exhaustive, EveryOrderOfFiveFactsSettles) {
  Shows("B2", "B24", "R04");
  const ExhaustiveResult result = RunExhaustive(5);
  EXPECT_EQ(result.problem, "");
  EXPECT_GT(result.schedules, 20'000);
  std::printf("%lld schedules, %lld steps\n", static_cast<long long>(result.schedules),
              static_cast<long long>(result.steps));
}

}  // namespace
}  // namespace andiron::sim
