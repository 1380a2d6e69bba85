// Our own loop stalls: between a decision and its deed, or together with its children.
#include <absl/cleanup/cleanup.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "tests/driver/obstacle.h"
#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"

namespace andiron {
namespace {

int PidOf(Rig& rig, std::size_t pool) { return rig.Pool(pool).children.at(0).pid; }

TEST(Stall, AChildHasItsTimeFromWhenTheJobIsSentAndNotFromWhenItIsDecided) {
  Shows("C4", "C5");
  PoolSettings pool = EchoPool();
  pool.ack_timeout = 1500ms;
  Rig rig(pool, 0s);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  Obstacle source(2 * pool.ack_timeout);
  JobDesk& desk = rig.worker().desk();
  desk.Join(source);
  desk.Submit(source, EchoJob("late"));
  ASSERT_TRUE(rig.RunUntil([&] { return !source.ended.empty(); }));
  EXPECT_EQ(source.ended, "SUCCEEDED");
  EXPECT_EQ(source.generation, 1U);
  EXPECT_TRUE(rig.worker().driver().deaths().empty()) << rig.worker().StatusJson();
  desk.Leave(source);
}

// It had stopped before the loop stalled, and goes on in the middle of the stall: the kernel has said both when the
// verdict falls.
TEST(Stall, AChildThatGoesOnMeanwhileIsNotTakenForHalted) {
  Shows("C4");
  // As the command does: then the kernel tells of stops and continuations.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const absl::Cleanup as_before = [] { prctl(PR_SET_CHILD_SUBREAPER, 0); };
  PoolSettings pool = EchoPool();
  pool.ping_interval = 3600s;
  pool.ping_timeout = 1s;
  Rig rig(pool, 0s);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().capacity == 1; }));
  const int pid = PidOf(rig, 0);
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().capacity == 0; }));
  const TimePoint over = Now() + 2 * pool.ping_timeout;
  ASSERT_TRUE(Rig::Stall([&] { return Now() > over; }));
  // The kernel knows at once, and the child has said nothing of it yet.
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Pool().capacity == 1; }));
  EXPECT_TRUE(rig.worker().driver().deaths().empty()) << rig.worker().StatusJson();
}

PoolSettings SlowPool() {
  PoolSettings pool = EchoPool({"--prewarm-ms", "200"});
  pool.init_timeout = 1500ms;
  return pool;
}

// Long, so that a machine that stands still for a moment, too, fails no test of it.
constexpr Duration kLongGrace = 10s;

// As in a container that was paused, where it runs again a moment after the loop does.
void SlowChildGetsReady(Rig& rig, std::size_t pool) {
  int pid = PidOf(rig, pool);
  UvHandle<uv_timer_t> timer;
  ASSERT_EQ(timer.Init(&pid, [&](uv_timer_t* handle) { return uv_timer_init(rig.loop(), handle); }), 0);
  uv_update_time(rig.loop());
  uv_timer_start(timer.get(), [](uv_timer_t* handle) { kill(*static_cast<int*>(handle->data), SIGCONT); }, 100, 0);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool(pool).slots[static_cast<std::size_t>(SlotState::kStarting)] == 0; }));
  EXPECT_EQ(rig.Pool(pool).initialize[static_cast<std::size_t>(InitializeEnd::kReady)], 1) << rig.worker().StatusJson();
  EXPECT_EQ(rig.Pool(pool).spawned, 1);
}

TEST(Stall, AChildThatWasStoppedWithTheLoopHasTimeToSpeak) {
  Shows("C7");
  Rig rig(SlowPool(), kLongGrace);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().spawned == 1; }));
  ASSERT_EQ(kill(PidOf(rig, 0), SIGSTOP), 0);
  // The loop is to come back 300 ms after the deadline.
  const TimePoint over = Now() + SlowPool().init_timeout + 300ms;
  Rig::Stall([&] { return Now() > over; });
  SlowChildGetsReady(rig, 0);
}

TEST(Stall, AChildThatWasStoppedInTheMiddleOfATurnHasTimeToSpeak) {
  Shows("C7");
  WorkerSettings settings = SettingsOf(EchoPool());
  settings.pools.push_back(SlowPool());
  settings.pools[1].name = "slow";
  settings.pools[1].warm = 0;
  Rig rig(settings, kLongGrace);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  rig.worker().Submit({.pool = "slow"}, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool(1).spawned == 1; }));
  ASSERT_EQ(kill(PidOf(rig, 1), SIGSTOP), 0);
  Obstacle source(SlowPool().init_timeout + 300ms);
  JobDesk& desk = rig.worker().desk();
  desk.Join(source);
  desk.Submit(source, EchoJob("late"));
  ASSERT_TRUE(rig.RunUntil([&] { return source.accepted; }));
  SlowChildGetsReady(rig, 1);
  desk.Leave(source);
}

// An operator who finds children dead and jobs late is told why.
TEST(Stall, IsToldInTheLogAndShownInTheStatus) {
  Shows("C5");
  const UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  ASSERT_TRUE(file);
  PoolSettings pool = EchoPool();
  pool.ping_interval = 3600s;  // a deadline, and a far one
  Rig rig;
  WorkerSettings settings = SettingsOf(pool);
  settings.log_level = LogLevel::kWarn;
  rig.StartWorker(settings, file.get());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  const TimePoint over = Now() + 2s;
  Rig::Stall([&] { return Now() > over; });
  std::string log(4096, 0);
  ASSERT_TRUE(rig.RunUntil([&] {
    const ssize_t size = pread(file.get(), log.data(), log.size(), 0);
    return size > 0 && log.find("stood still for") != std::string::npos;
  }));
  const std::string status = rig.worker().StatusJson();
  const std::string_view lag = "\"loop_lag_ms\":";
  EXPECT_GE(std::strtod(status.c_str() + status.find(lag) + lag.size(), nullptr), 1000) << status;
}

// One grace, not more: a child that says nothing is ended, however often the loop stalls.
TEST(Stall, AChildThatStaysSilentIsEndedByALoopThatStallsAgainAndAgain) {
  Shows("C5");
  PoolSettings pool = EchoPool({"--prewarm-ms", "600000"});
  pool.init_timeout = 500ms;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().spawned == 1; }));
  constexpr int kMany = 8;
  int stalls = 0;
  while (rig.Pool().exited == 0 && stalls < kMany) {
    ++stalls;
    const TimePoint over = Now() + pool.init_timeout + 300ms;
    Rig::Stall([&] { return Now() > over; });
    for (int turn = 0; turn < 20; ++turn) uv_run(rig.loop(), UV_RUN_NOWAIT);
  }
  EXPECT_LT(stalls, kMany);
  EXPECT_EQ(rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kTimedOut)], 1);
}

// Each job's end begins the next one, and each beginning takes 300 ms: no turn is short.
TEST(Stall, AChildThatStaysSilentIsEndedByALoopWhoseTurnsTakeLong) {
  Shows("C5");
  Rig rig;
  WorkerSettings settings = SettingsOf(EchoPool());
  settings.pools.push_back(EchoPool({"--prewarm-ms", "600000"}));
  settings.pools[1].name = "silent";
  settings.pools[1].init_timeout = 5s;
  rig.StartWorker(settings);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1 && rig.Pool(1).spawned == 1; }));
  Obstacle source(300ms);
  JobDesk& desk = rig.worker().desk();
  desk.Join(source);
  const auto next = [&] { desk.Submit(source, EchoJob("late")); };
  source.at_end = next;
  next();
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Pool(1).exited > 0; })) << rig.worker().StatusJson();
  source.at_end = nullptr;
  ASSERT_TRUE(rig.RunUntil([&] { return desk.unfinished() == 0; }));
  desk.Leave(source);
}

}  // namespace
}  // namespace andiron
