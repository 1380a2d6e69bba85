// The loop was away: stopped between a decision and its deed, or stopped together with its children.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

// Holds the loop up once, in the middle of a turn: after the step that accepts a job, before anything is sent.
class Obstacle final : public JobSource {
 public:
  explicit Obstacle(Duration length) : length_(length) {}

  void OnAccepted(JobNumber) override {
    const TimePoint over = Now() + length_;
    Rig::Stall([&] { return Now() > over; });
  }
  void OnRefused(const Refused& refused) override { ended = std::string(Name(refused.reason)); }
  void OnStarted(JobNumber, ChildId child) override { generation = child.generation; }
  void OnOutcome(JobEnd& end) override { ended = std::string(Name(end.report.outcome)); }
  void OnReservation(const ReservationAnswered&) override {}
  void OnCapacity(const CapacityChanged&) override {}
  void OnWorkerState(WorkerState) override {}
  void OnTurnEnd() override {}

  std::string ended;
  std::uint32_t generation = 0;

 private:
  Duration length_;
};

TEST(Absence, AChildHasItsTimeFromWhenTheJobIsSentAndNotFromWhenItIsDecided) {
  Shows("C4", "C5");
  PoolSettings pool = EchoPool();
  pool.ack_timeout = 700ms;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  Obstacle source(2 * pool.ack_timeout);
  JobDesk& desk = rig.worker().desk();
  desk.Join(source);
  JobSubmitted job;
  job.pool = "echo";
  job.id = "late";
  desk.Submit(source, std::move(job));
  ASSERT_TRUE(rig.RunUntil([&] { return !source.ended.empty(); }));
  EXPECT_EQ(source.ended, "SUCCEEDED");
  EXPECT_EQ(source.generation, 1U);
  EXPECT_TRUE(rig.worker().driver().deaths().empty()) << rig.worker().StatusJson();
  desk.Leave(source);
}

// A paused container, seen from inside: the child runs again a moment after the loop does.
TEST(Absence, AChildThatWasStoppedWithTheLoopHasAMomentToSpeak) {
  Shows("C7");
  PoolSettings pool = EchoPool({"--prewarm-ms", "500"});
  pool.init_timeout = 1500ms;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().spawned == 1; }));
  const std::vector<int> pids = OwnProcesses();
  ASSERT_EQ(pids.size(), 1U);
  ASSERT_EQ(kill(pids[0], SIGSTOP), 0);
  const TimePoint over = Now() + pool.init_timeout + 1500ms;
  Rig::Stall([&] { return Now() > over; });
  const TimePoint goes_on = Now() + 100ms;
  ASSERT_TRUE(rig.RunUntil([&] {
    if (Now() >= goes_on) kill(pids[0], SIGCONT);
    return rig.Slots(SlotState::kStarting) == 0;
  }));
  EXPECT_EQ(rig.Slots(SlotState::kIdle), 1) << rig.worker().StatusJson();
  EXPECT_EQ(rig.Pool().spawned, 1);
}

// One moment, not more: a child that says nothing is ended, however often the loop is away.
TEST(Absence, AChildThatStaysSilentIsEndedByALoopThatIsAwayAgainAndAgain) {
  Shows("C5");
  PoolSettings pool = EchoPool({"--prewarm-ms", "600000"});
  pool.init_timeout = 500ms;
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().spawned == 1; }));
  constexpr int kMany = 6;
  int absences = 0;
  while (rig.Pool().exited == 0 && absences < kMany) {
    ++absences;
    const TimePoint over = Now() + pool.init_timeout + 1200ms;
    Rig::Stall([&] { return Now() > over; });
    for (int turn = 0; turn < 20; ++turn) uv_run(rig.loop(), UV_RUN_NOWAIT);
  }
  EXPECT_LT(absences, kMany);
  EXPECT_EQ(rig.Pool().initialize[static_cast<std::size_t>(InitializeEnd::kTimedOut)], 1);
}

}  // namespace
}  // namespace andiron
