// A child that hangs before its exec, as one does whose program lies on a dead file system: what it costs the others.
#include <functional>
#include <utility>
#include <vector>

#include "bench/reliability/scenes.h"
#include "bench/reliability/stage.h"
#include "tests/support/stuck_program.h"
#include "worker/base/clock.h"

namespace andiron::bench {

Findings StuckStart(const Amount& amount) {
  StuckProgram program(Program("bench-child"));
  if (!program.stuck()) return {{}, "no file system with leases for temporary files"};
  PoolSettings good = PoolOf({Program("bench-child")}, amount.stuck_children);
  good.name = "good";
  good.max_jobs_per_child = 0;
  PoolSettings stuck = PoolOf({program.path()}, 1);
  stuck.name = "stuck";
  stuck.init_timeout = std::chrono::minutes(1);
  Stage stage(WorkerOf({std::move(good), std::move(stuck)}));
  if (!stage.RunUntil("children don't become ready",
                      [&] { return stage.Slots(SlotState::kIdle) == amount.stuck_children; })) {
    return {{}, stage.failure()};
  }
  std::size_t ended = 0;
  bool stopping = false;
  std::function<void()> submit = [&] {
    stage.worker().Submit({.pool = "good", .payload = "x"}, [&](const JobReport& report) {
      if (stopping) return;
      if (report.refused || report.outcome != Outcome::kSucceeded) return stage.Fail("a good job: " + report.error);
      ++ended;
      submit();
    });
  };
  for (int caller = 0; caller < amount.stuck_children; ++caller) submit();
  AwayTimes times;
  stage.OnTurn([&](TimePoint now) { times.Look(now, stage.slept()); });
  stage.RunFor(std::chrono::seconds(amount.stuck_seconds));
  const double rate = static_cast<double>(ended) / amount.stuck_seconds;
  const bool was_stuck = stage.Pool(1).slots.at(static_cast<std::size_t>(SlotState::kStarting)) == 1;
  stopping = true;
  program.Release();
  if (!was_stuck) stage.Fail("the child wasn't stuck");
  if (!stage.failure().empty() || !stage.Stop()) return {{}, stage.failure()};
  std::vector<double>& away = times.away_ms;
  const std::string name = "loop away from its poll, a child of another pool hangs before its exec, ";
  return {{{name + "p50", Quantile(away, 0.5), "ms", 0, away.size()},
           {name + "p99.9", Quantile(away, 0.999), "ms", 10, away.size()},
           {name + "p100", Quantile(away, 1), "ms", 0, away.size()},
           {"jobs a second meanwhile", rate, "", 0, ended}},
          ""};
}

}  // namespace andiron::bench
