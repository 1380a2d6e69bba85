// Processes that are killed or stopped before their first step, when all that they share with the worker is the memory.
#include <absl/cleanup/cleanup.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "tests/driver/rig.h"
#include "tests/injection/calls.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/children/cgroup.h"

namespace andiron::injection {
namespace {

// It has said nothing of itself, and is a process all the same: its end is told, and it is reaped.
TEST(StillbornChild, IsToldAsADeathAndReaped) {
  Shows("A6");
  Rig rig;
  KillNextAtBirth();
  rig.StartWorker(SettingsOf(EchoPool()));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().exited == 1; })) << rig.worker().StatusJson();
  EXPECT_EQ(rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kExited)], 1);
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  EXPECT_TRUE(Zombies().empty());
  EXPECT_TRUE(rig.Stop(true));
}

class HaltedAtBirth : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !CgroupRoot("usable").available()) GTEST_SKIP() << "no cgroup here that this user may write to";
  }
  void TearDown() override {
    BeforeClone({});
    // Where a test has failed: the sanitizers' last look waits for each thread, and one waits for such a process.
    for (const int pid : OwnProcesses()) kill(pid, SIGKILL);
  }

  static void Start(Rig& rig, PoolSettings pool) {
    pool.warm = pool.max_children = 1;
    pool.breaker_failures = 0;
    pool.backoff_min = pool.backoff_max = std::chrono::milliseconds(10);
    rig.StartWorker(SettingsOf(std::move(pool)), 2, GetParam());
  }
  // A child is idle, it is the only process, and nothing is held back for another.
  static bool Healed(Rig& rig) {
    return rig.Slots(SlotState::kIdle) == 1 && rig.Pool().quarantined == 0 && OwnProcesses().size() == 1;
  }
};

TEST_P(HaltedAtBirth, ChildIsKilledAtItsTimeout) {
  Shows("A5", "A7");
  Rig rig;
  HaltNextAtBirth();
  PoolSettings pool = EchoPool();
  pool.init_timeout = std::chrono::milliseconds(300);
  Start(rig, pool);
  ASSERT_TRUE(rig.RunUntil([&] { return Healed(rig) && rig.Pool().exited == 1; })) << rig.worker().StatusJson();
  EXPECT_EQ(rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kTimedOut)], 1);
  EXPECT_EQ(rig.Pool().spawned, 2);
  EXPECT_TRUE(rig.Stop(true));
}

// The kill finds no process yet; the process, stopped, never finds out that it isn't wanted.
TEST_P(HaltedAtBirth, ChildThatWasKilledJustBeforeIsKilledAgain) {
  Shows("A5", "A15");
  std::atomic<bool> about_to_clone = false;
  std::atomic<bool> killed = false;
  Rig rig;
  BeforeClone([&] {
    about_to_clone = true;
    Rig::Stall([&] { return killed.load(); });
  });
  HaltNextAtBirth();
  PoolSettings pool = EchoPool();
  pool.kill_grace = std::chrono::seconds(2);
  Start(rig, pool);
  ASSERT_TRUE(rig.RunUntil([&] { return about_to_clone.load(); }));
  rig.worker().control().StopChild({0, 0, 1}, true, {});
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kDying) == 1; }));
  killed = true;
  EXPECT_TRUE(rig.RunUntil([&] { return Healed(rig); })) << rig.worker().StatusJson();
  EXPECT_TRUE(rig.Stop(true));
}

// Whoever had stopped it kills it: where another process is made instead, that one isn't stopped.
TEST_P(HaltedAtBirth, SuccessorOfAProcessThatDiedSoIsNotTakenForHalted) {
  Shows("B7");
  // As the command does: then the kernel tells of stops.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const absl::Cleanup as_before = [] { prctl(PR_SET_CHILD_SUBREAPER, 0); };
  Rig rig;
  HaltNextAtBirth();
  Start(rig, EchoPool());
  const auto stopped = [] { return OwnProcesses().size() == 1 && ProcessState(OwnProcesses()[0]) == 'T'; };
  ASSERT_TRUE(rig.RunUntil(stopped));
  const TimePoint heard = Now() + std::chrono::milliseconds(200);
  ASSERT_TRUE(rig.RunUntil([&] { return Now() > heard; }));
  ASSERT_EQ(kill(OwnProcesses()[0], SIGKILL), 0);
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Pool().capacity == 1; }, std::chrono::seconds(5)))
      << rig.worker().StatusJson();
  EXPECT_TRUE(rig.Stop(true));
}

INSTANTIATE_TEST_SUITE_P(Ways, HaltedAtBirth, testing::Bool(),
                         [](const auto& values) { return values.param ? "IntoACgroup" : "Plain"; });

}  // namespace
}  // namespace andiron::injection
