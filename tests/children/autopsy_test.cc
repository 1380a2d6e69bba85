// Autopsies: every death says what happened, what was seen, and what to do about it.
#include "worker/children/autopsy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "tests/children/crew.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "tests/support/stuck_program.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(AutopsyTest, FailedStartSaysWhatToCheck) {
  PoolSettings pool;
  pool.command = {"/no/such/program"};
  Crew crew(pool);
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.AwaitEnd(child));
  const Autopsy autopsy = crew.Examine(child, SlotState::kStarting);
  EXPECT_THAT(autopsy.summary, HasSubstr("could not be started: exec /no/such/program: No such file or directory"));
  EXPECT_THAT(autopsy.advice, HasSubstr("Check pools." + crew.pool_name() + ".command"));
  EXPECT_THAT(autopsy.text, HasSubstr("what to do: " + autopsy.advice));
}

TEST(AutopsyTest, StartThatIsCalledOffSaysWhy) {
  ReportDeath death;
  death.phase = SlotState::kStarting;
  death.intent = Intent::kInitTimeout;
  Evidence evidence;
  evidence.name = "p/0.1";
  const Autopsy late = WriteAutopsy(death, evidence, PoolSettings());
  EXPECT_EQ(late.summary, "p/0.1 could not be started: it sent no first message within init_timeout (10s)");
  EXPECT_THAT(late.advice, HasSubstr("its own start hangs, or one before it in its pool"));
  death.intent = Intent::kStopRequested;
  const Autopsy unwanted = WriteAutopsy(death, evidence, PoolSettings());
  EXPECT_EQ(unwanted.summary, "p/0.1 could not be started: somebody asked for it to stop");
  EXPECT_THAT(unwanted.advice, HasSubstr("Nothing"));
}

// It hangs before its exec: there is a process already, and nobody has come for it yet.
TEST(AutopsyTest, ProcessThatHangsBeforeItsExecIsNamed) {
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  PoolSettings pool;
  pool.command = {program.path()};
  Crew crew(pool);
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await([] { return ChildProcesses().size() == 1 && ProcessState(ChildProcesses().front()) == 'S'; }));
  const std::string pid = std::to_string(ChildProcesses().front());
  ReportDeath death;
  death.child = child;
  death.phase = SlotState::kStarting;
  death.intent = Intent::kInitTimeout;
  death.quarantined = true;
  crew.Kill(child, Intent::kInitTimeout);
  EXPECT_THAT(crew.children().Examine(death).summary, HasSubstr("(pid " + pid + ") can't be killed"));
  EXPECT_TRUE(crew.AwaitEnd(child));
}

TEST(AutopsyTest, ChildThatComplainsIsQuoted) {
  Shows("A6", "R09", "R119");
  Crew crew(FaultPool({"complain-and-exit"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.AwaitEnd(child));
  const Autopsy autopsy = crew.Examine(child, SlotState::kStarting);
  EXPECT_THAT(autopsy.summary, HasSubstr(") exited with code 3 while it was initializing"));
  EXPECT_THAT(autopsy.text, HasSubstr("last lines of stderr:\n"));
  EXPECT_THAT(autopsy.text, HasSubstr("    no model at /models/large\n"));
  EXPECT_THAT(autopsy.text, Not(HasSubstr("complaint 36\n"))) << "only the last 64";
  EXPECT_THAT(autopsy.text, HasSubstr("our intent: none: it ended by itself\n"));
}

TEST(AutopsyTest, InitTimeoutSaysWhatItWasWaitingOn) {
  Crew crew(FaultPool({"never-ready"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await<Spawned>(child));
  crew.Kill(child, Intent::kInitTimeout);
  ASSERT_TRUE(crew.AwaitEnd(child));
  const Autopsy autopsy = crew.Examine(child, SlotState::kStarting, Intent::kInitTimeout);
  EXPECT_THAT(autopsy.summary,
              HasSubstr("was killed while it was initializing: it sent no first message within init_timeout (10s)"));
  EXPECT_THAT(autopsy.advice, HasSubstr("It printed nothing and was "));
  EXPECT_THAT(autopsy.advice, HasSubstr("raise init_timeout (10s)"));
}

TEST(AutopsyTest, CrashInAJobNamesSignalAndJob) {
  Shows("R26");
  Crew crew(FaultPool({"die-in-job"}));
  const ChildId child = crew.StartReady();
  crew.Run(child, 42);
  ASSERT_TRUE(crew.AwaitEnd(child));
  const Autopsy autopsy = crew.Examine(child, SlotState::kBusy);
  EXPECT_THAT(autopsy.summary, HasSubstr(" was killed by SIGSEGV while it ran job job-42"));
  EXPECT_THAT(autopsy.text, HasSubstr("sdk: fault-child 1\n"));
  EXPECT_THAT(autopsy.advice, HasSubstr("crashed"));
}

TEST(AutopsyTest, OfSeveralJobsThoseAreNamedThatItHadNotAnswered) {
  ReportDeath death;
  death.phase = SlotState::kBusy;
  death.signal = SIGSEGV;
  Evidence evidence;
  evidence.name = "p/0.1";
  evidence.pid = 42;
  evidence.last_job = "answered";
  evidence.open_jobs = {"first"};
  EXPECT_EQ(WriteAutopsy(death, evidence, PoolSettings()).summary,
            "p/0.1 (pid 42) was killed by SIGSEGV while it ran job first");
  EXPECT_THAT(WriteAutopsy(death, evidence, PoolSettings()).text, HasSubstr("  job: first\n"));
  evidence.open_jobs = {"first", "third"};
  const Autopsy both = WriteAutopsy(death, evidence, PoolSettings());
  EXPECT_THAT(both.summary, HasSubstr("while it ran 2 jobs"));
  EXPECT_THAT(both.text, HasSubstr("  jobs: first, third\n"));
  evidence.open_jobs.resize(12, "x");
  EXPECT_THAT(WriteAutopsy(death, evidence, PoolSettings()).text, HasSubstr(", x and 2 more\n"));
}

// A cancel's grace may be its source's: a LiveKit server's termination has another than the pool's.
TEST(AutopsyTest, TheGraceIsSaidThatAJobHad) {
  PoolSettings pool;
  ReportDeath death;
  death.phase = SlotState::kBusy;
  death.intent = Intent::kJobCancelled;
  death.signal = SIGTERM;
  death.cancel_grace = std::chrono::seconds(15);
  Evidence evidence;
  evidence.name = "p/0.1";
  evidence.pid = 42;
  evidence.asked_to_stop = true;
  const Autopsy longer = WriteAutopsy(death, evidence, pool);
  EXPECT_THAT(longer.summary, HasSubstr("its job was cancelled and didn't end within the 15s that it had"));
  EXPECT_THAT(longer.advice, HasSubstr("termination_grace"));
  death.cancel_grace = pool.cancel_grace;
  const Autopsy own = WriteAutopsy(death, evidence, pool);
  EXPECT_THAT(own.summary, HasSubstr("didn't end within the 1s that it had"));
  EXPECT_THAT(own.advice, HasSubstr("raise cancel_grace (1s)"));
}

TEST(AutopsyTest, ChildThatEndsBeforeTheKillReachesItWasNotAskedToStop) {
  ReportDeath death;
  death.phase = SlotState::kIdle;
  death.intent = Intent::kProtocol;
  death.what = "Hello after Hello";
  Evidence evidence;
  evidence.name = "p/0.1";
  evidence.pid = 42;
  evidence.killed = true;
  EXPECT_EQ(WriteAutopsy(death, evidence, PoolSettings()).summary,
            "p/0.1 (pid 42) exited with code 0 while it was idle: it broke the protocol: Hello after Hello");
  // Asked first, then killed: its end is the answer to the asking.
  evidence.asked_to_stop = true;
  EXPECT_THAT(WriteAutopsy(death, evidence, PoolSettings()).summary, HasSubstr("when it was asked to stop"));
}

TEST(AutopsyTest, ProtocolErrorIsSpelledOut) {
  Shows("A11");
  Crew crew(FaultPool({"wrong-version"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await<ChildMisbehaved>(child));
  crew.Kill(child, Intent::kProtocol);
  ASSERT_TRUE(crew.AwaitEnd(child));
  const Autopsy autopsy = crew.Examine(child, SlotState::kStarting, Intent::kProtocol);
  EXPECT_THAT(autopsy.summary, HasSubstr("it broke the protocol: "));
  EXPECT_THAT(autopsy.summary, HasSubstr("7"));
}

TEST(AutopsyTest, OrderlyStopNeedsNothing) {
  Shows("R27");
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  const Autopsy autopsy = crew.Examine(child, SlotState::kStopping, Intent::kRetired);
  EXPECT_THAT(autopsy.summary, HasSubstr("when it was asked to stop: it was no longer needed"));
  EXPECT_THAT(autopsy.advice, HasSubstr("Nothing"));
}

TEST(AutopsyTest, ForgottenChildStillHasOne) {
  Crew crew(FaultPool({"exit"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.AwaitEnd(child));
  crew.Examine(child, SlotState::kStarting);
  EXPECT_THAT(crew.Examine(child, SlotState::kStarting).summary, HasSubstr("exited with code 0"));
}

TEST(AutopsyTest, QuarantinedChildIsExaminedWhileItLives) {
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  crew.children().Abandon({child});
  ReportDeath death;
  death.child = child;
  death.pid = crew.PidOf(child);
  death.quarantined = true;
  EXPECT_THAT(crew.children().Examine(death).summary, HasSubstr("can't be killed"));
  EXPECT_EQ(crew.children().live(), 1);
  crew.Kill(child);
  EXPECT_TRUE(crew.AwaitEnd(child));
}

// Every intent and every common end has a summary and an advice: nobody is left with "it died".
TEST(AutopsyTest, EveryEndHasAnAdvice) {
  const PoolSettings pool = FaultPool({"good"});
  Evidence evidence;
  evidence.name = "spell/3.7";
  evidence.pid = 4711;
  for (int intent = 0; intent < kIntentCount; ++intent) {
    for (int phase = 0; phase < kSlotStateCount; ++phase) {
      for (const int signal : {0, SIGKILL, SIGSEGV, SIGTERM, -1}) {
        ReportDeath death;
        death.intent = static_cast<Intent>(intent);
        death.phase = static_cast<SlotState>(phase);
        death.signal = signal;
        const Autopsy autopsy = WriteAutopsy(death, evidence, pool);
        EXPECT_THAT(autopsy.summary, HasSubstr("spell/3.7 (pid 4711) "));
        EXPECT_FALSE(autopsy.advice.empty()) << Name(death.intent);
        EXPECT_THAT(autopsy.text, HasSubstr("what to do: "));
        EXPECT_EQ(autopsy.summary.find('\n'), std::string::npos);
        EXPECT_EQ(autopsy.advice.find('\n'), std::string::npos);
      }
    }
  }
}

TEST(AutopsyTest, OutputOfAChildCannotForgeLinesOrReachATerminal) {
  Evidence evidence;
  evidence.name = "spell/3.7";
  evidence.pid = 4711;
  evidence.stderr_lines = {"\x1b[2Jhidden\r"};
  const Autopsy autopsy = WriteAutopsy(ReportDeath(), evidence, PoolSettings());
  EXPECT_EQ(autopsy.text.find('\x1b'), std::string::npos);
  EXPECT_EQ(autopsy.text.find('\r'), std::string::npos);
}

TEST(AutopsyTest, NumbersAreReadable) {
  EXPECT_EQ(DurationText(std::chrono::seconds(10)), "10s");
  EXPECT_EQ(DurationText(std::chrono::milliseconds(1500)), "1.5s");
  EXPECT_EQ(DurationText(std::chrono::milliseconds(250)), "250ms");
  EXPECT_EQ(DurationText(std::chrono::minutes(5)), "5m");
  EXPECT_EQ(DurationText(std::chrono::hours(3)), "3h");
  EXPECT_EQ(BytesText(512), "0 KiB");
  EXPECT_EQ(BytesText(32 << 20), "32.0 MiB");
  EXPECT_EQ(BytesText(std::int64_t{3} << 30), "3.0 GiB");
}

}  // namespace
}  // namespace andiron
