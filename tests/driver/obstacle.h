// A source of one job that does something in the middle of a turn.
#ifndef ANDIRON_TESTS_DRIVER_OBSTACLE_H_
#define ANDIRON_TESTS_DRIVER_OBSTACLE_H_

#include <functional>
#include <string>
#include <utility>

#include "tests/driver/rig.h"
#include "worker/base/clock.h"

namespace andiron {

// After the step that accepts the job, before anything is sent. With a length it holds the loop up for so long.
class Obstacle final : public JobSource {
 public:
  explicit Obstacle(std::function<void()> in_between) : in_between_(std::move(in_between)) {}
  explicit Obstacle(Duration length)
      : Obstacle([length] {
          const TimePoint over = Now() + length;
          Rig::Stall([&] { return Now() > over; });
        }) {}

  void OnAccepted(JobNumber) override {
    accepted = true;
    in_between_();
  }
  void OnRefused(const Refused& refused) override { ended = std::string(Name(refused.reason)); }
  void OnStarted(JobNumber, ChildId child) override { generation = child.generation; }
  void OnOutcome(JobEnd& end) override {
    ended = std::string(Name(end.report.outcome));
    if (at_end) at_end();
  }
  void OnReservation(const ReservationAnswered&) override {}
  void OnCapacity(const CapacityChanged&) override {}
  void OnWorkerState(WorkerState) override {}
  void OnTurnEnd() override {}

  std::function<void()> at_end;
  bool accepted = false;
  std::string ended;
  std::uint32_t generation = 0;

 private:
  std::function<void()> in_between_;
};

}  // namespace andiron

#endif  // ANDIRON_TESTS_DRIVER_OBSTACLE_H_
