// When memory runs out, the kernel takes a child before its worker.
#include "worker/children/oom_score.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "tests/children/crew.h"
#include "tests/support/shows.h"
#include "worker/children/proc_files.h"

namespace andiron {
namespace {

std::string ScoreOf(pid_t pid) { return ReadSmallFile("/proc/" + std::to_string(pid) + "/oom_score_adj"); }

TEST(OomScore, IsAboveTheWorkersWithinTheKernelsBounds) {
  EXPECT_EQ(ChildOomScore("0\n"), 100);
  EXPECT_EQ(ChildOomScore("300\n"), 400);
  EXPECT_EQ(ChildOomScore("900\n"), 1000);
  EXPECT_EQ(ChildOomScore("901\n"), 1000);
  EXPECT_EQ(ChildOomScore("1000\n"), 1000);
}

TEST(OomScore, AProtectedWorkerProtectsNoChild) {
  EXPECT_EQ(ChildOomScore("-1\n"), 100);
  EXPECT_EQ(ChildOomScore("-1000\n"), 100);
}

TEST(OomScore, IsNotGuessedWhereTheWorkersCannotBeRead) {
  EXPECT_EQ(ChildOomScore(""), std::nullopt);
  EXPECT_EQ(ChildOomScore("?"), std::nullopt);
}

TEST(OomScore, OfAChildIsSetAndItsWorkersStays) {
  Shows("B13");
  const std::string own = ScoreOf(getpid());
  const std::optional<int> expected = ChildOomScore(own);
  ASSERT_TRUE(expected.has_value());
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  EXPECT_EQ(ScoreOf(crew.Last<Spawned>(child)->pid), std::to_string(*expected) + "\n");
  EXPECT_EQ(ScoreOf(getpid()), own) << "they shared their memory until the exec";
}

}  // namespace
}  // namespace andiron
