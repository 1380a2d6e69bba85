// Descendants: whatever a child leaves behind ends with it, by its cgroup or by its group and the sweep.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/children/crew.h"
#include "tests/support/loop.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/base/unique_fd.h"
#include "worker/children/cgroup.h"
#include "worker/children/launch.h"

namespace andiron {
namespace {

class ContainmentTest : public testing::TestWithParam<bool> {
 protected:
  Crew::Setup Level() const { return {.allow_cgroup = GetParam()}; }
};

TEST_P(ContainmentTest, LevelIsTold) {
  Shows("C12", "R38");
  const Crew::Setup setup = Level();
  Crew crew(FaultPool({"good"}), setup);
  const Containment expected = setup.allow_cgroup && CgroupsUsable() ? Containment::kCgroup : Containment::kSubreaper;
  EXPECT_EQ(crew.children().containment(), expected);
}

TEST_P(ContainmentTest, EscapeeIsKilledWithItsChild) {
  Shows("B11", "R38");
  Crew crew(FaultPool({"escapee"}), Level());
  const ChildId child = crew.StartReady();
  const pid_t escapee = crew.PrintedPid("escapee");
  ASSERT_TRUE(ProcessExists(escapee));
  crew.Kill(child);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(escapee); })) << "reaped, too";
}

TEST_P(ContainmentTest, EscapeeOfALivingChildIsLeftAlone) {
  Crew crew(FaultPool({"escapee"}), Level());
  const ChildId child = crew.StartReady();
  const pid_t escapee = crew.PrintedPid("escapee");
  // Other deaths wake the sweep.
  const ChildId other = crew.StartReady(1);
  crew.Kill(other);
  ASSERT_TRUE(crew.AwaitEnd(other));
  RunFor(crew.loop(), std::chrono::milliseconds(50));
  EXPECT_TRUE(ProcessExists(escapee));
  crew.Run(child, 1);
  EXPECT_TRUE(crew.Await<JobReturned>(child));
}

TEST_P(ContainmentTest, DescendantThatHoldsTheChannelDoesNotKeepItOpen) {
  Shows("B10", "R24");
  Crew crew(FaultPool({"hold-channel"}), Level());
  const ChildId child = crew.Start();
  const pid_t escapee = crew.PrintedPid("escapee");
  // The exit is authoritative, and what survives is killed: so the channel ends, too.
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->code, 0);
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(escapee); }));
}

TEST_P(ContainmentTest, DescendantThatHoldsTheOutputDelaysNothing) {
  Shows("B10", "R24");
  Crew crew(FaultPool({"hold-output"}), Level());
  const ChildId child = crew.Start();
  const pid_t escapee = crew.PrintedPid("escapee");
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(escapee); }));
}

TEST_P(ContainmentTest, MemberOfItsGroupEndsWithAChildThatExitsByItself) {
  Shows("R37");
  Crew crew(FaultPool({"group-member"}), Level());
  const ChildId child = crew.Start();
  const pid_t member = crew.PrintedPid("member");
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(member); }));
}

TEST_P(ContainmentTest, MemberThatIgnoresTheStopEndsWithItsChild) {
  Shows("R36");
  Crew crew(FaultPool({"stubborn-member"}), Level());
  const ChildId child = crew.StartReady();
  const pid_t member = crew.PrintedPid("member");
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGTERM) << "the child itself has obeyed";
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(member); }));
}

TEST_P(ContainmentTest, MemoryLimitKillsAndSaysSo) {
  Shows("B3", "B13");
  PoolSettings pool = FaultPool({"use-memory", "64"});
  pool.memory_limit = 32 << 20;
  Crew crew(pool, Level());
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGKILL);
  EXPECT_TRUE(crew.Last<ChildExited>(child)->out_of_memory);
  EXPECT_THAT(crew.Examine(child, SlotState::kIdle).advice, testing::HasSubstr("Raise memory_limit (32.0 MiB)"));
}

TEST_P(ContainmentTest, MemoryLimitCountsDescendants) {
  Shows("B13");
  PoolSettings pool = FaultPool({"descendant-uses-memory", "64"});
  pool.memory_limit = 48 << 20;
  Crew crew(pool, Level());
  const ChildId child = crew.Start();
  const pid_t member = crew.PrintedPid("member");
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGKILL);
  EXPECT_TRUE(crew.Last<ChildExited>(child)->out_of_memory);
  EXPECT_THAT(crew.Examine(child, SlotState::kIdle).text, testing::HasSubstr("over its limit when it was killed"));
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(member); })) << "the whole group is killed";
}

TEST_P(ContainmentTest, MemoryLimitCountsDescendantsThatHaveEscaped) {
  Shows("B13");
  PoolSettings pool = FaultPool({"escapee-uses-memory", "64"});
  pool.memory_limit = 48 << 20;
  Crew crew(pool, Level());
  const ChildId child = crew.Start();
  const pid_t escapee = crew.PrintedPid("escapee");
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(crew.Last<ChildExited>(child)->out_of_memory);
  EXPECT_TRUE(crew.Await([&] { return !ProcessExists(escapee); }));
}

INSTANTIATE_TEST_SUITE_P(Levels, ContainmentTest, testing::Bool(),
                         [](const auto& values) { return values.param ? "Cgroup" : "GroupAndSweep"; });

TEST(GroupOnlyTest, HostThatAdoptsNobodyStillEndsItsChildren) {
  Shows("C12", "R37");
  Crew crew(FaultPool({"group-member"}), {.adopt_orphans = false});
  EXPECT_EQ(crew.children().containment(), Containment::kGroup);
  const ChildId child = crew.Start();
  const pid_t member = crew.PrintedPid("member");
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(WaitUntil([&] { return ProcessState(member) == '?' || ProcessState(member) == 'Z'; }));
}

TEST(GroupOnlyTest, ChannelThatAnEscapeeHoldsIsClosedByUs) {
  Shows("B10", "R24");
  pid_t escapee = 0;
  {
    Crew crew(FaultPool({"hold-channel"}), {.adopt_orphans = false});
    const ChildId child = crew.Start();
    escapee = crew.PrintedPid("escapee");
    ASSERT_TRUE(crew.Await<ChildExited>(child));
    EXPECT_EQ(crew.Count<ChannelClosed>(child), 0);
    crew.children().Close({child});
    EXPECT_TRUE(crew.AwaitEnd(child));
    // Nobody else will: this level can't find it.
    kill(escapee, SIGKILL);
  }
}

TEST(CgroupTest, DirectoriesAreGoneAtTheEnd) {
  Shows("R49");
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const std::string parent = OwnCgroup();
  const auto ours = [&] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(parent)) {
      count += entry.path().filename().string().starts_with("andiron-endtest-") ? 1 : 0;
    }
    return count;
  };
  {
    Crew crew(FaultPool({"good"}), {.allow_cgroup = true, .worker_name = "endtest"});
    crew.StartReady(0);
    crew.StartReady(1);
    EXPECT_EQ(ours(), 1);
  }
  EXPECT_EQ(ours(), 0);
}

// A process in the directory of a worker that is gone. No process has such a pid here: a worker that has it lives in
// another PID namespace.
class Leftover {
 public:
  explicit Leftover(std::string_view worker) : path_(OwnCgroup() + "/andiron-" + std::string(worker) + "-99999999") {
    pid_ = fork();
    if (pid_ == 0) {
      for (;;) pause();
    }
    std::filesystem::create_directory(path_);
    // As a living worker's until there is a process in it: others, of tests beside this one, remove empty ones.
    const UniqueFd lock(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    flock(lock.get(), LOCK_EX);
    std::ofstream(path_ + "/cgroup.procs") << pid_ << std::flush;
  }
  ~Leftover() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::filesystem::remove(path_);
  }
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;
  bool alive() const { return ProcessState(pid_) != 'Z'; }
  bool has_directory() const { return std::filesystem::exists(path_); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  pid_t pid_ = 0;
};

TEST(CgroupTest, LeftoversOfAnEarlierLifeAreKilled) {
  Shows("C1");
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const Leftover left("lefttest");
  const Leftover other("lefttest2");
  const std::string empty = OwnCgroup() + "/andiron-lefttest-99999998";
  std::filesystem::create_directory(empty);
  const CgroupRoot root("lefttest");
  EXPECT_THAT(root.KillLeftovers(), testing::ElementsAre("andiron-lefttest-99999999"));
  EXPECT_FALSE(left.alive());
  EXPECT_FALSE(left.has_directory());
  EXPECT_FALSE(std::filesystem::exists(empty)) << "and nothing was killed in it";
  EXPECT_TRUE(other.alive()) << "another worker's, whose name only begins alike";
}

// Runs in a process and a cgroup of its own. 0 = a child lives in its cgroup, 2 = it couldn't be tried.
int LaunchInAKilledCgroup(const std::string& cgroup) {
  std::ofstream(cgroup + "/cgroup.kill") << "1" << std::flush;  // nobody is in it yet
  std::ofstream(cgroup + "/cgroup.procs") << "0" << std::flush;
  const CgroupRoot root("killed");
  if (OwnCgroup() != cgroup || !root.available()) return 2;
  PoolSettings pool = FaultPool({"good"});
  const std::string path = root.ChildPath("pool/0.1");
  Launch launch(Launch::Kind::kStopCommand, {}, SpecOf(pool, environ), path, 0);
  std::vector<std::byte> stack(std::size_t{64} << 10);
  launch.Run(stack);
  const std::vector<pid_t> members = CgroupMembers(path);
  return launch.failure().empty() && members == std::vector{launch.pid()} ? 0 : 1;
}

// Somebody ends a worker by its unit's cgroup, and starts the next one there.
TEST(CgroupTest, WorkerStartsChildrenInACgroupThatHasBeenKilledBefore) {
  const std::string cgroup = OwnCgroup() + "/andiron-test-killed-before-" + std::to_string(getpid());
  if (!CgroupsUsable() || mkdir(cgroup.c_str(), 0755) != 0) GTEST_SKIP() << kNoCgroup;
  const pid_t worker = fork();
  if (worker == 0) _exit(LaunchInAKilledCgroup(cgroup));
  int status = 0;
  ASSERT_EQ(waitpid(worker, &status, 0), worker);
  EXPECT_TRUE(WaitUntil([&] { return rmdir(cgroup.c_str()) == 0; })) << "something is left in it";
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << kNoCgroup;
  EXPECT_EQ(WEXITSTATUS(status), 0) << "no child, or not in its cgroup";
}

TEST(CgroupTest, EmptyDirectoriesOfOtherDeadWorkersAreRemoved) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const std::string litter = OwnCgroup() + "/andiron-litter-99999999";
  std::filesystem::create_directory(litter);
  EXPECT_TRUE(CgroupRoot("cleaner").KillLeftovers().empty());
  EXPECT_FALSE(std::filesystem::exists(litter));
}

TEST(CgroupTest, LivingWorkersOfTheSameNameAreLeftAlone) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const CgroupRoot first("twin");
  {
    const CgroupRoot second("twin");
    EXPECT_NE(first.path(), second.path());
    EXPECT_TRUE(second.KillLeftovers().empty());
    EXPECT_TRUE(first.KillLeftovers().empty());
  }
  EXPECT_TRUE(std::filesystem::exists(first.path()));
}

TEST(CgroupTest, AWorkerWhosePidMeansNothingHereIsLeftAloneWhileItLives) {
  Shows("C11");
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const Leftover children("elsewhere");
  const CgroupRoot root("elsewhere");
  {
    const UniqueFd its_lock(open(children.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(flock(its_lock.get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_TRUE(root.KillLeftovers().empty());
    EXPECT_TRUE(children.alive());
  }
  EXPECT_EQ(root.KillLeftovers().size(), 1U);
  EXPECT_FALSE(children.alive());
}

TEST(CgroupTest, DirectoriesThatOnlyBeginLikeAWorkersAreNotOurs) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  for (const std::string name : {"andiron-unit.service", "andiron-a-b", "andiron-a-1-b", "andiron-a-", "andiron-1"}) {
    const std::string path = OwnCgroup() + "/" + name;
    std::filesystem::create_directory(path);
    EXPECT_TRUE(CgroupRoot("a").KillLeftovers().empty()) << name;
    EXPECT_TRUE(std::filesystem::remove(path)) << name;
  }
}

TEST(CgroupTest, NamesStayInTheirDirectory) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const CgroupRoot root("../evil name");
  EXPECT_THAT(root.path(), testing::HasSubstr("/andiron-.._evil_name-"));
  EXPECT_EQ(root.ChildPath("pool/3.7"), root.path() + "/pool_3.7");
  EXPECT_NE(root.ChildPath("a-b/3.7"), root.ChildPath("a_b/3.7")) << "each has its own";
}

}  // namespace
}  // namespace andiron
