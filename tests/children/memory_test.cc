// Memory: whose it is, how much of it a child may hold, and whether it was what a child died of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/children/crew.h"
#include "tests/support/loop.h"
#include "tests/support/shows.h"
#include "tests/support/temp_directory.h"
#include "worker/children/cgroup.h"
#include "worker/children/launch.h"
#include "worker/children/launch_spec.h"
#include "worker/children/memory_look.h"
#include "worker/children/oom_kills.h"
#include "worker/children/oom_watch.h"
#include "worker/children/proc_files.h"

namespace andiron {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

// ---- of a child with its descendants ----

TEST(MemoryLookTest, FindsDescendantsFromParentToChild) {
  Crew crew(FaultPool({"descendant-uses-memory", "8"}));
  const ChildId child = crew.StartReady();
  const pid_t pid = crew.PidOf(child);
  const pid_t member = crew.PrintedPid("member");
  EXPECT_THAT(FamilyOf({pid}).members, testing::UnorderedElementsAre(pid, member, crew.PrintedPid("holder")));
  EXPECT_THAT(FamilyOf({pid}, 2).members, testing::UnorderedElementsAre(pid, member)) << "the nearest come first";
  EXPECT_THAT(FamilyOf({pid}, 1).members, testing::ElementsAre(pid));
  EXPECT_EQ(FamilyOf({pid}, 1).threads, 1U);
  EXPECT_TRUE(LookAtMemory(FamilyOf({pid}), 8 * kMiB).over);
}

TEST(MemoryLookTest, CountsSharedMemoryOnceAndRestsAfterSuchALook) {
  Crew crew(FaultPool({"share-memory", "200"}));
  const Family family = FamilyOf({crew.PidOf(crew.StartReady())});
  ASSERT_EQ(family.members.size(), 3U);
  // A sanitizer's own memory may come on top.
  const std::int64_t counted_thrice = LookAtMemory(family, INT64_MAX).bytes;
  EXPECT_GT(counted_thrice, 600 * kMiB);
  const MemoryLook above = LookAtMemory(family, counted_thrice + 100 * kMiB);
  EXPECT_FALSE(above.over || above.shared);
  EXPECT_EQ(above.rest, 0) << "it was cheap";
  const MemoryLook between = LookAtMemory(family, counted_thrice * 2 / 3);
  EXPECT_TRUE(between.shared && !between.over);
  EXPECT_LT(between.bytes, counted_thrice * 2 / 3);
  EXPECT_GT(between.rest, 3);
  EXPECT_TRUE(LookAtMemory(family, 100 * kMiB).over);
}

TEST(MemoryLookTest, RestsLongerTheMoreThreadsItHasSeenButNotForEver) {
  EXPECT_EQ(LookAtMemory({.members = {}, .threads = 15}, kMiB).rest, 0);
  EXPECT_EQ(LookAtMemory({.members = {}, .threads = 64}, kMiB).rest, 4);
  EXPECT_EQ(LookAtMemory({.members = {}, .threads = kFamilyMax}, kMiB).rest, 50);
}

TEST(MemoryLimit, LeavesAChildAloneWhoseDescendantsStayBelowIt) {
  Shows("B13");
  PoolSettings pool = FaultPool({"descendant-uses-memory", "8"});
  pool.memory_limit = 100 * kMiB;
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  EXPECT_NE(crew.PrintedPid("holder"), 0);
  RunFor(crew.loop(), std::chrono::milliseconds(500));
  crew.Run(child, 1);
  EXPECT_TRUE(crew.Await<JobReturned>(child));
  EXPECT_EQ(crew.Count<ChildExited>(child), 0);
}

TEST(MemoryLimit, IsTheKernelsWithAllOfItsFilesOrIsSaidToBeMissing) {
  Shows("C13");
  const TempDirectory cgroup;
  EXPECT_EQ(LimitMemory(cgroup.path(), kMiB), cgroup.path() + "/memory.max: No such file or directory");
  std::ofstream(cgroup.path() + "/memory.max").flush();
  EXPECT_EQ(LimitMemory(cgroup.path(), kMiB), cgroup.path() + "/memory.oom.group: No such file or directory");
  std::ofstream(cgroup.path() + "/memory.oom.group").flush();
  EXPECT_EQ(LimitMemory(cgroup.path(), kMiB), "");
  EXPECT_EQ(ReadSmallFile(cgroup.path() + "/memory.max"), "1048576");
  EXPECT_EQ(ReadSmallFile(cgroup.path() + "/memory.oom.group"), "1");
}

// As where the controller was taken away after the worker had looked.
TEST(MemoryLimit, ThatTheKernelDoesNotKeepLeavesAChildInItsCgroup) {
  Shows("C13");
  const CgroupRoot root("unlimited");
  if (!root.available()) GTEST_SKIP() << kNoCgroup;
  if (root.limits_memory()) GTEST_SKIP() << "the kernel would keep it here";
  PoolSettings pool = FaultPool({});
  pool.command = {"sleep", "600"};
  const std::string path = root.ChildPath("p/0.1");
  Launch launch(Launch::Kind::kStopCommand, ChildId{}, SpecOf(pool, environ), path, kMiB);
  std::vector<std::byte> stack(std::size_t{64} << 10);
  launch.Run(stack);
  EXPECT_EQ(launch.failure() + launch.cgroup_failure(), "");
  EXPECT_EQ(launch.limit_failure(), path + "/memory.max: No such file or directory");
  EXPECT_FALSE(launch.limits_memory());
  EXPECT_THAT(CgroupMembers(path), testing::ElementsAre(launch.pid()));
}

// ---- the kernel's counts ----

TEST(OomGrowth, IsNewForTwoPeriodsAndNotAfterTheThird) {
  OomGrowth growth;
  growth.Restart(50);
  EXPECT_FALSE(growth.IsNew(50));
  EXPECT_TRUE(growth.IsNew(51));
  growth.Sample(51);
  EXPECT_TRUE(growth.IsNew(51));
  growth.Sample(51);
  EXPECT_TRUE(growth.IsNew(51));
  growth.Sample(51);
  EXPECT_FALSE(growth.IsNew(51));
  EXPECT_TRUE(growth.IsNew(52));
  growth.Restart(52);
  EXPECT_FALSE(growth.IsNew(52));
}

TEST(OomKills, OfItsOwnCgroupHaveTheLastWord) {
  Shows("B3");
  const auto machine_ran_out = [] { return true; };
  const auto machine_did_not = [] { return false; };
  EXPECT_FALSE(DiedForMemory(0, true, true, machine_ran_out));
  EXPECT_TRUE(DiedForMemory(1, true, false, machine_did_not));
  EXPECT_TRUE(DiedForMemory(1, false, true, machine_did_not));
  EXPECT_FALSE(DiedForMemory(1, false, false, machine_ran_out)) << "it was a descendant, perhaps hours ago";
  EXPECT_TRUE(DiedForMemory(std::nullopt, false, true, machine_ran_out));
  EXPECT_FALSE(DiedForMemory(std::nullopt, true, true, machine_did_not));
  EXPECT_FALSE(DiedForMemory(std::nullopt, true, false, machine_ran_out)) << "we know who has killed it";
}

TEST(OomKills, OfACgroupAreUnknownWhereNothingCountsThem) {
  const TempDirectory directory;
  EXPECT_EQ(CgroupOomKills(directory.path()), std::nullopt);
  std::ofstream(directory.path() + "/memory.events") << "low 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n";
  EXPECT_EQ(CgroupOomKills(directory.path()), 0);
  std::ofstream(directory.path() + "/memory.events") << "oom 1\noom_kill 2\n";
  EXPECT_EQ(CgroupOomKills(directory.path()), 2);
}

// ---- of a SIGKILL that the worker hasn't sent ----

struct Machine {
  std::int64_t kills = 0;
  int readings = 0;
};

Crew::Setup On(Machine& machine) {
  return {.machine_oom_kills = [&machine] { return ++machine.readings, machine.kills; }};
}

bool IsKilledForMemory(Crew& crew, ChildId child) {
  kill(crew.PidOf(child), SIGKILL);
  EXPECT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGKILL);
  return crew.Last<ChildExited>(child)->out_of_memory;
}

TEST(UnexplainedKill, IsForMemoryIfTheMachineHasJustRunOut) {
  Shows("B3");
  Machine machine{.kills = 50};
  Crew crew(FaultPool({"good"}), On(machine));
  const ChildId first = crew.StartReady(0);
  const ChildId second = crew.StartReady(1);
  ++machine.kills;
  EXPECT_TRUE(IsKilledForMemory(crew, first));
  EXPECT_TRUE(IsKilledForMemory(crew, second)) << "of the same moment, though the count has been looked at meanwhile";
}

TEST(UnexplainedKill, IsAlsoWhatAShellSaysOfItsProgram) {
  Machine machine{.kills = 50};
  Crew crew({FaultPool({"good"}), FaultPool({"exit", "137"}), FaultPool({"exit", "1"})}, On(machine));
  crew.StartReady();  // since then kills are counted
  ++machine.kills;
  const ChildId shell = crew.Start(0, 1);
  const ChildId other = crew.Start(0, 2);
  ASSERT_TRUE(crew.AwaitEnd(shell) && crew.AwaitEnd(other));
  EXPECT_TRUE(crew.Last<ChildExited>(shell)->out_of_memory);
  EXPECT_FALSE(crew.Last<ChildExited>(other)->out_of_memory);
}

TEST(UnexplainedKill, IsNotForMemoryThatRanOutLongBefore) {
  Shows("B3");
  Machine machine;
  Crew crew(FaultPool({"good"}), On(machine));
  const ChildId child = crew.StartReady();
  ++machine.kills;
  const int readings = machine.readings;
  ASSERT_TRUE(crew.Await([&] { return machine.readings >= readings + 4; }));
  EXPECT_FALSE(IsKilledForMemory(crew, child));
}

TEST(UnexplainedKill, IsNotForMemoryThatRanOutWhileThereWasNoChild) {
  Machine machine;
  Crew crew(FaultPool({"good"}), On(machine));
  EXPECT_FALSE(IsKilledForMemory(crew, crew.StartReady(0)));
  constexpr auto kPeriod = std::chrono::milliseconds(OomWatch::kSampleMs);
  RunFor(crew.loop(), kPeriod * 5 / 4);
  const int readings = machine.readings;
  RunFor(crew.loop(), kPeriod * 5 / 4);
  EXPECT_EQ(machine.readings, readings) << "nobody is there to ask it for";
  ++machine.kills;
  EXPECT_FALSE(IsKilledForMemory(crew, crew.StartReady(0)));
}

TEST(UnexplainedKill, IsJudgedByTheChildsCgroupWhereThatCounts) {
  Shows("B13");
  if (!CgroupRoot("probe").limits_memory()) GTEST_SKIP() << "no memory controller for cgroups of ours here";
  Machine machine;
  Crew::Setup setup = On(machine);
  setup.allow_cgroup = true;
  Crew crew(FaultPool({"good"}), setup);
  const ChildId child = crew.StartReady();
  ++machine.kills;
  EXPECT_FALSE(IsKilledForMemory(crew, child));
}

}  // namespace
}  // namespace andiron
