// The wall clock jumps by hours and years, each time that it is read. Only texts may notice.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "worker/base/unique_fd.h"

namespace {

constexpr long kHour = 3600;
constexpr long kYear = 365L * 24 * kHour;
std::atomic<int> wall_clock_reads{0};

}  // namespace

// In the place of the C library's, for this program and all libraries in it.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    constexpr std::array<long, 5> kJumps = {kHour, -kHour, 10 * kYear, -10 * kYear, 0};
    time->tv_sec += kJumps[static_cast<std::size_t>(wall_clock_reads++) % kJumps.size()];
  }
  return static_cast<int>(result);
}

namespace andiron {
namespace {

TEST(WallClock, ThatJumpsEndsNothing) {
  Shows("C6");
  PoolSettings pool = EchoPool();
  pool.ping_interval = 20ms;
  pool.ping_timeout = 10s;
  pool.start_by = 1h;
  pool.run_for = 1h;
  WorkerSettings settings = SettingsOf(pool);
  settings.log_level = LogLevel::kDebug;  // every line has its time
  const UniqueFd nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  Rig rig;
  rig.StartWorker(settings, nowhere.get());
  for (int job = 0; job < 20; ++job) {
    const JobReport report = rig.RunJob({.payload = "x"});
    EXPECT_EQ(report.outcome, Outcome::kSucceeded) << report.error;
    EXPECT_LT(report.queued + report.ran, 1h);
  }
  EXPECT_TRUE(rig.worker().driver().deaths().empty());
  EXPECT_EQ(rig.Pool().spawned, 1);
  EXPECT_GT(wall_clock_reads.load(), 20);
}

// Deadlines come when they should, neither at once nor years later.
TEST(WallClock, ThatJumpsMovesNoDeadline) {
  Shows("C6");
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  const JobReport report = rig.RunJob({.run_for = 300ms});
  EXPECT_EQ(report.outcome, Outcome::kTimedOut) << report.error;
  EXPECT_GE(report.ran, 300ms);
  EXPECT_LT(report.ran, kTestDeadline);
  rig.worker().Submit({.pool = "echo"}, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().running == 1; }));
  EXPECT_EQ(rig.RunJob({.start_by = 200ms}).outcome, Outcome::kQueueTimeout);
}

}  // namespace
}  // namespace andiron
