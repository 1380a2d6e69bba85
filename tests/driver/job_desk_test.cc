#include "worker/driver/job_desk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

// Writes down what it is told.
class Notes final : public JobSource {
 public:
  void OnAccepted(JobNumber) override { said.push_back("accepted"); }
  void OnRefused(const Refused& refused) override { said.push_back(std::string(Name(refused.reason))); }
  void OnStarted(JobNumber, ChildId) override { said.push_back("started"); }
  void OnOutcome(JobEnd& end) override { said.push_back(std::string(Name(end.report.outcome))); }
  void OnReservation(const ReservationAnswered& answer) override {
    said.push_back(answer.granted ? "granted" : "not granted");
  }
  void OnCapacity(const CapacityChanged& news) override { capacity = news.capacity; }
  void OnWorkerState(WorkerState state) override { said.push_back(std::string(Name(state))); }
  void OnTurnEnd() override { ++turns; }

  std::vector<std::string> said;
  int capacity = 0;
  int turns = 0;
};

TEST(JobDesk, SourceHearsAllOfItsJobInOrder) {
  Shows("R118");
  Rig rig(EchoPool());
  Notes notes;
  JobDesk& desk = rig.worker().desk();
  desk.Join(notes);
  ASSERT_TRUE(rig.RunUntil([&] { return notes.capacity == 1; }));
  const JobNumber job = desk.Submit(notes, EchoJob("a"));
  EXPECT_NE(desk.Find(job), nullptr);
  ASSERT_TRUE(rig.RunUntil([&] { return notes.said.size() == 3; }));
  EXPECT_EQ(notes.said, (std::vector<std::string>{"accepted", "started", "SUCCEEDED"}));
  EXPECT_GT(notes.turns, 0);
  EXPECT_EQ(desk.Find(job), nullptr);
  EXPECT_EQ(desk.unfinished(), 0U);
  desk.Leave(notes);
}

TEST(JobDesk, ReservedPlaceIsNotOffered) {
  Shows("R66");
  PoolSettings pool = EchoPool();
  pool.queue_limit = 0;
  Rig rig(pool);
  Notes notes;
  JobDesk& desk = rig.worker().desk();
  desk.Join(notes);
  ASSERT_TRUE(rig.RunUntil([&] { return notes.capacity == 1; }));
  const ReservationNumber place = desk.Reserve(notes, "echo");
  ASSERT_TRUE(rig.RunUntil([&] { return notes.said.size() == 1; }));
  EXPECT_EQ(notes.said[0], "granted");
  EXPECT_EQ(notes.capacity, 0);
  desk.Release(place);
  EXPECT_TRUE(rig.RunUntil([&] { return notes.capacity == 1; }));
  desk.Leave(notes);
}

TEST(JobDesk, SourceThatHasLeftHearsNothing) {
  PoolSettings pool = EchoPool();
  pool.reservation_timeout = std::chrono::hours(1);
  Rig rig(pool);
  Notes notes;
  JobDesk& desk = rig.worker().desk();
  desk.Join(notes);
  desk.Submit(notes, EchoJob("a"));
  desk.Reserve(notes, "echo");
  desk.Leave(notes);
  ASSERT_TRUE(rig.RunUntil([&] { return desk.unfinished() == 0; }));
  // The place that was granted to nobody is given back.
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Pool().reserved == 0 && rig.Slots(SlotState::kIdle) == 1; }));
  EXPECT_TRUE(notes.said.empty());
  EXPECT_EQ(notes.turns, 0);
}

TEST(JobDesk, WorkersStateIsTold) {
  Rig rig(EchoPool());
  Notes notes;
  rig.worker().desk().Join(notes);
  rig.worker().Drain([] {});
  ASSERT_TRUE(rig.RunUntil([&] { return !notes.said.empty() && notes.said.back() == "drained"; }));
  rig.worker().Resume();
  ASSERT_TRUE(rig.RunUntil([&] { return notes.said.back() == "running"; }));
  EXPECT_TRUE(rig.Stop(false));
  EXPECT_EQ(notes.said.back(), "stopped");
  rig.worker().desk().Leave(notes);
}

}  // namespace
}  // namespace andiron
