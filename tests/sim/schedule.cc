#include "tests/sim/schedule.h"

#include "jobs/core.h"
#include "tests/sim/trace.h"

namespace andiron::sim {
namespace {

// More turns than any schedule needs to settle: a loop that spins.
constexpr std::int64_t kTurnsMax = 30'000;

// The core's own account is looked at every so many turns: it is dearer than the turn itself.
constexpr std::int64_t kLookEvery = 8;

void PrintTurn(const World& world, const std::vector<std::string>& facts, const ActionList& actions,
               std::span<const PoolSettings> pools, std::FILE* out) {
  std::fprintf(out, "%s (as_of %s)", TextOf(world.now()).c_str(), TextOf(world.as_of()).c_str());
  const char* separator = "  ";
  for (const std::string& fact : facts) {
    std::fprintf(out, "%s%s", separator, fact.c_str());
    separator = ", ";
  }
  separator = "  => ";
  for (const Action& action : actions) {
    std::fprintf(out, "%s%s", separator, TextOf(action, pools).c_str());
    separator = ", ";
  }
  std::fputc('\n', out);
}

}  // namespace

ScheduleResult Schedules::Run(std::uint64_t seed, std::FILE* trace) {
  const Plan plan = DrawPlan(seed);
  if (trace != nullptr) PrintPlan(plan, trace);
  ScheduleResult result;
  result.slots = plan.slots;
  Core core(plan.pools, plan.drain_timeout, plan.jitter_seed, /*strict=*/true);
  world_.Begin(plan, seed ^ 0x5851f42d4c957f2dU);
  oracle_.Begin(plan.pools, plan.drain_timeout);
  const TimePoint began = world_.now();
  while (result.problem.empty() && !world_.SafetyIsOver() && Turn(core, result, trace)) {
  }
  if (result.problem.empty()) Settle(core, plan, result, trace);
  result.jobs = oracle_.accepted();
  result.children = world_.children_started();
  result.turns = world_.turns();
  result.virtual_time = (world_.now() - began).count();
  return result;
}

bool Schedules::Turn(Core& core, ScheduleResult& result, std::FILE* trace) {
  if (!world_.NextTurn(core.NextDeadline())) return false;
  std::vector<Fact>& facts = world_.facts();
  std::vector<std::string> texts;
  if (trace != nullptr) {
    for (std::size_t i = 1; i < facts.size(); ++i) texts.push_back(TextOf(facts[i], world_.pools()));
  }
  oracle_.Read(world_.as_of(), facts);
  actions_.clear();
  core.Step(world_.as_of(), facts, actions_);
  oracle_.Check(actions_, core, world_.turns() % kLookEvery == 0);
  if (trace != nullptr) PrintTurn(world_, texts, actions_, world_.pools(), trace);
  result.facts += static_cast<std::int64_t>(facts.size()) - 1;
  result.actions += static_cast<std::int64_t>(actions_.size());
  result.hash = HashOf(actions_, result.hash);
  result.problem = oracle_.problem();
  if (result.problem.empty() && world_.turns() > kTurnsMax)
    result.problem = "[I9] the loop spins: " + oracle_.Unsettled();
  if (!result.problem.empty()) return false;
  world_.Perform(actions_);
  return true;
}

// I9, I32: the liveness phase.
void Schedules::Settle(Core& core, const Plan& plan, ScheduleResult& result, std::FILE* trace) {
  if (trace != nullptr) std::fprintf(trace, "-- no faults from here on\n");
  world_.EndFaults();
  TimePoint limit = Later(world_.now(), Duration(SettleBound(plan)));
  bool probed = world_.stop_asked();
  for (;;) {
    const bool more = Turn(core, result, trace);
    if (!result.problem.empty()) return;
    const std::string missing = oracle_.Unsettled();
    if (missing.empty() && probed && world_.probes_open() == 0) break;
    if (missing.empty() && !probed) {
      if (trace != nullptr) std::fprintf(trace, "-- settled; a last job for each pool\n");
      world_.SubmitProbes();
      probed = true;
      limit = Later(world_.now(), Duration(SettleBound(plan)));
      continue;
    }
    if (!more || world_.now() > limit) {
      result.problem = std::string("[I9] ") + (more ? "not settled in time: " : "nothing will ever happen again: ") +
                       (missing.empty() ? "the last job of a pool isn't accepted" : missing);
      return;
    }
  }
  if (world_.probes_failed() > 0) result.problem = "[I9] a healthy pool's job didn't succeed";
  oracle_.Check({}, core, true);
  if (result.problem.empty()) result.problem = oracle_.problem();
}

void PrintPlan(const Plan& plan, std::FILE* out) {
  std::fprintf(out, "-- clock from %s, latency %s, work %s, drain_timeout %s, %d jobs\n",
               TextOf(Duration(plan.start)).c_str(), TextOf(Duration(plan.latency)).c_str(),
               TextOf(Duration(plan.work)).c_str(), TextOf(plan.drain_timeout).c_str(), plan.jobs);
  for (const PoolSettings& pool : plan.pools) {
    std::fprintf(
        out, "-- pool %s warm=%d max_children=%d max_starting=%d jobs=%d at_once=%d queue=%d quarantine=%d breaker=%d",
        pool.name.c_str(), pool.warm, pool.max_children, pool.max_starting, pool.max_jobs_per_child,
        pool.max_concurrent_jobs_per_child, pool.queue_limit, pool.quarantine_max, pool.breaker_failures);
    const struct {
      const char* name;
      Duration value;
    } waits[] = {{"init_timeout", pool.init_timeout},   {"init_stall_timeout", pool.init_stall_timeout},
                 {"start_by", pool.start_by},           {"run_for", pool.run_for},
                 {"ack_timeout", pool.ack_timeout},     {"frame_timeout", pool.frame_timeout},
                 {"write_timeout", pool.write_timeout}, {"ping_interval", pool.ping_interval},
                 {"ping_timeout", pool.ping_timeout},   {"cancel_grace", pool.cancel_grace},
                 {"stop_grace", pool.stop_grace},       {"kill_grace", pool.kill_grace},
                 {"exit_drain", pool.exit_drain},       {"reservation_timeout", pool.reservation_timeout},
                 {"stable_time", pool.stable_time},     {"backoff_min", pool.backoff_min},
                 {"backoff_max", pool.backoff_max},     {"breaker_probe", pool.breaker_probe},
                 {"idle_timeout", pool.idle_timeout},   {"max_child_age", pool.max_child_age}};
    for (const auto& wait : waits) std::fprintf(out, " %s=%s", wait.name, TextOf(wait.value).c_str());
    std::fputc('\n', out);
  }
  std::fprintf(out, "-- faults:");
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    if (plan.odds[i] != 0)
      std::fprintf(out, " %s=%.0f%%", std::string(Name(static_cast<Fault>(i))).c_str(), plan.odds[i] / 655.36);
  }
  std::fputc('\n', out);
}

}  // namespace andiron::sim
