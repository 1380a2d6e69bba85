#include "worker/driver/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/driver/obstacle.h"
#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/base/unique_fd.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;

TEST(Driver, JobComesBackWithItsResult) {
  Rig rig(EchoPool());
  const JobReport report = rig.RunJob({.id = "first", .payload = "hello"});
  EXPECT_EQ(report.outcome, Outcome::kSucceeded) << report.error;
  EXPECT_EQ(report.id, "first");
  EXPECT_EQ(report.output, "hello");
  EXPECT_EQ(report.error, "");
  EXPECT_THAT(report.child, HasSubstr("echo/0."));
  EXPECT_TRUE(rig.Stop(false));
}

TEST(Driver, FailedJobCarriesTheChildsText) {
  Rig rig(EchoPool({"--fail"}));
  const JobReport report = rig.RunJob({.payload = "no soup"});
  EXPECT_EQ(report.outcome, Outcome::kFailed);
  EXPECT_EQ(report.error, "no soup");
  EXPECT_FALSE(report.id.empty());
}

TEST(Driver, RefusalComesAtTheEndOfATurnAndNotFromWithinSubmit) {
  Rig rig(EchoPool());
  int calls = 0;
  rig.worker().Submit({.pool = "no such pool"}, [&](const JobReport& report) {
    ++calls;
    EXPECT_TRUE(report.refused);
    EXPECT_EQ(report.refusal, Refusal::kUnknownPool);
    EXPECT_EQ(report.error, "the worker has no pool of that name: it has 'echo'");
  });
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(rig.RunUntil([&] { return calls > 0; }));
  EXPECT_EQ(calls, 1);
}

TEST(Driver, CancelledJobEnds) {
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  std::vector<JobReport> reports;
  const JobHandle job =
      rig.worker().Submit({.pool = "echo"}, [&](const JobReport& report) { reports.push_back(report); });
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().running == 1; }));
  rig.worker().Cancel(job);
  ASSERT_TRUE(rig.RunUntil([&] { return !reports.empty(); }));
  EXPECT_EQ(reports[0].outcome, Outcome::kCancelled);
  rig.worker().Cancel(job);  // harmless
  EXPECT_EQ(rig.RunJob({.pool = "nowhere"}).refusal, Refusal::kUnknownPool);
  EXPECT_EQ(reports.size(), 1U);
}

TEST(Driver, QueuedJobTimesOutThoughNothingElseHappens) {
  Shows("B26");
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  rig.worker().Submit({.pool = "echo"}, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().running == 1; }));
  const JobReport report = rig.RunJob({.start_by = 50ms});
  EXPECT_EQ(report.outcome, Outcome::kQueueTimeout);
  EXPECT_THAT(report.error, HasSubstr("start_by (50ms)"));
}

TEST(Driver, JobThatRunsTooLongIsEndedAndTheNextOneRuns) {
  Shows("B5");
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  const JobReport report = rig.RunJob({.run_for = 100ms});
  EXPECT_EQ(report.outcome, Outcome::kTimedOut);
  EXPECT_THAT(report.error, HasSubstr("run_for (100ms)"));
  EXPECT_EQ(rig.RunJob({.run_for = 100ms}).outcome, Outcome::kTimedOut);
}

// The host's prepare was started before the driver's, so it runs after it: the post finds the turn over.
TEST(Driver, PostFromAHostsPrepareIsHandledInTheNextTurnWithoutSleep) {
  Rig rig;
  struct Host {
    Rig* rig;
    int turns = 0;
    int posted_at = 0;
    int told_at = 0;
    int timeout_after_post = -1;
  } host{&rig};
  UvHandle<uv_prepare_t> prepare;
  prepare.Init(&host, [&](uv_prepare_t* handle) { return uv_prepare_init(rig.loop(), handle); });
  uv_prepare_start(prepare.get(), [](uv_prepare_t* handle) {
    auto& self = *static_cast<Host*>(handle->data);
    ++self.turns;
    if (self.posted_at > 0 || self.rig->Slots(SlotState::kIdle) == 0) return;
    self.posted_at = self.turns;
    self.rig->worker().Submit({.pool = "nowhere"}, [&self](const JobReport&) { self.told_at = self.turns; });
    self.timeout_after_post = uv_backend_timeout(self.rig->loop());
  });
  rig.StartWorker(SettingsOf(EchoPool()));
  ASSERT_TRUE(rig.RunUntil([&] { return host.told_at > 0; }));
  // Told from the driver's prepare of the next turn, before the host's own has counted it.
  EXPECT_EQ(host.told_at, host.posted_at);
  EXPECT_EQ(host.timeout_after_post, 0);
}

TEST(Driver, HelloThatWaitsInTheKernelBeatsTheTimeoutThatPassedDuringAStall) {
  Shows("A13", "C4");
  PoolSettings pool = EchoPool();
  pool.init_timeout = 1500ms;
  Rig rig(pool, 0s);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().spawned == 1; }));
  const TimePoint over = Now() + 2 * pool.init_timeout;
  const std::vector<int> pids = OwnProcesses();
  ASSERT_EQ(pids.size(), 1U);
  // It reads its channel on a second thread, after its hello; when both sleep, the hello is written. (TSan adds one.)
  ASSERT_TRUE(Rig::Stall([&] { return Now() > over && ThreadsOf(pids[0]) >= 2 && ProcessState(pids[0]) == 'S'; }));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kStarting) == 0; }));
  const PoolStatus status = rig.Pool();
  EXPECT_EQ(status.initialize[static_cast<std::size_t>(InitializeEnd::kReady)], 1);
  EXPECT_EQ(status.initialize[static_cast<std::size_t>(InitializeEnd::kTimedOut)], 0);
  EXPECT_EQ(rig.Slots(SlotState::kIdle), 1);
}

TEST(Driver, StallOfTheLoopKillsNobody) {
  Shows("B17", "C4", "C5");
  PoolSettings pool = EchoPool({"--sleep-ms", "600000"});
  pool.warm = 1;
  pool.max_children = 2;
  pool.ping_interval = 50ms;
  pool.ping_timeout = 4s;
  Rig rig(pool, 0s);
  rig.worker().Submit({.pool = "echo"}, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1 && rig.Slots(SlotState::kBusy) == 1; }));
  const TimePoint over = Now() + pool.ping_timeout * 3 / 2;
  Rig::Stall([&] { return Now() > over; });
  const TimePoint later = Now() + 500ms;
  rig.RunUntil([&] { return Now() > later; }, pool.ping_timeout);
  EXPECT_TRUE(rig.worker().driver().deaths().empty()) << rig.worker().StatusJson();
  EXPECT_EQ(rig.Slots(SlotState::kBusy), 1);
}

TEST(Driver, HaltedIdleChildIsReplaced) {
  Shows("B7", "R86");
  PoolSettings pool = EchoPool();
  pool.ping_interval = 50ms;
  pool.ping_timeout = 1s;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  const std::vector<int> pids = OwnProcesses();
  ASSERT_EQ(pids.size(), 1U);
  ASSERT_EQ(kill(pids[0], SIGSTOP), 0);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().exited == 1 && rig.Slots(SlotState::kIdle) == 1; }));
  ASSERT_EQ(rig.worker().driver().deaths().size(), 1U);
  EXPECT_EQ(rig.worker().driver().deaths()[0].child, "echo/0.1");
}

TEST(Driver, JobHandedToAHaltedChildIsHandedOverAgain) {
  Shows("R64");
  PoolSettings pool = EchoPool();
  pool.ack_timeout = 500ms;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  const std::vector<int> pids = OwnProcesses();
  ASSERT_EQ(pids.size(), 1U);
  // When the job is already meant for it.
  Obstacle source([&] {
    EXPECT_EQ(kill(pids[0], SIGSTOP), 0);
    EXPECT_TRUE(Rig::Stall([&] { return ProcessState(pids[0]) == 'T'; }));
  });
  JobDesk& desk = rig.worker().desk();
  desk.Join(source);
  desk.Submit(source, EchoJob("again"));
  ASSERT_TRUE(rig.RunUntil([&] { return !source.ended.empty(); }));
  desk.Leave(source);
  EXPECT_EQ(source.ended, "SUCCEEDED");
  EXPECT_EQ(source.generation, 2U);
  EXPECT_THAT(rig.worker().StatusJson(), HasSubstr("it didn't acknowledge a job within ack_timeout (500ms)"));
}

TEST(Driver, CrashTellsItsSubmitterHow) {
  Shows("B3");
  PoolSettings pool = EchoPool();
  pool.command = {Program("fault-child"), "die-in-job"};  // acknowledges the job, then dies of SIGSEGV
  Rig rig(pool);
  const JobReport report = rig.RunJob({});
  EXPECT_EQ(report.outcome, Outcome::kChildCrashed);
  EXPECT_EQ(report.signal, SIGSEGV);
  EXPECT_THAT(report.error, HasSubstr("SIGSEGV"));
}

TEST(Driver, StopEndsAllChildrenAndTheLoop) {
  Shows("R55");
  PoolSettings pool = EchoPool();
  pool.warm = 4;
  pool.max_children = 4;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 4; }));
  EXPECT_TRUE(rig.Stop(false));
  EXPECT_TRUE(OwnProcesses().empty());
  // A stopped worker refuses, and doesn't keep the loop.
  EXPECT_EQ(rig.RunJob({.payload = "late"}).refusal, Refusal::kDraining);
  bool again = false;
  rig.worker().Stop(true, [&] { again = true; });
  EXPECT_TRUE(rig.RunUntil([&] { return again; }));
  EXPECT_TRUE(Rig::Stall([&] { return uv_run(rig.loop(), UV_RUN_NOWAIT) == 0; })) << "the loop is kept";
}

TEST(Driver, StopAtOnceReportsTheRunningJob) {
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  std::vector<JobReport> reports;
  rig.worker().Submit({.pool = "echo"}, [&](const JobReport& report) { reports.push_back(report); });
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().running == 1; }));
  EXPECT_TRUE(rig.Stop(true));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].outcome, Outcome::kKilledShutdown);
}

TEST(Driver, WorkerMayBeDestroyedFromItsOwnCallback) {
  Rig rig(EchoPool());
  bool gone = false;
  rig.worker().Submit({.pool = "echo"}, [&](const JobReport&) {
    rig.worker().Stop(false, [&] {
      rig.owned_worker().reset();
      gone = true;
    });
  });
  EXPECT_TRUE(rig.RunUntil([&] { return gone; }));
}

TEST(Driver, DestroyedWorkerLeavesNoProcess) {
  PoolSettings pool = EchoPool({"--sleep-ms", "600000"});
  pool.warm = 2;
  pool.max_children = 3;
  Rig rig(pool);
  rig.worker().Submit({.pool = "echo"}, {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kBusy) == 1 && rig.Slots(SlotState::kIdle) == 2; }));
  rig.owned_worker().reset();
}

TEST(Driver, WorkerThatIsDestroyedWhileChildrenStartLeavesNoProcess) {
  Shows("A15");
  PoolSettings pool = EchoPool({"--prewarm-ms", "600000"});
  pool.warm = 4;
  pool.max_children = 4;
  for (int turns = 0; turns < 20; ++turns) {
    Rig rig(pool);
    for (int i = 0; i < turns; ++i) uv_run(rig.loop(), UV_RUN_NOWAIT);
    rig.owned_worker().reset();
  }
}

TEST(Driver, ManyJobsLeakNoDescriptor) {
  Shows("R49");
  PoolSettings pool = EchoPool();
  pool.max_jobs_per_child = 1;
  pool.warm = 2;
  pool.max_children = 4;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 2; }));
  const int before = OpenDescriptors();
  int reports = 0;
  for (int i = 0; i < 100; ++i) {
    rig.worker().Submit({.pool = "echo", .payload = "x"}, [&](const JobReport& report) {
      EXPECT_EQ(report.outcome, Outcome::kSucceeded) << report.error;
      ++reports;
    });
  }
  ASSERT_TRUE(rig.RunUntil([&] { return reports == 100; }));
  ASSERT_TRUE(rig.RunUntil([&] {
    return rig.Slots(SlotState::kIdle) == 2 && rig.Slots(SlotState::kVacant) == 2 &&
           rig.worker().driver().live_children() == 2;
  })) << rig.worker().StatusJson();
  EXPECT_LE(OpenDescriptors(), before);
}

TEST(Driver, DrainIsToldWhenNoJobIsLeftOrWhenItIsCalledOff) {
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  std::vector<std::string> told;
  const JobHandle job = rig.worker().Submit({.pool = "echo"}, [&](const JobReport&) { told.push_back("job"); });
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().running == 1; }));
  rig.worker().control().Drain([&](bool drained) { told.push_back(drained ? "drained" : "called off"); });
  EXPECT_EQ(rig.RunJob({}).refusal, Refusal::kDraining);
  rig.worker().Resume();
  ASSERT_TRUE(rig.RunUntil([&] { return told.size() == 1; }));
  rig.worker().control().Drain([&](bool drained) { told.push_back(drained ? "drained" : "called off"); });
  rig.worker().Cancel(job);
  ASSERT_TRUE(rig.RunUntil([&] { return told.size() == 3; }));
  EXPECT_EQ(told, (std::vector<std::string>{"called off", "job", "drained"}));
}

TEST(Driver, ResumeDoesNotCallOffTheDrainOfAStop) {
  Rig rig(EchoPool({"--sleep-ms", "600000"}));
  std::vector<std::string> told;
  const JobHandle job = rig.worker().Submit({.pool = "echo"}, [&](const JobReport&) { told.push_back("job"); });
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().running == 1; }));
  rig.worker().control().Drain([&](bool drained) { told.push_back(drained ? "drained" : "called off"); });
  rig.worker().Stop(false, [&] { told.push_back("stopped"); });
  rig.worker().Resume();
  EXPECT_EQ(rig.RunJob({}).refusal, Refusal::kDraining);
  rig.worker().Cancel(job);
  ASSERT_TRUE(rig.RunUntil([&] { return told.size() == 3; }));
  EXPECT_EQ(told, (std::vector<std::string>{"job", "drained", "stopped"}));
}

TEST(Driver, DrainIsToldAlsoWhenItHasEndedLongAgo) {
  Rig rig(EchoPool());
  int told = 0;
  const auto drain = [&] { rig.worker().Drain([&] { ++told; }); };
  drain();
  ASSERT_TRUE(rig.RunUntil([&] { return told == 1; }));
  drain();
  ASSERT_TRUE(rig.RunUntil([&] { return told == 2; })) << "of a worker that is drained";
  rig.Stop(false);
  drain();
  EXPECT_TRUE(rig.RunUntil([&] { return told == 3; })) << "of one that has stopped";
}

TEST(Driver, CallersWhoWaitForAReadyChildAreTold) {
  Shows("R15", "R51");
  Rig rig(EchoPool());
  std::vector<InitializeEnd> ends;
  for (int i = 0; i < 3; ++i) {
    rig.worker().control().AwaitReady("echo", kTestDeadline, [&](InitializeEnd end) { ends.push_back(end); });
  }
  ASSERT_TRUE(rig.RunUntil([&] { return ends.size() == 3; }));
  EXPECT_EQ(ends[0], InitializeEnd::kReady);
  bool found = false;
  rig.worker().control().StopChild({0, 0, 1}, true, [&](const StopAnswered& answer) { found = answer.found; });
  ASSERT_TRUE(rig.RunUntil([&] { return found; }));
}

// What a worker says whose children can't be started, until its breaker opens.
std::string LogOfFailingStarts(LogFormat format) {
  const UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  Rig rig;
  WorkerSettings settings = SettingsOf(EchoPool());
  settings.log_level = LogLevel::kWarn;
  settings.log_format = format;
  settings.pools[0].command = {"/no/such/program"};
  settings.pools[0].breaker_failures = 2;
  rig.StartWorker(settings, file.get());
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Pool().breaker == BreakerState::kOpen; }));
  const JobReport report = rig.RunJob({});
  EXPECT_EQ(report.refusal, Refusal::kBreakerOpen);
  EXPECT_TRUE(rig.Stop(true));
  std::string text(100'000, '\0');
  const ssize_t size = pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

TEST(Driver, DeathsAreRememberedUpToTheirNumber) {
  PoolSettings pool = EchoPool();
  pool.command = {"/no/such/program"};
  pool.backoff_min = pool.backoff_max = 1ms;
  pool.breaker_failures = 0;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] {
    return rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kSpawnFailed)] >
           static_cast<int>(2 * Driver::kDeathsRemembered);
  })) << rig.worker().StatusJson();
  const auto& deaths = rig.worker().driver().deaths();
  EXPECT_EQ(deaths.size(), Driver::kDeathsRemembered);
  EXPECT_NE(deaths.front().child, "echo/0.1");
}

TEST(Driver, UnplannedDeathIsAWarningWithItsAutopsyLineByLine) {
  Shows("A1", "R27");
  const std::string log = LogOfFailingStarts(LogFormat::kText);
  EXPECT_THAT(log, HasSubstr("echo/0.1 could not be started"));
  EXPECT_THAT(log, HasSubstr("what to do: "));
  EXPECT_THAT(log, HasSubstr("The last: echo/0.2 could not be started"));
  EXPECT_EQ(log.find("\\n"), std::string::npos) << log;
}

TEST(Driver, UnplannedDeathIsOneJsonObjectWithItsAutopsy) {
  Shows("R118");
  const std::string log = LogOfFailingStarts(LogFormat::kJson);
  EXPECT_THAT(log, HasSubstr("\"child_died\""));
  EXPECT_THAT(log, HasSubstr("\"autopsy\":"));
}

TEST(Worker, ContradictionsAreAllNamed) {
  Rig rig;
  WorkerSettings settings = SettingsOf(EchoPool());
  settings.pools[0].warm = 8;
  settings.pools[0].max_children = 4;
  settings.pools[0].stop_signal = "NONSENSE";
  const auto made = Worker::Create(rig.loop(), settings);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("warm"));
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("stop_signal"));
}

TEST(Worker, SecondOfAProcessThatAdoptsOrphansIsRefused) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  {
    Rig rig(EchoPool());
    const auto second = Worker::Create(rig.loop(), SettingsOf(EchoPool()));
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(second.status().message()), HasSubstr("several pools"));
  }
  Rig again(EchoPool());
  EXPECT_TRUE(again.RunUntil([&] { return again.Slots(SlotState::kIdle) == 1; }));
  EXPECT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
  const auto second = Worker::Create(again.loop(), SettingsOf(EchoPool()));
  EXPECT_TRUE(second.ok()) << second.status();
}

}  // namespace
}  // namespace andiron
