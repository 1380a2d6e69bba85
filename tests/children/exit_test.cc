// Ends: each way in which a child goes, by itself, asked or killed, is told once, in full and soon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/children/crew.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/base/uv_handle.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

TEST(ExitTest, CodeIsTold) {
  Shows("A6");
  for (const int code : {0, 1, 127, 255}) {
    Crew crew(FaultPool({"exit", std::to_string(code)}));
    const ChildId child = crew.Start();
    ASSERT_TRUE(crew.AwaitEnd(child));
    EXPECT_EQ(crew.Last<ChildExited>(child)->code, code);
    EXPECT_EQ(crew.Last<ChildExited>(child)->signal, 0);
    EXPECT_FALSE(crew.Last<ChildExited>(child)->out_of_memory);
    EXPECT_EQ(crew.Count<ChannelClosed>(child), 1);
  }
}

// A sweep hears of so many stops and no more. One that brings further ones would be a chance: here nothing else
// happens.
TEST(ExitTest, StopOfVeryManyAtOnceIsToldOfAll) {
  constexpr std::uint32_t kMany = 300;
  PoolSettings pool = FaultPool({});
  pool.command = {"sleep", "600"};
  Crew crew(pool);
  std::vector<ChildId> children;
  for (std::uint32_t slot = 0; slot < kMany; ++slot) children.push_back(crew.Start(slot));
  ASSERT_TRUE(crew.Await([&] {
    return std::all_of(children.begin(), children.end(), [&](ChildId child) { return crew.PidOf(child) > 0; });
  }));
  for (const ChildId child : children) kill(crew.PidOf(child), SIGSTOP);
  // Without a turn of the loop, so that one sweep finds them all.
  ASSERT_TRUE(WaitUntil([&] {
    return std::all_of(children.begin(), children.end(),
                       [&](ChildId child) { return ProcessState(crew.PidOf(child)) == 'T'; });
  }));
  EXPECT_TRUE(crew.Await([&] {
    return std::all_of(children.begin(), children.end(),
                       [&](ChildId child) { return crew.Count<ChildHalted>(child) == 1; });
  }));
}

// The kernel says once that a process is stopped: here before the loop knows whose it is.
TEST(ExitTest, StopOfAChildWhoseLaunchIsNotBackYetIsTold) {
  Shows("B7");
  PoolSettings pool = FaultPool({});
  pool.command = {"/bin/sh", "-c", "kill -STOP $$"};
  Crew crew(pool);
  const ChildId child = crew.Start();
  constexpr ChildId kNobody{.pool = 0, .slot = 99, .generation = 1};
  crew.Kill(kNobody);  // after a kill the worker looks at its processes
  const TimePoint due = Later(Now(), 50ms);
  const TimePoint late = Later(Now(), kTestPatience);
  const auto stopped = [](pid_t pid) { return ProcessState(pid) == 'T'; };
  for (;;) {
    const std::vector<pid_t> processes = ChildProcesses();
    if (std::any_of(processes.begin(), processes.end(), stopped) && Now() > due) break;
    ASSERT_LT(Now(), late);
  }
  ASSERT_TRUE(crew.Await<ChildHalted>(child));
  EXPECT_EQ(crew.Count<Spawned>(child), 1) << "told before that it is halted";
  EXPECT_TRUE(crew.Last<ChildHalted>(child)->halted);
}

TEST(ExitTest, SignalIsTold) {
  Shows("A6", "R26");
  for (const int number : {SIGSEGV, SIGABRT, SIGTERM, SIGUSR1}) {
    Crew crew(FaultPool({"die-of", std::to_string(number)}));
    const ChildId child = crew.Start();
    ASSERT_TRUE(crew.AwaitEnd(child));
    EXPECT_EQ(crew.Last<ChildExited>(child)->signal, number);
    EXPECT_EQ(crew.Last<ChildExited>(child)->code, 0);
  }
}

TEST(ExitTest, KillOfAChildThatIsNeverReadyEndsIt) {
  Shows("A7", "R02");
  Crew crew(FaultPool({"never-ready"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await<Spawned>(child));
  crew.Kill(child, Intent::kInitTimeout);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGKILL);
  EXPECT_EQ(crew.Count<ChildReady>(child), 0);
}

TEST(ExitTest, AskedChildStops) {
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGTERM);
}

TEST(ExitTest, StopSignalIsThePools) {
  Shows("R41");
  PoolSettings pool = FaultPool({"good"});
  pool.stop_signal = "INT";
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGINT);
}

TEST(ExitTest, ChildThatIgnoresTheStopIsKilled) {
  Shows("B6");
  Crew crew(FaultPool({"ignore-term"}));
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  RunFor(crew.loop(), std::chrono::milliseconds(50));
  EXPECT_EQ(crew.Count<ChildExited>(child), 0);
  crew.Kill(child);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGKILL);
}

TEST(ExitTest, StoppedChildIsNoticedAndStopsWhenAsked) {
  Shows("B7", "R39");
  for (const bool adopt : {true, false}) {
    Crew crew(FaultPool({"stop-self"}), {.adopt_orphans = adopt});
    const ChildId child = crew.StartReady();
    ASSERT_TRUE(crew.Await<ChildHalted>(child));
    EXPECT_TRUE(crew.Last<ChildHalted>(child)->halted);
    // SIGTERM alone would wait until somebody continues it.
    crew.children().AskToStop({child, Intent::kRetired});
    ASSERT_TRUE(crew.AwaitEnd(child));
    EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGTERM);
  }
}

TEST(ExitTest, StoppedChildThatGoesOnIsNoticed) {
  for (const bool adopt : {true, false}) {
    Crew crew(FaultPool({"stop-self"}), {.adopt_orphans = adopt});
    const ChildId child = crew.StartReady();
    ASSERT_TRUE(crew.Await<ChildHalted>(child));
    ASSERT_EQ(kill(crew.PidOf(child), SIGCONT), 0);
    ASSERT_TRUE(crew.Await<ChildHalted>(child, 2));
    EXPECT_FALSE(crew.Last<ChildHalted>(child)->halted);
  }
}

TEST(ExitTest, StoppedChildIsKilledAllTheSame) {
  Shows("B7", "R39");
  Crew crew(FaultPool({"stop-self"}));
  const ChildId child = crew.StartReady();
  ASSERT_TRUE(crew.Await<ChildHalted>(child));
  crew.Kill(child, Intent::kHalted);
  ASSERT_TRUE(crew.AwaitEnd(child));
}

TEST(ExitTest, BusyChildrenAreKilled) {
  for (const char* const fault : {"hang-in-job", "spin-in-job", "no-ack"}) {
    Crew crew(FaultPool({fault}));
    const ChildId child = crew.StartReady();
    crew.Run(child, 1);
    if (std::string_view(fault) != "no-ack") {
      ASSERT_TRUE(crew.Await<JobAcked>(child));
    }
    crew.Kill(child, Intent::kRunTimeout);
    EXPECT_TRUE(crew.AwaitEnd(child)) << fault;
  }
}

TEST(ExitTest, ChildThatTheSignalDoesNotEndHearsStop) {
  PoolSettings pool = FaultPool({"good"});
  const std::string ignoring = R"(trap '' TERM; exec "$0" "$@")";
  pool.command.insert(pool.command.begin(), {"/bin/sh", "-c", ignoring});
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, 0);
  EXPECT_EQ(crew.Last<ChildExited>(child)->code, 0);
}

TEST(ExitTest, StopCommandStopsTheChild) {
  Shows("R41");
  PoolSettings pool = FaultPool({"good"});
  pool.stop_command = {"/bin/sh", "-c", "kill -INT $ANDIRON_STOP_PID"};
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGINT);
}

TEST(ExitTest, StopCommandThatFailsIsReplacedByTheSignal) {
  Shows("R41");
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"/no/such/program"}, std::vector<std::string>{"/bin/sh", "-c", "exit 3"},
        std::vector<std::string>{"/bin/sh", "-c", "kill -KILL $$"}}) {
    PoolSettings pool = FaultPool({"good"});
    pool.stop_command = command;
    Crew crew(pool);
    const ChildId child = crew.StartReady();
    crew.children().AskToStop({child, Intent::kRetired});
    ASSERT_TRUE(crew.AwaitEnd(child));
    EXPECT_EQ(crew.Last<ChildExited>(child)->signal, SIGTERM);
  }
}

TEST(ExitTest, StopCommandThatHangsEndsWithItsChild) {
  Shows("R41", "R56");
  PoolSettings pool = FaultPool({"good"});
  pool.stop_command = {"/bin/sh", "-c", "sleep 1000 & wait"};
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.Await([&] { return ChildProcesses().size() > 1; }));
  crew.Kill(child);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(crew.Await([] { return ChildProcesses().empty(); }));
}

TEST(ExitTest, StopCommandThatDoesItsWorkAndHangsEndsWithItsChild) {
  PoolSettings pool = FaultPool({"good"});
  pool.stop_command = {"/bin/sh", "-c", "kill -TERM $ANDIRON_STOP_PID; sleep 1000 & wait"};
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  crew.children().AskToStop({child, Intent::kRetired});
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_TRUE(crew.Await([] { return ChildProcesses().empty(); }));
}

TEST(ExitTest, StatusThatSomebodyElseTookIsLostButTheEndIsTold) {
  Shows("B21", "R29");
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  const pid_t pid = crew.PidOf(child);
  crew.Kill(child);
  ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, -1);
}

// The worker adopts orphans and reaps them: a child of its host is neither.
TEST(ExitTest, ChildOfTheHostKeepsItsStatus) {
  Shows("R28");
  Crew crew(FaultPool({"escapee"}));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t hosts = fork();
  if (hosts == 0) {
    char byte = 0;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 7 : 1);
  }
  const ChildId child = crew.StartReady();
  const pid_t escapee = crew.PrintedPid("escapee");
  close(ends[1]);  // now it exits, and its SIGCHLD wakes the sweep
  close(ends[0]);
  ASSERT_TRUE(crew.Await([&] { return ProcessState(hosts) == 'Z'; }));
  crew.Kill(child);
  ASSERT_TRUE(crew.AwaitEnd(child));
  ASSERT_TRUE(crew.Await([&] { return !ProcessExists(escapee); })) << "the sweep has run";
  int status = 0;
  ASSERT_EQ(waitpid(hosts, &status, WNOHANG), hosts);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

// A process with exactly this number; root only. -1 = the kernel wouldn't.
pid_t ForkAs(pid_t number) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  arguments.set_tid_size = 1;
  const long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid == 0) {
    for (;;) pause();
  }
  return static_cast<pid_t>(pid);
}

// B20: a signal meant for a process that is gone hits nobody, whoever has its number now.
TEST(SignalsTest, NumberThatIsSomebodyElsesNowIsNotHit) {
  Shows("B20", "R29");
  if (geteuid() != 0) GTEST_SKIP() << "only root may choose a process's number (clone3 set_tid)";
  const pid_t first = fork();
  if (first == 0) _exit(0);
  const UniqueFd pidfd = OpenPidfd(first);
  ASSERT_TRUE(pidfd);
  ASSERT_EQ(waitpid(first, nullptr, 0), first);
  const pid_t second = ForkAs(first);
  if (second < 0 && (errno == ENOSYS || errno == EPERM)) GTEST_SKIP() << "no clone3 with set_tid here: " << errno;
  ASSERT_EQ(second, first) << errno;
  EXPECT_FALSE(SignalProcess(pidfd.get(), SIGKILL));
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(SignalGroup(pidfd.get(), first, SIGKILL));
  EXPECT_EQ(waitpid(second, nullptr, WNOHANG), 0) << "it lives";
  kill(second, SIGKILL);
  EXPECT_EQ(waitpid(second, nullptr, 0), second);
}

TEST(ExitTest, EndIsToldOnceHoweverOftenItIsKilled) {
  Shows("R29", "R33");
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  for (int i = 0; i < 3; ++i) {
    crew.children().AskToStop({child, Intent::kRetired});
    crew.Kill(child);
    crew.children().Close({child});
  }
  ASSERT_TRUE(crew.AwaitEnd(child));
  crew.Kill(child);
  crew.children().Close({child});
  RunFor(crew.loop(), std::chrono::milliseconds(20));
  EXPECT_EQ(crew.Count<ChildExited>(child), 1);
  EXPECT_EQ(crew.Count<ChannelClosed>(child), 1);
}

TEST(ExitTest, CloseWhileAChildIsStartedIsDoneWhenItHasStarted) {
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.Start();
  crew.children().Close({child});
  EXPECT_EQ(crew.Count<ChannelClosed>(child), 0);
  ASSERT_TRUE(crew.Await<Spawned>(child));
  EXPECT_TRUE(crew.Await<ChannelClosed>(child));
  EXPECT_EQ(crew.Count<ChildReady>(child), 0);
}

TEST(ExitTest, AbandonedChildIsStillWatchedWhileItsSlotGoesOn) {
  Crew crew(FaultPool({"never-read"}));
  const ChildId old = crew.StartReady(0);
  crew.children().Abandon({old});
  const ChildId next = crew.StartReady(0);
  EXPECT_EQ(crew.children().live(), 2);
  crew.Kill(old);
  ASSERT_TRUE(crew.AwaitEnd(old));
  EXPECT_EQ(crew.Count<ChildExited>(next), 0);
  EXPECT_EQ(crew.children().live(), 1);
}

TEST(ExitTest, TwoHundredLivesLeaveNoDescriptorAndNoHandle) {
  Shows("R49", "R106");
  Crew crew(FaultPool({"good"}));
  const ChildId first = crew.StartReady();
  crew.Kill(first);
  ASSERT_TRUE(crew.AwaitEnd(first));
  crew.Examine(first, SlotState::kIdle);
  const int before = OpenDescriptors();
  const auto handles = [] {
    return UvHandle<uv_poll_t>::Live() + UvHandle<uv_timer_t>::Live() + UvHandle<uv_signal_t>::Live() +
           UvHandle<uv_async_t>::Live();
  };
  const int handles_before = handles();
  for (int life = 0; life < 200; ++life) {
    const ChildId child = crew.StartReady();
    crew.Kill(child);
    ASSERT_TRUE(crew.AwaitEnd(child));
    crew.Examine(child, SlotState::kIdle);
  }
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(handles(), handles_before) << "no handle of libuv either";
}

TEST(ExitTest, DestructionWithoutAWordKillsEverything) {
  std::vector<pid_t> pids;
  {
    Crew crew(FaultPool({"ignore-term"}));
    for (std::uint32_t slot = 0; slot < 5; ++slot) pids.push_back(crew.PidOf(crew.StartReady(slot)));
    crew.children().KillEverything();
  }
  for (const pid_t pid : pids) EXPECT_FALSE(ProcessExists(pid));
}

// What remains of a worker that is killed in the middle of its work.
TEST(ExitTest, ChildrenDieWithTheirWorker) {
  Shows("C1", "C2", "R43");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t worker = fork();
  if (worker == 0) {
    // Hangs when its channel closes and ignores SIGTERM: only the kernel can end it.
    Crew crew(FaultPool({"ignore-term"}));
    const pid_t pid = crew.PidOf(crew.StartReady());
    if (write(ends[1], &pid, sizeof pid) < 0) _exit(1);
    for (;;) pause();
  }
  pid_t pid = 0;
  ASSERT_EQ(read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  EXPECT_TRUE(ProcessExists(pid));
  kill(worker, SIGKILL);
  EXPECT_EQ(waitpid(worker, nullptr, 0), worker);
  EXPECT_TRUE(WaitUntil([&] {
    waitpid(pid, nullptr, WNOHANG);  // this process may have adopted it
    return !ProcessExists(pid) || ProcessState(pid) == 'Z';
  }));
  close(ends[0]);
  close(ends[1]);
}

TEST(SignalNamesTest, GoBothWays) {
  EXPECT_EQ(SignalNumber("TERM"), SIGTERM);
  EXPECT_EQ(SignalNumber("SIGUSR1"), SIGUSR1);
  EXPECT_EQ(SignalNumber("9"), SIGKILL);
  EXPECT_EQ(SignalNumber("NOPE"), 0);
  EXPECT_EQ(SignalNumber("0"), 0);
  EXPECT_EQ(SignalNumber("65"), 0);
  EXPECT_EQ(SignalName(SIGSEGV), "SIGSEGV");
}

}  // namespace
}  // namespace andiron
