// A worker on a real loop with real children, for tests: waits for conditions under a deadline, and leaves nothing
// behind (the loop closes, no handle lives, no descriptor is open, no process of ours is left).
#ifndef ANDIRON_TESTS_DRIVER_RIG_H_
#define ANDIRON_TESTS_DRIVER_RIG_H_

#include <andiron/worker.h>
#include <gtest/gtest.h>
#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process_table.h"
#include "worker/driver/worker_impl.h"

namespace andiron {

// Generous: a slow machine isn't a failure.
inline constexpr Duration kTestDeadline = std::chrono::seconds(30);

// The path of a program of this build.
std::string Program(const std::string& name);
// Processes whose parent is this one, zombies too.
std::vector<int> OwnProcesses();
int ThreadsOf(int pid);

// One pool "echo" of one echo child, with its flags; nothing pinged, for tests that count turns.
PoolSettings EchoPool(const std::vector<std::string>& flags = {});
WorkerSettings SettingsOf(PoolSettings pool);
JobSubmitted EchoJob(const std::string& id);

class Rig {
 public:
  // Whoever fails to make the loop or the worker fails the test.
  Rig();
  explicit Rig(WorkerSettings settings, Duration stall_grace = Driver::kStallGrace);
  // `stall_grace` 0: for tests of what holds without it.
  explicit Rig(PoolSettings pool, Duration stall_grace = Driver::kStallGrace);
  ~Rig();

  void StartWorker(WorkerSettings settings, int log_descriptor = 2, bool allow_cgroup = false);
  uv_loop_t* loop() { return &loop_; }
  WorkerImpl& worker() { return *worker_; }
  std::unique_ptr<WorkerImpl>& owned_worker() { return worker_; }
  PoolStatus Pool(std::size_t index = 0) { return worker_->driver().Status().pools.at(index); }
  int Slots(SlotState state) { return Pool().slots.at(static_cast<std::size_t>(state)); }

  // Runs the loop until the condition holds; false if it doesn't in time. Only the loop's own events wake it.
  bool RunUntil(const std::function<bool()>& condition, Duration limit = kTestDeadline);
  // Submits and waits for the report.
  JobReport RunJob(JobRequest request);
  // Stops the worker in order and waits for it.
  bool Stop(bool now);
  // Keeps the thread, and with it the loop, busy until the condition holds: a stall.
  static bool Stall(const std::function<bool()>& condition, Duration limit = kTestDeadline);

 private:
  uv_loop_t loop_;
  int handles_before_;
  int descriptors_before_;
  Duration stall_grace_ = Driver::kStallGrace;
  std::unique_ptr<WorkerImpl> worker_;
};

// All handles of our types that are alive in this process.
int HandleCensus();

}  // namespace andiron

#endif  // ANDIRON_TESTS_DRIVER_RIG_H_
