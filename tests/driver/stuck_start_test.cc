// What hangs in the kernel: starts, before and after their children can be killed; and children that live on.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/support/loop.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "tests/support/stuck_program.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

// A cgroup of version 1 that holds its processes against SIGKILL.
class Freezer {
 public:
  Freezer() { made_ = mkdir(path_.c_str(), 0755) == 0; }
  ~Freezer() {
    if (!made_) return;
    Set("THAWED");
    EXPECT_TRUE(WaitUntil([&] { return rmdir(path_.c_str()) == 0; }));
  }
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;

  bool made() const { return made_; }
  void Hold(pid_t pid) {
    std::ofstream(path_ + "/tasks") << pid;
    Set("FROZEN");
  }
  void Set(const char* state) { std::ofstream(path_ + "/freezer.state") << state; }

 private:
  const std::string path_ = "/sys/fs/cgroup/freezer/andiron-test-" + std::to_string(getpid());
  bool made_ = false;
};

constexpr const char* kNoFreezer = "only the freezer of version 1 holds a process against SIGKILL";

// A child process that wasn't there before and sleeps: in its exec, where it never sleeps before. 0 = none.
pid_t NewAndAsleep(const std::vector<pid_t>& before) {
  for (const pid_t pid : ChildProcesses()) {
    const bool is_new = std::find(before.begin(), before.end(), pid) == before.end();
    if (is_new && (ProcessState(pid) == 'S' || ProcessState(pid) == 'D')) return pid;
  }
  return 0;
}

TEST(StuckStart, OfThreeSecondsHoldsUpNeitherTheLoopNorOtherPools) {
  Shows("A5", "R10", "R57");
  constexpr Duration kStuckFor = std::chrono::seconds(3);
  // For a slow machine; a hold-up would be one of three seconds.
  constexpr Duration kJobAtMost = std::chrono::seconds(1);
  Rig rig;
  StuckProgram program(Program("fault-child"));
  ASSERT_TRUE(program.stuck());
  WorkerSettings settings = SettingsOf(EchoPool());
  PoolSettings stuck = EchoPool();
  stuck.name = "stuck";
  stuck.command = {program.path(), "good"};
  settings.pools.push_back(stuck);
  rig.StartWorker(settings);
  const auto stuck_in = [&](SlotState state) { return rig.Pool(1).slots.at(static_cast<std::size_t>(state)) == 1; };
  ASSERT_TRUE(rig.RunUntil([&] { return stuck_in(SlotState::kStarting) && rig.Slots(SlotState::kIdle) == 1; }));
  Duration longest{};
  for (const TimePoint begin = Now(); Now() - begin < kStuckFor;) {
    const TimePoint submitted = Now();
    ASSERT_EQ(rig.RunJob({}).outcome, Outcome::kSucceeded);
    longest = std::max(longest, Now() - submitted);
  }
  EXPECT_LT(longest, kJobAtMost);
  EXPECT_TRUE(stuck_in(SlotState::kStarting));
  program.Release();
  EXPECT_TRUE(rig.RunUntil([&] { return stuck_in(SlotState::kIdle); }));
}

// The quarantine is full, and an exec hangs that can't be killed either: the pool's other slots go on.
TEST(StuckStart, ThatCannotBeKilledCostsItsOwnSlotAlone) {
  Shows("A5", "B9");
  Rig rig;
  ProgramLink link(Program("echo-child"));
  StuckProgram stuck(Program("echo-child"));
  ASSERT_TRUE(stuck.stuck());
  PoolSettings pool = EchoPool();
  pool.command = {link.path()};
  pool.warm = 3;
  pool.max_children = pool.max_starting = 4;
  pool.quarantine_max = 1;
  pool.max_jobs_per_child = 0;
  pool.init_timeout = std::chrono::seconds(1);
  pool.kill_grace = std::chrono::milliseconds(500);
  pool.breaker_failures = 0;
  pool.backoff_min = pool.backoff_max = std::chrono::milliseconds(50);
  Freezer freezer;
  if (!freezer.made()) GTEST_SKIP() << kNoFreezer;
  rig.StartWorker(SettingsOf(pool));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 3; }));

  const ChildStatus first = rig.Pool().children.at(0);
  freezer.Hold(first.pid);
  rig.worker().control().StopChild(first.child, true, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().quarantined == 1 && rig.Slots(SlotState::kIdle) == 3; }));

  link.PointTo(stuck.path());
  const std::vector<pid_t> before = ChildProcesses();
  ASSERT_EQ(kill(rig.Pool().children.at(0).pid, SIGKILL), 0);
  ASSERT_TRUE(rig.RunUntil([&] { return NewAndAsleep(before) != 0; }));
  freezer.Hold(NewAndAsleep(before));
  link.PointTo(Program("echo-child"));
  for (const ChildStatus& child : rig.Pool().children) {
    if (child.state == SlotState::kIdle) {
      EXPECT_EQ(kill(child.pid, SIGKILL), 0);
    }
  }
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 3 && rig.Pool().withheld == 1; }));

  freezer.Set("THAWED");
  stuck.Release();
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Pool().withheld == 0 && rig.Pool().quarantined == 0; }));
  rig.Stop(true);
}

// Its quarantine outlives the worker's last slot: neither the loop nor the process waits for it.
TEST(StuckChild, DoesNotKeepTheLoopOfAStoppedWorker) {
  Shows("B9");
  Rig rig;
  PoolSettings pool = EchoPool();
  pool.stop_grace = pool.kill_grace = std::chrono::milliseconds(300);
  Freezer freezer;
  if (!freezer.made()) GTEST_SKIP() << kNoFreezer;
  rig.StartWorker(SettingsOf(pool));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  freezer.Hold(rig.Pool().children.at(0).pid);
  ASSERT_TRUE(rig.Stop(true));
  EXPECT_EQ(rig.Pool().quarantined, 1);
  for (int turns = 0; turns < 10 && uv_loop_alive(rig.loop()) != 0; ++turns) uv_run(rig.loop(), UV_RUN_NOWAIT);
  EXPECT_EQ(uv_loop_alive(rig.loop()), 0);
  freezer.Set("THAWED");
  EXPECT_TRUE(rig.RunUntil([&] { return rig.worker().driver().live_children() == 0; }));
}

// A stop command runs on the same helper thread, and nobody waits for its end.
TEST(StuckStart, BehindAStopCommandThatCannotBeKilledGoesOn) {
  Shows("A5");
  Rig rig;
  StuckProgram stuck(Program("echo-child"));
  ASSERT_TRUE(stuck.stuck());
  PoolSettings pool = EchoPool();
  pool.stop_command = {stuck.path()};
  pool.init_timeout = std::chrono::seconds(1);
  pool.stop_grace = pool.kill_grace = std::chrono::milliseconds(500);
  pool.breaker_failures = 0;
  pool.backoff_min = pool.backoff_max = std::chrono::milliseconds(50);
  Freezer freezer;
  if (!freezer.made()) GTEST_SKIP() << kNoFreezer;
  rig.StartWorker(SettingsOf(pool));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));

  const std::vector<pid_t> before = ChildProcesses();
  rig.worker().control().StopChild({0, 0, 1}, false, {});
  ASSERT_TRUE(rig.RunUntil([&] { return NewAndAsleep(before) != 0; }));
  freezer.Hold(NewAndAsleep(before));
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1 && rig.Pool().spawned == 2; }))
      << rig.worker().StatusJson();

  freezer.Set("THAWED");
  stuck.Release();
  rig.Stop(true);
}

}  // namespace
}  // namespace andiron
