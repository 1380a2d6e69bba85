#include "tests/sim_livekit/schedule.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "tests/sim_livekit/oracle.h"
#include "tests/sim_livekit/trace.h"
#include "tests/sim_livekit/world.h"
#include "worker/livekit/agent.h"

namespace andiron::livekit_sim {
namespace {

// More turns than any schedule needs: a loop that spins.
constexpr std::int64_t kTurnsMax = 30'000;

class Schedule {
 public:
  Schedule(std::uint64_t seed, std::FILE* trace)
      : plan_(DrawPlan(seed)),
        world_(plan_, seed ^ 0x5851f42d4c957f2dU),
        oracle_(plan_),
        agent_(plan_.agent, plan_.settings, plan_.jitter_seed),
        trace_(trace) {}

  ScheduleResult Run();

 private:
  bool Turn();
  void Print(const std::vector<std::string>& facts);
  template <typename Condition>
  void Until(Duration limit, const char* rule, Condition condition);
  void Settle();
  void Close();
  void Hash();

  const Plan plan_;
  World world_;
  Oracle oracle_;
  livekit::Agent agent_;
  std::FILE* trace_;
  std::vector<livekit::AgentAction> actions_;
  ScheduleResult result_;
};

ScheduleResult Schedule::Run() {
  const TimePoint began = world_.now();
  while (!world_.SafetyIsOver() && Turn()) {
  }
  if (trace_ != nullptr) std::fputs("-- no faults from here on\n", trace_);
  world_.EndFaults();
  if (result_.problem.empty() && !world_.close_asked()) Settle();
  if (result_.problem.empty()) Close();
  result_.jobs = oracle_.jobs();
  result_.links = static_cast<std::int64_t>(agent_.attempt());
  result_.virtual_seconds = std::chrono::duration<double>(world_.now() - began).count();
  result_.faults = world_.faults();
  return result_;
}

bool Schedule::Turn() {
  if (!result_.problem.empty() || !world_.NextTurn(agent_.NextDeadline())) return false;
  if (agent_.WantsSample(world_.now())) world_.AddSample(agent_.attempt());
  std::vector<std::string> texts;
  if (trace_ != nullptr) {
    for (const livekit::AgentFact& fact : world_.facts()) texts.push_back(TextOf(fact));
  }
  result_.facts += static_cast<std::int64_t>(world_.facts().size());
  oracle_.Read(world_.as_of(), world_.now(), world_.facts());
  actions_.clear();
  agent_.Step(world_.as_of(), world_.now(), world_.facts(), actions_);
  oracle_.Check(actions_, agent_);
  result_.actions += static_cast<std::int64_t>(actions_.size());
  result_.problem = oracle_.problem();
  if (result_.problem.empty() && ++result_.turns > kTurnsMax) result_.problem = "TIME the loop spins";
  if (trace_ != nullptr) Print(texts);
  Hash();
  world_.Perform(actions_);
  return result_.problem.empty();
}

// FNV-1a over what kind of actions there were, and when.
void Schedule::Hash() {
  for (const livekit::AgentAction& action : actions_) {
    result_.hash = (result_.hash ^ (action.index() + 1)) * 1099511628211U;
    result_.hash ^= static_cast<std::uint64_t>(world_.now().time_since_epoch().count());
  }
}

void Schedule::Print(const std::vector<std::string>& facts) {
  std::fprintf(trace_, "%s (as_of %s)", TextOf(world_.now()).c_str(), TextOf(world_.as_of()).c_str());
  const char* separator = "  ";
  for (const std::string& fact : facts) {
    std::fprintf(trace_, "%s%s", separator, fact.c_str());
    separator = ", ";
  }
  separator = "\n    => ";
  for (const livekit::AgentAction& action : actions_) {
    std::fprintf(trace_, "%s%s", separator, TextOf(action).c_str());
    separator = ", ";
  }
  std::fputc('\n', trace_);
}

template <typename Condition>
void Schedule::Until(Duration limit, const char* rule, Condition condition) {
  const TimePoint end = Later(world_.now(), limit);
  while (result_.problem.empty() && !condition()) {
    if (world_.now() > end || (!Turn() && result_.problem.empty())) result_.problem = rule;
  }
}

// Liveness: from whatever state the faults left.
void Schedule::Settle() {
  Until(SettleBound(plan_), "LIVE doesn't settle", [this] {
    return oracle_.registered() && oracle_.quiet() && world_.Works() && world_.idle() && !oracle_.told_full() &&
           !world_.told_full() && !oracle_.awaits_pong() && world_.Calm();
  });
  if (!result_.problem.empty()) return;
  for (const std::string& job_id : world_.UntoldJobs()) {
    if (!oracle_.WasLost(job_id)) result_.problem = "LIVE the server never heard how a job ended: " + job_id;
  }
  if (!result_.problem.empty()) return;
  const std::string probe = world_.Probe();
  Until(std::chrono::seconds(5) + 2 * plan_.work, "LIVE a probe job doesn't come home",
        [&] { return world_.ServerKnowsEnd(probe) && oracle_.quiet(); });
}

void Schedule::Close() {
  world_.AskToClose();
  Until(plan_.settings.flush_timeout + std::chrono::seconds(25), "LIVE doesn't close",
        [this] { return world_.closed(); });
  if (result_.problem.empty() && world_.places() > 0) result_.problem = "LIVE places are left";
}

}  // namespace

ScheduleResult RunSchedule(std::uint64_t seed, std::FILE* trace) { return Schedule(seed, trace).Run(); }

}  // namespace andiron::livekit_sim
