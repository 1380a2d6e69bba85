// A whole worker and children that misbehave, each in its own way: what becomes of the child, of its job, of its slot,
// and of the other pool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/driver/fault_rig.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;

constexpr Duration kNeverInATest = std::chrono::hours(1);

std::string TestNameOf(const std::vector<std::string>& arguments) {
  std::string name;
  for (const std::string& argument : arguments) name += argument;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '/'; }, '_');
  return name;
}

// ---- before the first message ----

struct BadStart {
  std::vector<std::string> arguments;
  InitializeEnd end;
};

class FailedStart : public testing::TestWithParam<BadStart> {};

TEST_P(FailedStart, SettlesOnceAndItsSlotIsFilledAgain) {
  Shows("A6", "A7", "A8", "A9", "A11", "A17", "R01", "R02", "R05", "R07", "R57", "R101", "R116");
  PoolSettings pool = BadPool(GetParam().arguments);
  // What isn't a timeout must not wait for one.
  pool.init_timeout = GetParam().end == InitializeEnd::kTimedOut ? 1s : kNeverInATest;
  FaultRig rig(pool);
  constexpr int kRounds = 3;
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Ended(GetParam().end) >= kRounds; }));
  ASSERT_GE(rig.rig().worker().driver().deaths().size(), 2U);
  EXPECT_EQ(rig.rig().worker().driver().deaths()[0].child, "bad/0.1");
  EXPECT_EQ(rig.rig().worker().driver().deaths()[1].child, "bad/0.2");
  rig.ExpectGoodPoolWorks();
  for (int end = 0; end < kInitializeEndCount; ++end) {
    if (end == static_cast<int>(GetParam().end)) continue;
    EXPECT_EQ(rig.Ended(static_cast<InitializeEnd>(end)), 0) << end;
  }
  rig.ExpectBalance();
}

INSTANTIATE_TEST_SUITE_P(Of, FailedStart,
                         testing::Values(BadStart{{"exit", "0"}, InitializeEnd::kExited},
                                         BadStart{{"exit", "1"}, InitializeEnd::kExited},
                                         BadStart{{"exit", "127"}, InitializeEnd::kExited},
                                         BadStart{{"die-of", "9"}, InitializeEnd::kExited},
                                         BadStart{{"die-of", "11"}, InitializeEnd::kExited},
                                         BadStart{{"half-frame-then-exit"}, InitializeEnd::kExited},
                                         BadStart{{"never-ready"}, InitializeEnd::kTimedOut},
                                         BadStart{{"half-frame"}, InitializeEnd::kTimedOut},
                                         BadStart{{"endless-progress"}, InitializeEnd::kTimedOut},
                                         BadStart{{"garbage"}, InitializeEnd::kProtocolError},
                                         BadStart{{"zero-length"}, InitializeEnd::kProtocolError},
                                         BadStart{{"endless-length"}, InitializeEnd::kProtocolError},
                                         BadStart{{"oversized-hello", "2147483647"}, InitializeEnd::kProtocolError},
                                         BadStart{{"ack-first"}, InitializeEnd::kProtocolError},
                                         BadStart{{"wrong-version"}, InitializeEnd::kProtocolError},
                                         BadStart{{"close-channel-first"}, InitializeEnd::kProtocolError}),
                         [](const auto& values) { return TestNameOf(values.param.arguments); });

TEST(FailedStarts, OfAMissingProgramLeaveNoProcessAndNoCount) {
  Shows("A1", "R08", "R18");
  PoolSettings pool = BadPool({});
  pool.command = {"/no/such/program"};
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Ended(InitializeEnd::kSpawnFailed) >= 3; }));
  rig.ExpectGoodPoolWorks();
  EXPECT_EQ(rig.Bad().spawned, 0);
  EXPECT_EQ(rig.Bad().exited, 0);
  rig.ExpectBalance();
}

TEST(FailedStarts, OfAHungOneEndAtOnceByAForcedStop) {
  Shows("R12");
  // Deaf to SIGTERM, and nothing but the force of the stop sends SIGKILL.
  PoolSettings pool = BadPool({"deaf-start"});
  pool.init_timeout = pool.stop_grace = kNeverInATest;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Bad().spawned == 1; }));
  const int pid = rig.Bad().children.at(0).pid;
  ASSERT_TRUE(Rig::Stall([&] { return IgnoresSignal(pid, SIGTERM); }));
  bool found = false;
  rig.rig().worker().control().StopChild({0, 0, 1}, true, [&](const StopAnswered& answer) { found = answer.found; });
  ASSERT_TRUE(rig.rig().RunUntil([&] { return found; }));
  EXPECT_EQ(rig.Ended(InitializeEnd::kCancelled), 1);
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.Bad().spawned == 2; })) << "its slot goes on";
}

TEST(Starts, OfManyChildrenRunAFewAtATime) {
  Shows("A20", "R10");
  constexpr int kChildren = 60;
  constexpr int kAtOnce = 3;
  PoolSettings pool = BadPool({"good"});
  pool.warm = pool.max_children = kChildren;
  pool.max_starting = kAtOnce;
  FaultRig rig(pool);
  int most = 0;
  ASSERT_TRUE(rig.rig().RunUntil([&] {
    most = std::max(most, rig.Bad().slots[static_cast<std::size_t>(SlotState::kStarting)]);
    return rig.BadIdle() == kChildren;
  }));
  EXPECT_EQ(most, kAtOnce);
  EXPECT_EQ(rig.Bad().spawned, kChildren);
}

// ---- idle ----

class IdleFault : public testing::TestWithParam<std::vector<std::string>> {};

TEST_P(IdleFault, EndsItsChildAndTheSlotIsFilledAgain) {
  Shows("A9", "A17", "B7", "R06", "R86", "R116");
  PoolSettings pool = BadPool(GetParam());
  pool.frame_timeout = 300ms;
  pool.ping_interval = 50ms;
  pool.ping_timeout = 300ms;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Bad().exited >= 2; }));
  rig.ExpectGoodPoolWorks();
  EXPECT_GE(
      rig.Ended(InitializeEnd::kReady) + rig.Ended(InitializeEnd::kExited) + rig.Ended(InitializeEnd::kProtocolError),
      2);
  EXPECT_EQ(rig.Ended(InitializeEnd::kTimedOut), 0);
  rig.ExpectBalance();
}

INSTANTIATE_TEST_SUITE_P(
    Of, IdleFault,
    testing::Values(std::vector<std::string>{"hello-then-exit", "3"}, std::vector<std::string>{"close-channel"},
                    std::vector<std::string>{"close-channel-unread"}, std::vector<std::string>{"shut-reading"},
                    std::vector<std::string>{"hello-twice"}, std::vector<std::string>{"unasked-pong"},
                    std::vector<std::string>{"half-frame-later"}, std::vector<std::string>{"no-pong"},
                    std::vector<std::string>{"stop-self"}),
    [](const auto& values) { return TestNameOf(values.param); });

// ---- busy ----

struct BadJob {
  std::vector<std::string> arguments;
  Outcome outcome;
  std::string text = "";
};

class BusyFault : public testing::TestWithParam<BadJob> {};

TEST_P(BusyFault, GivesItsJobOneOutcomeAndTheSlotIsFilledAgain) {
  Shows("B3", "B4", "B5", "B18", "B19", "R57", "R63", "R65", "R116");
  PoolSettings pool = BadPool(GetParam().arguments);
  pool.max_result = 100'000;
  pool.ping_interval = 50ms;
  pool.ping_timeout = 300ms;
  pool.cancel_grace = 100ms;
  pool.stop_grace = 200ms;
  pool.ack_timeout = 2s;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
  int reports = 0;
  JobReport report;
  rig.rig().worker().Submit({.pool = "bad", .payload = "work", .start_by = kTestDeadline, .run_for = 1s},
                            [&](const JobReport& told) {
                              report = told;
                              ++reports;
                            });
  ASSERT_TRUE(rig.rig().RunUntil([&] { return reports > 0; }));
  EXPECT_EQ(report.outcome, GetParam().outcome) << report.error;
  EXPECT_THAT(report.error, HasSubstr(GetParam().text));
  rig.ExpectGoodPoolWorks();
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1 && rig.Bad().spawned >= 2; }));
  EXPECT_EQ(reports, 1);
  rig.ExpectBalance();
}

INSTANTIATE_TEST_SUITE_P(
    Of, BusyFault,
    testing::Values(BadJob{{"die-in-job", "11"}, Outcome::kChildCrashed, "SIGSEGV"},
                    BadJob{{"die-in-job", "9"}, Outcome::kChildCrashed, "SIGKILL"},
                    BadJob{{"die-in-job", "6"}, Outcome::kChildCrashed, "SIGABRT"},
                    BadJob{{"hang-in-job"}, Outcome::kTimedOut, "run_for (1s)"},
                    BadJob{{"spin-in-job"}, Outcome::kTimedOut, "run_for (1s)"},
                    BadJob{{"no-ack"}, Outcome::kLostBeforeStart, "ack_timeout (2s)"},
                    BadJob{{"ack-other"}, Outcome::kLostBeforeStart, ""},
                    BadJob{{"result-then-death"}, Outcome::kSucceeded, ""},
                    BadJob{{"result-twice"}, Outcome::kSucceeded, ""},
                    BadJob{{"large-result-then-death", "100000"}, Outcome::kSucceeded, ""},
                    BadJob{{"large-result-then-death", "104097"}, Outcome::kChildCrashed, "broke the protocol"}),
    [](const auto& values) { return TestNameOf(values.param.arguments); });

TEST(BusyChild, ThatReadsNothingIsKilledAfterWriteTimeoutAndItsJobRunsNowhereTwice) {
  Shows("B16", "R94", "R100");
  PoolSettings pool = BadPool({"never-read"});
  pool.write_timeout = 300ms;
  pool.ack_timeout = kNeverInATest;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
  // More than a socket holds.
  const JobReport report = rig.RunBad({.payload = std::string(2 << 20, 'x'), .start_by = kTestDeadline});
  EXPECT_EQ(report.outcome, Outcome::kLostBeforeStart) << report.error;
  EXPECT_EQ(rig.rig().worker().driver().deaths().size(), 2U) << "handed over twice";
  rig.ExpectGoodPoolWorks();
}

TEST(BusyChild, ThatSpinsIsNotTakenForDeadByItsPings) {
  Shows("B8");
  PoolSettings pool = BadPool({"spin-in-job"});
  pool.ping_interval = 20ms;
  pool.ping_timeout = 100ms;
  pool.cancel_grace = 0s;
  FaultRig rig(pool);
  const JobReport report = rig.RunBad({.start_by = kTestDeadline, .run_for = 1s});
  EXPECT_EQ(report.outcome, Outcome::kTimedOut) << report.error;
  EXPECT_GE(report.ran, 1s);
}

TEST(BusyChild, MayWriteAllItHasWhileOurLoopSleeps) {
  Shows("B17");
  constexpr std::size_t kBytes = 4 << 20;
  PoolSettings pool = BadPool({"large-result-then-death", std::to_string(kBytes)});
  pool.ping_interval = 20ms;
  pool.ping_timeout = 200ms;
  pool.frame_timeout = 500ms;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
  JobReport report;
  bool told = false;
  rig.rig().worker().Submit({.pool = "bad"}, [&](const JobReport& end) {
    report = end;
    told = true;
  });
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Bad().running == 1; }));
  const TimePoint over = Now() + 1s;
  Rig::Stall([&] { return Now() > over; });
  ASSERT_TRUE(rig.rig().RunUntil([&] { return told; }));
  EXPECT_EQ(report.outcome, Outcome::kSucceeded) << report.error;
  EXPECT_EQ(report.output.size(), kBytes);
}

// ---- stops ----

TEST(StoppedChild, ThatIgnoresItIsKilledAtTheEndOfItsGraceAndNobodyWaitsMeanwhile) {
  Shows("B6", "R30", "R31", "R56");
  PoolSettings pool = BadPool({"ignore-term"});
  pool.stop_grace = 1s;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
  const TimePoint begin = Now();
  bool stopped = false;
  rig.rig().worker().control().StopChild({0, 0, 1}, false, [&](const StopAnswered&) { stopped = true; });
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.Bad().slots[static_cast<std::size_t>(SlotState::kStopping)] == 1; }));
  rig.ExpectGoodPoolWorks();
  EXPECT_FALSE(stopped) << "not before its process has ended";
  ASSERT_TRUE(rig.rig().RunUntil([&] { return stopped; }));
  EXPECT_GE(Now() - begin, pool.stop_grace);
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
}

TEST(StoppedChild, IsAnsweredForToEachOfManyWhoAsked) {
  Shows("R33", "R34");
  PoolSettings pool = BadPool({"ignore-term"});
  pool.stop_grace = kNeverInATest;
  FaultRig rig(pool);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.BadIdle() == 1; }));
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    rig.rig().worker().control().StopChild({0, 0, 1}, false, [&](const StopAnswered&) { ++answers; });
  }
  rig.rig().worker().control().StopChild({0, 0, 1}, true, [&](const StopAnswered&) { ++answers; });
  ASSERT_TRUE(rig.rig().RunUntil([&] { return answers == 6; }));
  EXPECT_EQ(rig.Bad().exited, 1);
}

}  // namespace
}  // namespace andiron
