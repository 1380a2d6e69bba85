// An exec that hangs: it holds up its pool's helper thread, and nothing else.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/children/crew.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "tests/support/stuck_program.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

PoolSettings CommandPool(std::vector<std::string> command) {
  PoolSettings pool;
  pool.command = std::move(command);
  return pool;
}

int Threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<int>(std::distance(begin(tasks), end(tasks)));
}

// Until the only child sleeps in its exec: before that it never sleeps.
bool AwaitStuck(Crew& crew) {
  return crew.Await([] {
    const std::vector<pid_t> children = ChildProcesses();
    return children.size() == 1 && ProcessState(children.front()) == 'S';
  });
}

TEST(StuckExecTest, OtherPoolsAndTheLoopGoOn) {
  Shows("A5", "R10", "R57");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  Crew crew({CommandPool({program.path()}), FaultPool({"good"})}, {});
  const ChildId stuck = crew.Start(0, 0);
  const TimePoint begin = Now();
  const ChildId other = crew.StartReady(0, 1);
  crew.Run(other, 1);
  EXPECT_TRUE(crew.Await<JobReturned>(other));
  EXPECT_LT(Now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(crew.Count<Spawned>(stuck), 0);
  program.Release();
  EXPECT_TRUE(crew.Await<ChildReady>(stuck));
}

TEST(StuckExecTest, LoopIsNotDelayed) {
  Shows("A5");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  Crew crew(CommandPool({program.path()}));
  crew.Start();
  ASSERT_TRUE(AwaitStuck(crew));
  // The timer of Await() is due every 10 ms. Half of its turns at least are on time, whatever else the
  // machine has to do.
  int on_time = 0;
  int turns = 0;
  TimePoint last = Now();
  ASSERT_TRUE(crew.Await([&] {
    const TimePoint now = Now();
    on_time += now - last < std::chrono::milliseconds(30) ? 1 : 0;
    last = now;
    return ++turns == 100;
  }));
  EXPECT_GT(on_time, 50);
}

TEST(StuckExecTest, ChildThatHangsBeforeItsExecIsKilled) {
  Shows("A5");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  Crew crew(CommandPool({program.path()}));
  const ChildId stuck = crew.Start();
  ASSERT_TRUE(AwaitStuck(crew));
  crew.Kill(stuck, Intent::kInitTimeout);
  EXPECT_TRUE(crew.AwaitEnd(stuck));
  EXPECT_EQ(crew.Count<ChildReady>(stuck), 0);
}

TEST(StuckExecTest, ThreadThatHangsIsReplaced) {
  Shows("A5");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  // The pool's path leads to the stuck program first; once its helper is replaced, the next child gets a good one.
  ProgramLink link(program.path());
  Crew crew(CommandPool({link.path()}));
  const ChildId stuck = crew.Start(0);
  ASSERT_TRUE(AwaitStuck(crew));
  link.PointTo(ProgramPath("fault-child"));
  const ChildId next = crew.Start(1);
  crew.children().Abandon({stuck});
  EXPECT_TRUE(crew.Await<ChildReady>(next));
  EXPECT_EQ(crew.Count<Spawned>(stuck), 0);
  for (const ChildId child : {stuck, next}) {
    crew.Kill(child);
    EXPECT_TRUE(crew.AwaitEnd(child));
    crew.Examine(child, SlotState::kStarting);
  }
  // Nothing is on its way any more, so the host's loop may end.
  for (int turn = 0; turn < 1000 && uv_loop_alive(crew.loop()) != 0; ++turn) uv_run(crew.loop(), UV_RUN_NOWAIT);
  EXPECT_EQ(uv_loop_alive(crew.loop()), 0);
}

// Children are tied to the thread that has started them: it must not end before they do.
TEST(StuckExecTest, ThreadThatWasReplacedKeepsTheChildrenItHadStarted) {
  Shows("R44");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  ProgramLink link(ProgramPath("fault-child"));
  Crew crew(CommandPool({link.path()}));
  const ChildId early = crew.StartReady(0);
  link.PointTo(program.path());
  const ChildId stuck = crew.Start(1);
  ASSERT_TRUE(crew.Await([] { return ChildProcesses().size() == 2; }));
  crew.children().Abandon({stuck});
  program.Release();
  ASSERT_TRUE(crew.Await<ChildReady>(stuck)) << "the old thread has nothing left to do";
  const ChildId late = crew.StartReady(2);
  crew.Run(early, 1);
  crew.Run(late, 2);
  EXPECT_TRUE(crew.Await<JobReturned>(early) && crew.Await<JobReturned>(late));
  EXPECT_EQ(crew.Count<ChildExited>(early), 0);
}

TEST(StuckExecTest, DestructionDoesNotWaitForAStuckExec) {
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  const TimePoint begin = Now();
  {
    Crew crew(CommandPool({program.path()}));
    crew.Start();
    ASSERT_TRUE(AwaitStuck(crew));
  }
  EXPECT_LT(Now() - begin, std::chrono::seconds(10));
}

TEST(StuckExecTest, WhoWaitsBehindItIsHandedBackWhenItsTimeIsOver) {
  Shows("A5", "A7");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  Crew crew(CommandPool({program.path()}));
  const ChildId stuck = crew.Start(0);
  ASSERT_TRUE(AwaitStuck(crew));
  const ChildId killed = crew.Start(1);
  const ChildId asked = crew.Start(2);
  crew.Kill(killed, Intent::kInitTimeout);
  EXPECT_TRUE(crew.Await<SpawnFailed>(killed));
  crew.children().AskToStop({asked, Intent::kStopRequested});
  EXPECT_TRUE(crew.Await<SpawnFailed>(asked));
  EXPECT_EQ(crew.Count<SpawnFailed>(stuck), 0) << "its exec still hangs";
}

// Told first when its slot is withheld, then when it has found room in the quarantine.
TEST(StuckExecTest, ThreadThatHangsIsReplacedOnce) {
  Shows("A5");
  StuckProgram program(ProgramPath("fault-child"));
  ASSERT_TRUE(program.stuck());
  ProgramLink link(program.path());
  Crew crew(CommandPool({link.path()}));
  const ChildId stuck = crew.Start(0);
  ASSERT_TRUE(AwaitStuck(crew));
  link.PointTo(ProgramPath("fault-child"));
  crew.children().Abandon({stuck, true});
  crew.StartReady(1);
  const int threads = Threads();
  crew.children().Abandon({stuck, false});
  crew.StartReady(2);
  EXPECT_EQ(Threads(), threads);
}

}  // namespace
}  // namespace andiron
