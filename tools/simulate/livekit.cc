#include <chrono>
#include <cstdio>

#include "tests/sim_livekit/schedule.h"
#include "tools/simulate/worlds.h"

namespace {

namespace sim = andiron::livekit_sim;

int Replay(const WorldOptions& options) {
  const sim::ScheduleResult result = sim::RunSchedule(options.seed, options.trace ? stdout : nullptr);
  std::printf("seed %llu: %s (%lld turns, %lld jobs, %lld links, %lld facts, hash %016llx)\n",
              static_cast<unsigned long long>(options.seed), result.problem.empty() ? "ok" : result.problem.c_str(),
              static_cast<long long>(result.turns), static_cast<long long>(result.jobs),
              static_cast<long long>(result.links), static_cast<long long>(result.facts),
              static_cast<unsigned long long>(result.hash));
  return result.problem.empty() ? 0 : 1;
}

}  // namespace

int SimulateLivekit(const WorldOptions& options) {
  if (options.one) return Replay(options);
  const auto began = std::chrono::steady_clock::now();
  const sim::Account account = sim::RunSeeds(options.first, options.seeds, options.jobs);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!options.quiet) {
    sim::PrintAccount(account, stdout);
    std::printf("%.1f s, %.0f schedules/s on %d processes\n", seconds, static_cast<double>(account.schedules) / seconds,
                options.jobs);
  }
  if (!account.failed) return 0;
  std::printf(
      "FAILED after %llu schedules: seed %llu: %s\n  replay: andiron-simulate --world livekit --seed %llu --trace\n",
      static_cast<unsigned long long>(account.schedules), static_cast<unsigned long long>(account.failed_seed),
      account.problem.data(), static_cast<unsigned long long>(account.failed_seed));
  return 1;
}
