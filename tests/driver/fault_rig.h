// A worker with a pool of fault-children beside a pool of good ones, for tests of what a child's fault costs.
#ifndef ANDIRON_TESTS_DRIVER_FAULT_RIG_H_
#define ANDIRON_TESTS_DRIVER_FAULT_RIG_H_

#include <string>
#include <utility>
#include <vector>

#include "tests/driver/rig.h"

namespace andiron {

// Named "bad": one child at a time, replaced soon whatever it did, for as many jobs as it lives.
inline PoolSettings BadPool(const std::vector<std::string>& arguments) {
  PoolSettings pool = EchoPool();
  pool.name = "bad";
  pool.command = {Program("fault-child")};
  pool.command.insert(pool.command.end(), arguments.begin(), arguments.end());
  pool.backoff_min = pool.backoff_max = 10ms;
  pool.breaker_failures = 0;
  return pool;
}

class FaultRig {
 public:
  explicit FaultRig(PoolSettings bad) : rig_(Both(std::move(bad))) {}

  Rig& rig() { return rig_; }
  PoolStatus Bad() { return rig_.Pool(0); }
  int BadIdle() { return Bad().slots[static_cast<std::size_t>(SlotState::kIdle)]; }
  std::int64_t Ended(InitializeEnd end) { return Bad().initialize[static_cast<std::size_t>(end)]; }
  JobReport RunBad(JobRequest request = {}) {
    request.pool = "bad";
    return rig_.RunJob(std::move(request));
  }
  // The other pool works on.
  void ExpectGoodPoolWorks() {
    const JobReport report = rig_.RunJob({.pool = "echo", .payload = "x", .start_by = kTestDeadline});
    EXPECT_EQ(report.output, "x") << report.error;
  }
  // What is promised at any moment.
  void ExpectBalance() {
    const PoolStatus bad = Bad();
    const PoolStatus good = rig_.Pool(1);
    int slots = 0;
    for (const int count : bad.slots) slots += count;
    EXPECT_EQ(slots, bad.max_children) << "a slot is lost";
    EXPECT_EQ(bad.spawned + good.spawned - bad.exited - good.exited, Alive(bad) + Alive(good));
  }

 private:
  static WorkerSettings Both(PoolSettings bad) {
    WorkerSettings settings = SettingsOf(std::move(bad));
    settings.pools.push_back(EchoPool());
    return settings;
  }
  static int Alive(const PoolStatus& pool) {
    int alive = 0;
    for (const ChildStatus& child : pool.children) alive += child.pid > 0 ? 1 : 0;
    return alive;
  }

  Rig rig_;
};

}  // namespace andiron

#endif  // ANDIRON_TESTS_DRIVER_FAULT_RIG_H_
