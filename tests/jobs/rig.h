// Drives a Core by hand: virtual time, one fact at a time, and the actions of the last step.
#ifndef ANDIRON_TESTS_JOBS_RIG_H_
#define ANDIRON_TESTS_JOBS_RIG_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "jobs/core.h"

namespace andiron {

class Rig {
 public:
  // Settings with a different value for each timeout, so that a deadline tells which one it is.
  static PoolSettings Settings() {
    PoolSettings pool;
    pool.name = "p";
    pool.command = {"child"};
    pool.warm = 1;
    pool.max_children = 1;
    pool.max_starting = 1;
    pool.quarantine_max = 1;
    pool.init_timeout = 10s;
    pool.init_stall_timeout = 4s;
    pool.max_jobs_per_child = 0;
    pool.idle_timeout = 60s;
    pool.queue_limit = 10;
    pool.start_by = 30s;
    pool.run_for = 3600s;
    pool.ack_timeout = 2s;
    pool.cancel_grace = 1s;
    pool.stop_grace = 5s;
    pool.kill_grace = 6s;
    pool.exit_drain = 500ms;
    pool.ping_interval = 13s;
    pool.ping_timeout = 8s;
    pool.frame_timeout = 11s;
    pool.write_timeout = 12s;
    return pool;
  }

  // The same with so many slots, all of which may start at once.
  static PoolSettings Settings(int warm, int max_children) {
    PoolSettings pool = Settings();
    pool.warm = warm;
    pool.max_children = pool.max_starting = max_children;
    return pool;
  }

  explicit Rig(PoolSettings pool = Settings(), Duration drain_timeout = 20s)
      : Rig(std::vector<PoolSettings>{std::move(pool)}, drain_timeout) {}
  Rig(std::vector<PoolSettings> pools, Duration drain_timeout) : core(std::move(pools), drain_timeout, 1, true) {
    Step();
  }

  // One turn with these facts, at the present time.
  template <typename... Facts>
  void Step(Facts... facts) {
    std::vector<Fact> batch{TimeRead{now}};
    (batch.push_back(Fact(std::move(facts))), ...);
    actions.clear();
    core.Step(now, batch, actions);
    EXPECT_EQ(core.CheckInvariants(), "");
  }

  // Lets time pass, stopping at every deadline on the way. `actions` holds all that happened.
  void Pass(Duration time) {
    const TimePoint end = now + time;
    ActionList all;
    while (core.NextDeadline() <= end) {
      now = std::max(now, core.NextDeadline());
      Step();
      for (Action& action : actions) all.push_back(std::move(action));
    }
    now = end;
    actions = std::move(all);
  }

  // The actions of one kind in the last step.
  template <typename T>
  std::vector<T> All() const {
    std::vector<T> found;
    for (const Action& action : actions)
      if (const T* known = std::get_if<T>(&action)) found.push_back(*known);
    return found;
  }
  template <typename T>
  bool Did() const {
    return !All<T>().empty();
  }

  PoolStatus Pool(std::size_t index = 0) const { return core.Status().pools[index]; }
  int Count(SlotState state) const { return Pool().slots[static_cast<std::size_t>(state)]; }
  // The child in a slot now.
  ChildId Child(std::uint32_t slot = 0) const {
    for (const ChildStatus& child : Pool().children)
      if (child.child.slot == slot) return child.child;
    return {};
  }

  // Brings the child of a slot from Starting to Idle.
  void MakeReady(std::uint32_t slot = 0) { Step(Spawned{Child(slot), 100}, ChildReady{Child(slot)}); }
  void MakeAllReady() {
    for (int round = 0; round < 64 && Count(SlotState::kStarting) > 0; ++round)
      for (const ChildStatus& child : Pool().children)
        if (child.state == SlotState::kStarting) Step(Spawned{child.child, 100}, ChildReady{child.child});
  }
  void Submit(std::uint64_t number) { Step(Job(number)); }
  static JobSubmitted Job(std::uint64_t number) {
    JobSubmitted job{};
    job.job = JobNumber{number};
    job.pool = "p";
    job.id = "job" + std::to_string(number);
    job.payload = "x";
    return job;
  }
  static JobReturned Done(ChildId child, std::uint64_t job) {
    return {child, JobNumber{job}, JobReturned::End::kSucceeded, "r"};
  }
  void Die(ChildId child, int signal = 9) { Step(ChildExited{child, 0, signal, false}, ChannelClosed{child}); }

  TimePoint now{1000s};
  ActionList actions;
  Core core;
};

}  // namespace andiron

#endif  // ANDIRON_TESTS_JOBS_RIG_H_
