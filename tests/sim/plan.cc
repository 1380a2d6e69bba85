#include "tests/sim/plan.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "tests/sim/clock_start.h"
#include "tests/sim/random.h"

namespace andiron::sim {
namespace {

constexpr Nanos kHour = 3'600'000'000'000;

constexpr std::array<std::string_view, kFaultCount> kNames = {"spawn_error",
                                                              "spawn_slow",
                                                              "never_ready",
                                                              "slow_ready",
                                                              "edge_ready",
                                                              "progress_stall",
                                                              "garbage",
                                                              "exit_before_hello",
                                                              "exit_with_hello",
                                                              "double_hello",
                                                              "crash",
                                                              "out_of_memory",
                                                              "status_lost",
                                                              "close_but_live",
                                                              "grandchild",
                                                              "deaf",
                                                              "half_frame",
                                                              "halted",
                                                              "no_pong",
                                                              "ignore_cancel",
                                                              "ignore_stop",
                                                              "slow_stop",
                                                              "unkillable",
                                                              "slow_kill",
                                                              "flood_at_exit",
                                                              "split_death",
                                                              "exit_unacked",
                                                              "no_ack",
                                                              "late_ack",
                                                              "result_unacked",
                                                              "exit_acked",
                                                              "hang",
                                                              "edge_result",
                                                              "result_then_exit",
                                                              "double_result",
                                                              "other_job",
                                                              "failed_result",
                                                              "unasked_cancelled",
                                                              "late_facts",
                                                              "stall",
                                                              "burst",
                                                              "unknown_pool",
                                                              "too_large",
                                                              "duplicate_id",
                                                              "cancel",
                                                              "cancel_twice",
                                                              "cancel_unknown",
                                                              "reservation",
                                                              "reservation_kept",
                                                              "waiter",
                                                              "child_stop",
                                                              "drain",
                                                              "resume",
                                                              "stop",
                                                              "stop_now"};

// Draws the waits of one plan.
class Waits {
 public:
  Waits(Random& random, Nanos latency) : random_(random), latency_(latency) {}

  Duration Draw() {
    const std::int64_t kind = random_.Below(100);
    if (kind < 12) return AtLeast(latency_ / 2 + random_.Below(3 * latency_));  // races with healthy answers
    if (kind < 65) return AtLeast(latency_ * random_.Between(8, 40));
    if (kind < 85) return AtLeast(latency_ * random_.Between(40, 1000));
    if (kind < 88) return kShortest;
    return Duration(random_.Between(kHour / 60, kHour));
  }

  // For a wait that only gives somebody time to be polite.
  Duration DrawGrace() { return random_.Below(12) == 0 ? Duration(random_.Below(2)) : Draw(); }

  Duration DrawOrOff() { return random_.Coin() ? Duration(0) : Draw(); }

 private:
  static constexpr Duration kShortest{1'000'000};  // as jobs/settings_rules.h has it
  static Duration AtLeast(Nanos wait) { return std::max(Duration(wait), kShortest); }

  Random& random_;
  Nanos latency_;
};

int DrawSlots(Random& random) {
  constexpr int kSizes[] = {1, 1, 2, 2, 3, 4, 6, 8, 8, 10, 12, 16, 16, 24, 32, 64};
  return kSizes[random.Below(std::ssize(kSizes))];
}

void DrawSizes(Random& random, PoolSettings& pool) {
  pool.max_children = DrawSlots(random);
  pool.warm = static_cast<int>(random.Coin() ? random.Below(pool.max_children + 1) : (pool.max_children + 1) / 2);
  pool.max_starting = static_cast<int>(random.Coin() ? pool.max_children : random.Between(1, pool.max_children));
  constexpr int kJobs[] = {1, 1, 1, 0, 2, 3, 10};
  pool.max_jobs_per_child = kJobs[random.Below(std::ssize(kJobs))];
  constexpr int kConcurrent[] = {1, 1, 1, 1, 2, 3, 8, kConcurrencyMax};
  pool.max_concurrent_jobs_per_child = kConcurrent[random.Below(std::ssize(kConcurrent))];
  if (pool.max_jobs_per_child != 0) {
    pool.max_concurrent_jobs_per_child = std::min(pool.max_concurrent_jobs_per_child, pool.max_jobs_per_child);
  }
  constexpr int kQueue[] = {0, 1, 5, 20, 100, 100, 1000, 10000};
  pool.queue_limit = kQueue[random.Below(std::ssize(kQueue))];
  pool.quarantine_max = static_cast<int>(random.Coin() ? std::max(1, pool.max_children / 8) : random.Between(1, 4));
  pool.breaker_failures = static_cast<int>(random.Below(7));
  pool.max_payload = 8;
  pool.max_result = 64;
}

void DrawWaits(Waits& waits, Random& random, PoolSettings& pool) {
  pool.init_timeout = waits.Draw();
  pool.init_stall_timeout = random.Below(3) == 0 ? std::min(waits.Draw(), pool.init_timeout) : Duration(0);
  pool.max_child_age = random.Below(4) == 0 ? waits.Draw() : Duration(0);
  pool.idle_timeout = waits.DrawOrOff();
  pool.start_by = waits.Draw();
  pool.run_for = random.Below(8) == 0 ? Duration(0) : waits.Draw();
  pool.ack_timeout = waits.Draw();
  pool.frame_timeout = waits.Draw();
  pool.write_timeout = waits.Draw();
  pool.ping_interval = waits.DrawOrOff();
  pool.ping_timeout = waits.Draw();
  pool.cancel_grace = waits.DrawGrace();
  pool.stop_grace = waits.DrawGrace();
  pool.kill_grace = waits.Draw();
  pool.exit_drain = waits.DrawGrace();
  pool.reservation_timeout = waits.Draw();
  pool.stable_time = waits.DrawGrace();
  pool.backoff_min = waits.Draw();
  pool.backoff_max = std::max(pool.backoff_min, waits.Draw());
  pool.breaker_probe = waits.Draw();
}

// Waits of one length: a deadline can then be taken for another one's. Draws of its own, so that all else stays.
void MakeSomeEqual(Random random, PoolSettings& pool) {
  if (random.Below(4) != 0) return;
  Duration* const waits[] = {&pool.init_timeout, &pool.start_by,   &pool.ack_timeout,
                             &pool.ping_timeout, &pool.stop_grace, &pool.cancel_grace,
                             &pool.kill_grace,   &pool.exit_drain, &pool.reservation_timeout};
  const Duration length = *waits[random.Below(std::ssize(waits))];
  for (Duration* const wait : waits)
    if (random.Coin()) *wait = std::max(length, Duration(1'000'000));
  pool.init_stall_timeout = std::min(pool.init_stall_timeout, pool.init_timeout);
}

Duration LongestWait(const PoolSettings& pool) {
  return std::max({pool.init_timeout, pool.init_stall_timeout, pool.start_by, pool.run_for, pool.ack_timeout,
                   pool.frame_timeout, pool.write_timeout, pool.ping_timeout, pool.cancel_grace, pool.stop_grace,
                   pool.kill_grace, pool.exit_drain, pool.reservation_timeout, pool.backoff_max, pool.breaker_probe});
}

// Without a floor, a child that is pinged every millisecond for an hour of virtual time costs the schedule its speed.
void KeepTurnsFew(std::vector<PoolSettings>& pools) {
  Duration longest{};
  for (const PoolSettings& pool : pools) longest = std::max(longest, LongestWait(pool));
  for (PoolSettings& pool : pools) {
    if (pool.ping_interval > Duration(0)) pool.ping_interval = std::max(pool.ping_interval, longest / 20);
    if (pool.idle_timeout > Duration(0)) pool.idle_timeout = std::max(pool.idle_timeout, longest / 20);
    if (pool.max_child_age > Duration(0)) pool.max_child_age = std::max(pool.max_child_age, longest / 20);
    pool.backoff_max = std::max(pool.backoff_max, longest / 200);
    pool.breaker_probe = std::max(pool.breaker_probe, longest / 200);
  }
}

void DrawOdds(Random& random, Plan& plan) {
  // Of the last kinds a plan has one at most now and then: where most children fail, no job is ever accepted.
  constexpr std::uint32_t kOdds[] = {400, 400, 1300, 1300, 2600, 2600, 6500, 6500, 20000, 40000};
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const std::int64_t kinds = i < static_cast<std::size_t>(Fault::kStall) && random.Below(4) == 0 ? 10 : 8;
    plan.odds[i] = random.Coin() ? 0 : kOdds[random.Below(kinds)];
  }
  // A worker that is stopped early has no schedule left: rarer than the rest.
  for (const Fault fault : {Fault::kDrain, Fault::kStop, Fault::kStopNow}) {
    if (random.Coin()) plan.odds[static_cast<std::size_t>(fault)] = 0;
  }
}

}  // namespace

std::string_view Name(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

Plan DrawPlan(std::uint64_t seed) {
  Random random(seed * 0x2545f4914f6cdd1dU + 1);
  Plan plan;
  constexpr Nanos kLatencies[] = {100'000, 500'000, 2'000'000, 20'000'000};
  plan.latency = kLatencies[random.Below(std::ssize(kLatencies))];
  plan.work = plan.latency * random.Between(1, 20);
  plan.arrival = plan.latency * random.Between(1, 12) / 4;
  plan.jobs = static_cast<int>(random.Below(4) != 0 ? random.Between(50, 100) : random.Between(5, 160));
  plan.turns_max = static_cast<int>(random.Between(300, 1200));
  plan.heals_all = random.Coin();
  plan.jitter_seed = random.Next();
  const std::int64_t pools = 1 + (random.Below(3) == 0 ? random.Between(1, 2) : 0);
  Waits waits(random, plan.latency);
  for (std::int64_t i = 0; i < pools; ++i) {
    PoolSettings pool;
    pool.name = std::to_string(i).insert(0, 1, 'p');
    DrawSizes(random, pool);
    DrawWaits(waits, random, pool);
    MakeSomeEqual(Random(seed + static_cast<std::uint64_t>(i)), pool);
    plan.slots += pool.max_children;
    plan.pools.push_back(std::move(pool));
  }
  KeepTurnsFew(plan.pools);
  plan.drain_timeout = waits.Draw();
  DrawOdds(random, plan);
  plan.start = DrawClockStart(random);
  return plan;
}

Nanos SettleBound(const Plan& plan) {
  Nanos bound = plan.drain_timeout.count();
  for (const PoolSettings& pool : plan.pools) {
    bound += 48 * LongestWait(pool).count();
    bound += (pool.idle_timeout + pool.max_child_age + pool.ping_interval).count();
  }
  return bound + static_cast<Nanos>(plan.jobs + plan.slots + 100) * (plan.work * 4 + plan.latency * 100);
}

}  // namespace andiron::sim
