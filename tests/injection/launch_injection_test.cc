// Places and processes for children, when the kernel refuses a part of them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/injection/calls.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/base/unique_fd.h"
#include "worker/children/cgroup.h"
#include "worker/children/launch.h"

namespace andiron::injection {
namespace {

class FailedClone : public testing::Test {
 protected:
  void SetUp() override { Arm({Call::kClone, 1, EAGAIN, false}); }
  void TearDown() override {
    Disarm();
    AtFailedClone({});
  }

  void Run() {
    std::vector<std::byte> stack(std::size_t{64} << 10);
    launch_->Run(stack);
    EXPECT_THAT(launch_->failure(), testing::HasSubstr("clone"));
    EXPECT_EQ(launch_->pid(), 0);
  }

  std::unique_ptr<Launch> launch_ =
      std::make_unique<Launch>(Launch::Kind::kChild, ChildId{}, SpecOf(EchoPool(), environ), "", 0);
};

TEST_F(FailedClone, DescriptorThatHasItsNumberNowStaysOpen) {
  Shows("A3");
  int number = -1;
  AtFailedClone([&](const int* pidfd) { number = *pidfd; });
  Run();
  ASSERT_GT(number, STDERR_FILENO);
  const UniqueFd successor(dup2(STDERR_FILENO, number));
  launch_.reset();
  EXPECT_NE(fcntl(successor.get(), F_GETFD), -1);
}

TEST_F(FailedClone, CancelKillsNobodyElse) {
  const pid_t other = fork();
  if (other == 0) {
    for (;;) pause();
  }
  const UniqueFd others(static_cast<int>(syscall(SYS_pidfd_open, other, 0)));
  AtFailedClone([&](int* pidfd) {
    *pidfd = others.get();
    launch_->Cancel();
  });
  Run();
  launch_.reset();
  // The first signal that ends it is the one that it dies of.
  kill(other, SIGTERM);
  int status = 0;
  ASSERT_EQ(waitpid(other, &status, 0), other);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

// ---- a process in its cgroup, by whichever way the kernel allows ----

constexpr char kNoCgroup[] = "no cgroup here that this user may write to";

class WayIntoTheCgroup : public testing::Test {
 protected:
  void TearDown() override {
    Disarm();
    launch_.reset();
    EXPECT_TRUE(path_.empty() || RemoveCgroup(path_));
  }

  bool HasCgroup() const { return root_.available(); }

  void Run() {
    path_ = root_.ChildPath("echo/0.1");
    launch_ = std::make_unique<Launch>(Launch::Kind::kStopCommand, ChildId{}, SpecOf(Sleeper(), environ), path_, 0);
    std::vector<std::byte> stack(std::size_t{64} << 10);
    launch_->Run(stack);
  }

  void ExpectInside() {
    EXPECT_EQ(launch_->failure(), "");
    EXPECT_EQ(launch_->cgroup_failure(), "");
    EXPECT_THAT(CgroupMembers(path_), testing::ElementsAre(launch_->pid()));
  }

  static PoolSettings Sleeper() {
    PoolSettings pool = EchoPool();
    pool.command = {"sleep", "600"};
    return pool;
  }

  CgroupRoot root_{"way"};
  std::string path_;
  std::unique_ptr<Launch> launch_;
};

#ifdef __x86_64__
TEST_F(WayIntoTheCgroup, IsTheOneOfTheKernelWhereItHasOne) {
  if (!HasCgroup()) GTEST_SKIP() << kNoCgroup;
  if (syscall(SYS_clone3, nullptr, 0) != -1 || errno != EINVAL) GTEST_SKIP() << "no clone3 here: " << errno;
  const int before = ClonesInto();
  Run();
  ExpectInside();
  EXPECT_EQ(ClonesInto(), before + 1);
}
#endif

TEST_F(WayIntoTheCgroup, IsItsOwnStepWhereTheOtherIsRefused) {
  Shows("C12");
  if (!HasCgroup()) GTEST_SKIP() << kNoCgroup;
  for (const int error : Sites().at(static_cast<std::size_t>(Call::kCloneInto)).errors) {
    SCOPED_TRACE(std::strerror(error));
    Arm({Call::kCloneInto, 1, error, false});
    Run();
    EXPECT_EQ(Happened(), 1);
    ExpectInside();
    launch_.reset();
  }
}

TEST_F(WayIntoTheCgroup, IsMissedAndSaidSoWhereThereIsNone) {
  if (!HasCgroup()) GTEST_SKIP() << kNoCgroup;
  AtFailedClone([&](int*) { EXPECT_TRUE(RemoveCgroup(path_)); });
  Arm({Call::kCloneInto, 1, ENODEV, false});
  Run();
  AtFailedClone({});
  EXPECT_EQ(launch_->failure(), "");
  EXPECT_GT(launch_->pid(), 0) << "it runs all the same";
  EXPECT_EQ(launch_->cgroup_failure(), path_ + ": No such file or directory");
}

TEST_F(WayIntoTheCgroup, IsNotLookedForWhereThereIsNoRoomForAProcess) {
  Shows("A3");
  if (!HasCgroup()) GTEST_SKIP() << kNoCgroup;
  Arm({Call::kClone, 1, EAGAIN, false});
  Run();
  EXPECT_THAT(launch_->failure(), testing::HasSubstr("clone"));
  EXPECT_EQ(Count(Call::kClone), 1);
  EXPECT_THAT(CgroupMembers(path_), testing::IsEmpty());
}

TEST(CgroupDirectory, ThatCannotBeLockedIsNotLeftBehind) {
  const std::string parent = OwnCgroup();
  if (!CgroupRoot("unlocked").available()) GTEST_SKIP() << kNoCgroup;
  CountOnly();
  static_cast<void>(OwnCgroup());
  // The next descriptor that it opens is that of the directory which it has just made.
  Arm({Call::kOpen, Count(Call::kOpen) + 1, EMFILE, true});
  const bool available = CgroupRoot("unlocked").available();
  Disarm();
  EXPECT_FALSE(available);
  for (const auto& entry : std::filesystem::directory_iterator(parent)) {
    EXPECT_THAT(entry.path().filename().string(), testing::Not(testing::StartsWith("andiron-unlocked-")));
  }
}

TEST(CgroupDirectory, ThatAnotherWorkerRemovesWhileItIsMadeIsMadeUnderAnotherName) {
  if (!CgroupRoot("removed").available()) GTEST_SKIP() << kNoCgroup;
  CountOnly();
  static_cast<void>(OwnCgroup());
  Arm({Call::kOpen, Count(Call::kOpen) + 1, ENOENT, false});
  const CgroupRoot root("removed");
  EXPECT_EQ(Happened(), 1);
  Disarm();
  EXPECT_TRUE(root.available());
  // The wrapper only says that it is gone.
  rmdir((OwnCgroup() + "/andiron-removed-" + std::to_string(getpid())).c_str());
}

// What the worker's cgroup holds: a directory for each child.
int ChildDirectories() {
  const std::string path = OwnCgroup() + "/andiron-test-" + std::to_string(getpid());
  const std::filesystem::directory_iterator entries(path);
  return static_cast<int>(
      std::count_if(begin(entries), end(entries), [](const auto& entry) { return entry.is_directory(); }));
}

class ChildsCgroup : public testing::Test {
 protected:
  static bool HasCgroup() { return CgroupRoot("usable").available(); }
  static void Start(Rig& rig, PoolSettings pool) {
    pool.breaker_failures = 0;
    pool.backoff_min = pool.backoff_max = std::chrono::milliseconds(10);
    rig.StartWorker(SettingsOf(std::move(pool)), 2, /*allow_cgroup=*/true);
    ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  }
};

TEST_F(ChildsCgroup, IsRemovedWithAStartThatCannotBeWatched) {
  Shows("C12");
  if (!HasCgroup()) GTEST_SKIP() << kNoCgroup;
  Rig rig;
  Start(rig, EchoPool());
  Arm({Call::kPollInit, 1, -ENOMEM, true});
  rig.worker().control().StopChild({0, 0, 1}, true, {});
  ASSERT_TRUE(
      rig.RunUntil([&] { return rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kSpawnFailed)] >= 5; }));
  Disarm();
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1 && ChildDirectories() == 1; }))
      << ChildDirectories();
  EXPECT_THAT(rig.worker().driver().deaths().back().summary,
              testing::HasSubstr("could not be started: watch its descriptors"));
  EXPECT_TRUE(rig.Stop(true));
}

TEST_F(ChildsCgroup, IsKilledAgainWhereTheFirstKillHadNoDescriptor) {
  Shows("B11");
  if (!HasCgroup()) GTEST_SKIP() << kNoCgroup;
  PoolSettings pool = EchoPool();
  pool.command = {Program("fault-child"), "escapee"};
  Rig rig;
  Start(rig, pool);
  const std::string path = OwnCgroup() + "/andiron-test-" + std::to_string(getpid()) + "/echo_0.1";
  ASSERT_TRUE(rig.RunUntil([&] { return CgroupMembers(path).size() == 2; }));
  Arm({Call::kOpen, 1, EMFILE, true});
  rig.worker().control().StopChild({0, 0, 1}, true, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().exited == 1; }));
  Disarm();
  EXPECT_TRUE(rig.RunUntil([&] { return !std::filesystem::exists(path); })) << CgroupMembers(path).size();
  EXPECT_TRUE(rig.Stop(true));
}

}  // namespace
}  // namespace andiron::injection
