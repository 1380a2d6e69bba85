// A worker's whole life while its system calls fail: nothing crashes or leaks, each job has one end, and the pool
// heals.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/injection/calls.h"
#include "tests/injection/cases.h"
#include "tests/support/process_table.h"
#include "worker/base/unique_fd.h"
#include "worker/children/cgroup.h"

namespace andiron::injection {
namespace {

// How long a fault that persists is left alone with the worker.
constexpr Duration kSiege = std::chrono::milliseconds(200);
// A worker that heals does so in a few tries.
constexpr int kTries = 5;

// What fails is tried again soon; what never answers is given up soon.
PoolSettings HastyPool() {
  PoolSettings pool = EchoPool();
  pool.warm = 1;
  pool.max_children = 2;
  pool.max_jobs_per_child = 1;
  pool.stop_command = {"/bin/sh", "-c", "kill -TERM $ANDIRON_STOP_PID"};
  pool.init_timeout = 3s;
  pool.ack_timeout = 2s;
  pool.frame_timeout = pool.write_timeout = 1s;
  pool.stop_grace = pool.kill_grace = 500ms;
  pool.exit_drain = 100ms;
  pool.cancel_grace = 200ms;
  pool.start_by = 20s;
  pool.run_for = 5s;
  pool.backoff_min = 5ms;
  pool.backoff_max = 20ms;
  pool.breaker_failures = 3;
  pool.breaker_probe = 20ms;
  return pool;
}

// A worker that starts, runs jobs, loses a child, replaces it, drains and stops, while `fault` happens to it.
class Life {
 public:
  explicit Life(bool besieged, bool in_a_cgroup = false)
      : besieged_(besieged), in_a_cgroup_(in_a_cgroup), log_(open("/dev/null", O_WRONLY | O_CLOEXEC)) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }

  void Run() {
    PoolSettings hasty = HastyPool();
    if (in_a_cgroup_) hasty.memory_limit = std::int64_t{4} << 30;  // looked after, and never reached
    WorkerSettings settings = SettingsOf(hasty);
    settings.log_level = LogLevel::kDebug;
    rig_.StartWorker(settings, log_.get(), in_a_cgroup_);
    Until([&] { return Idle(); });
    Submit("first");
    Until([&] { return Told("first"); });
    Until([&] { return Idle(); });
    LoseAChild();
    Submit("second");
    const JobHandle third = Submit("third");
    rig_.worker().Cancel(third);
    Until([&] { return Told("second") && Told("third"); });
    if (besieged_) Disarm();
    Heal();
    EXPECT_TRUE(rig_.RunUntil([&] { return Told("first") && Told("second") && Told("third"); }));
    EXPECT_TRUE(rig_.Stop(false)) << rig_.worker().StatusJson();
    // Whatever else a turn could still say twice.
    for (int turn = 0; turn < 3; ++turn) uv_run(rig_.loop(), UV_RUN_NOWAIT);
    for (const auto& [id, count] : told_) EXPECT_EQ(count, 1) << id;
    const PoolStatus pool = rig_.Pool();
    std::int64_t ends = 0;
    for (const std::int64_t outcomes : pool.outcomes) ends += outcomes;
    EXPECT_EQ(pool.accepted, ends);
    EXPECT_EQ(pool.contained, 0);
  }

 private:
  bool Idle() { return rig_.Slots(SlotState::kIdle) > 0; }
  bool Told(const std::string& id) const { return told_.contains(id); }

  // A fault that persists may keep it from coming true; one that happens once may not.
  void Until(const std::function<bool()>& condition) {
    const bool came = rig_.RunUntil(condition, besieged_ ? kSiege : kTestDeadline);
    EXPECT_TRUE(came || besieged_) << rig_.worker().StatusJson();
  }

  JobHandle Submit(const std::string& id) {
    return rig_.worker().Submit({.pool = "echo", .id = id, .payload = "x"},
                                [this, id](const JobReport&) { ++told_[id]; });
  }

  void LoseAChild() {
    const std::int64_t exited = rig_.Pool().exited;
    for (const ChildStatus& child : rig_.Pool().children) {
      if (child.state != SlotState::kIdle || kill(child.pid, SIGKILL) != 0) continue;
      return Until([&] { return rig_.Pool().exited > exited && Idle(); });
    }
  }

  // The fault may still be to come: then a job or two pay for it.
  void Heal() {
    JobReport report;
    for (int i = 0; i < kTries; ++i) {
      ASSERT_TRUE(rig_.RunUntil([&] { return Idle(); })) << rig_.worker().StatusJson();
      report = rig_.RunJob({.payload = "healed"});
      if (!report.refused && report.outcome == Outcome::kSucceeded) break;
    }
    EXPECT_FALSE(report.refused);
    EXPECT_EQ(report.outcome, Outcome::kSucceeded) << report.error;
    EXPECT_EQ(report.output, "healed");
  }

  const bool besieged_;
  const bool in_a_cgroup_;
  const UniqueFd log_;
  std::map<std::string, int> told_;
  Rig rig_;
};

using Counts = std::array<int, kCalls>;

// The directories of workers of that name in our cgroup.
std::vector<std::string> LeftoversOf(std::string_view worker) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(OwnCgroup())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("andiron-" + std::string(worker) + "-" + std::to_string(getpid()))) found.push_back(name);
  }
  return found;
}

// How often a life makes each call when nothing fails.
Counts CountALife(bool in_a_cgroup) {
  Counts made{};
  {
    Life life(false, in_a_cgroup);
    CountOnly();
    life.Run();
  }
  for (const Site& site : Sites()) made.at(static_cast<std::size_t>(site.call)) = Count(site.call);
  return made;
}

int CountInALife(Call call, bool in_a_cgroup) {
  static const Counts outside = CountALife(false);
  static const Counts inside = CountALife(true);
  return (in_a_cgroup ? inside : outside).at(static_cast<std::size_t>(call));
}

void FailInALife(const Site& site, bool in_a_cgroup) {
  const int made = CountInALife(site.call, in_a_cgroup);
  ASSERT_GT(made, 0) << "the run never makes this call";
  int happened = 0;
  const std::vector<Fault> cases = CasesOf(site, made);
  for (const Fault& fault : cases) {
    SCOPED_TRACE(Name(fault));
    {
      Life life(fault.persists, in_a_cgroup);
      Arm(fault);
      life.Run();
    }
    happened += Happened() > 0 ? 1 : 0;
    Disarm();
    if (testing::Test::HasFailure()) return;
  }
  // The last one of a run may not come in the next.
  EXPECT_GE(happened, static_cast<int>(cases.size()) / 2);
}

class DriverInjection : public testing::TestWithParam<Site> {};

TEST_P(DriverInjection, NothingIsLostOrLeakedAndThePoolHeals) { FailInALife(GetParam(), false); }

std::vector<Site> WorkersSites() {
  std::vector<Site> sites;
  for (const Site& site : Sites()) {
    if (site.call < Call::kPidfdOpen && site.call != Call::kCloneInto) sites.push_back(site);  // no cgroup there
  }
  return sites;
}

INSTANTIATE_TEST_SUITE_P(Calls, DriverInjection, testing::ValuesIn(WorkersSites()),
                         [](const auto& site) { return std::string(site.param.name); });

// What a cgroup takes beside that: a directory for each child, files of it, the way into it.
class CgroupInjection : public testing::TestWithParam<Call> {};

TEST_P(CgroupInjection, NothingIsLostOrLeakedAndThePoolHeals) {
  if (!CgroupRoot("probe").available()) GTEST_SKIP() << "no cgroup here that this user may write to";
  FailInALife(Sites().at(static_cast<std::size_t>(GetParam())), true);
  EXPECT_EQ(LeftoversOf("test"), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Calls, CgroupInjection,
                         testing::Values(Call::kCloneInto, Call::kOpen, Call::kMkdir, Call::kOpendir),
                         [](const auto& call) {
                           return std::string(Sites().at(static_cast<std::size_t>(call.param)).name);
                         });

// ---- a worker that has none left of something, from the middle of its life to its end ----

class Exhaustion : public testing::TestWithParam<Call> {};

TEST_P(Exhaustion, WorkerStillStopsAndLeavesNothing) {
  const Site& site = Sites().at(static_cast<std::size_t>(GetParam()));
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  CountOnly();
  {
    Rig rig(HastyPool());
    ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
    Arm({site.call, 1, site.errors.front(), true});
    std::vector<JobReport> reports;
    rig.worker().Submit({.pool = "echo"}, [&](const JobReport& report) { reports.push_back(report); });
    ASSERT_TRUE(rig.RunUntil([&] { return !reports.empty(); }));
    rig.RunUntil([] { return Happened() >= 3; }, kSiege);
    EXPECT_TRUE(rig.Stop(false)) << rig.worker().StatusJson();
    EXPECT_EQ(reports.size(), 1U);
  }
  EXPECT_GT(Happened(), 0);
  Disarm();
}

INSTANTIATE_TEST_SUITE_P(Calls, Exhaustion,
                         testing::Values(Call::kClone, Call::kSocketpair, Call::kPipe2, Call::kFcntl, Call::kOpen,
                                         Call::kPollInit),
                         [](const auto& call) {
                           return std::string(Sites().at(static_cast<std::size_t>(call.param)).name);
                         });

// ---- what must not matter ----

// C6: all deadlines are the monotonic clock's; the wall clock is text for people.
TEST(WallClock, JumpsOfYearsChangeNothing) {
  JumpWallClock(true);
  Life(false).Run();
  JumpWallClock(false);
}

// ---- what a single failure must not cost ----

// A signal that arrives (another child's death, say) cuts a wait short, and a machine that stands still uses it up:
// neither leaves a zombie.
TEST(Reaping, InterruptedWaitIsTakenUpAgain) {
  PoolSettings pool = HastyPool();
  pool.warm = 2;
  for (const int error : {EINTR, ETIMEDOUT}) {
    for (int occurrence = 1; occurrence <= 2; ++occurrence) {
      Rig rig(pool);
      ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 2; }));
      Arm({Call::kPoll, occurrence, error, false});
      rig.owned_worker().reset();
      EXPECT_EQ(Happened(), 1);
      Disarm();
      EXPECT_TRUE(OwnProcesses().empty()) << "not reaped";
    }
  }
}

TEST(Reaping, StartThatFailedIsReapedThoughASignalArrives) {
  PoolSettings pool = HastyPool();
  pool.command = {"/dev/null"};
  Rig rig;
  Arm({Call::kWaitid, 1, EINTR, false});
  rig.StartWorker(SettingsOf(pool));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().breaker == BreakerState::kOpen; }));
  EXPECT_EQ(Happened(), 1);
  Disarm();
  EXPECT_TRUE(rig.Stop(true));
}

// What a child has left behind is found in /proc. When that can't be read for the lack of a descriptor, the next look
// comes by itself, not with the next death.
TEST(Sweep, LookThatFailsIsRepeated) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  PoolSettings pool = HastyPool();
  pool.name = "swept";  // no other program's children have its mark
  pool.command = {Program("fault-child"), "escapee"};
  pool.warm = 1;
  pool.max_children = 1;
  pool.max_jobs_per_child = 0;
  pool.stop_command.clear();
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  const int child = rig.Pool().children.at(0).pid;
  // The escapee is a child of ours from the moment in which its parent has ended.
  // By its pid: later children's names begin like the first one's.
  pid_t escapee = 0;
  ASSERT_TRUE(Rig::Stall([&] {
    for (const pid_t marked : ProcessesMarked("swept/0.1")) escapee = marked == child ? escapee : marked;
    return escapee != 0;
  }));
  Arm({Call::kOpen, 1, EMFILE, true});
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().exited == 1; }));
  rig.RunUntil([] { return false; }, kSiege);
  Disarm();
  EXPECT_TRUE(rig.RunUntil([&] { return !ProcessExists(escapee); }));
}

}  // namespace
}  // namespace andiron::injection
