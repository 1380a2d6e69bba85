#include "tests/sim_livekit/world.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace andiron::livekit_sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

World::World(const Plan& plan, std::uint64_t seed) : plan_(plan), random_(seed), ready_(plan.slots) {
  now_ = TimePoint(plan.start);
  TellCapacity(now_);
  At(now_ + Draw(Duration(0), milliseconds(500)), {.kind = Happening::kArrives});
  At(now_ + Draw(Duration(0), milliseconds(500)), {.kind = Happening::kNoise});
}

bool World::Has(Fault fault) {
  const std::uint32_t odds = plan_.odds[static_cast<std::size_t>(fault)];
  if (faults_over_ || odds == 0 || !random_.Chance(odds)) return false;
  ++faults_[static_cast<std::size_t>(fault)];
  return true;
}

void World::At(TimePoint when, Event event) { events_.emplace(when, std::move(event)); }

void World::Post(TimePoint when, std::uint64_t stream, livekit::AgentFact fact) {
  At(when, {.kind = Happening::kFact, .stream = stream, .fact = std::move(fact)});
}

// The loop: it handles what it has (until as_of), polls (until something happens), and handles again (from now on).
// It may stand still in either.
bool World::NextTurn(TimePoint deadline) {
  const TimePoint first = events_.empty() ? kNever : events_.begin()->first;
  if (std::min(first, deadline) == kNever) return false;
  const bool stall = Has(Fault::kStall);
  const Duration still = stall                     ? Draw(milliseconds(2500), seconds(20))
                         : Has(Fault::kShortStall) ? Draw(milliseconds(50), milliseconds(2400))
                                                   : Duration(0);
  const bool before_poll = random_.Coin();
  as_of_ = now_ + Draw(Duration(0), microseconds(200)) + (before_poll ? still : Duration(0));
  const TimePoint wake = std::max(as_of_, std::min(first, deadline));
  now_ = wake + Draw(Duration(0), microseconds(100)) + (before_poll ? Duration(0) : still);
  const TimePoint until = random_.Chance(40'000) ? now_ : random_.Coin() ? wake : as_of_;
  facts_.clear();
  streams_.clear();
  while (!events_.empty() && events_.begin()->first <= until) {
    auto node = events_.extract(events_.begin());
    time_ = node.key();
    Happen(node.mapped(), time_);
    if (std::exchange(changed_, false)) TellCapacity(time_);
  }
  if (Has(Fault::kSpread)) Arrange();
  return true;
}

void World::Happen(Event& event, TimePoint when) {
  switch (event.kind) {
    case Happening::kFact:
      if (Lost(event.fact)) return;
      if (std::holds_alternative<livekit::CapacityTold>(event.fact)) event.fact = PoolNow();
      facts_.push_back(std::move(event.fact));
      streams_.push_back(event.stream);
      return;
    case Happening::kServerReads:
      return std::visit([&](auto& word) { Hear(event.number, when, word); }, event.word);
    case Happening::kServerSays:
      return Send(event.number, when, std::move(std::get<livekit::ServerSaid>(event.fact).word));
    case Happening::kAcks: {
      Link& link = links_[event.number];
      if (link.silent || link.frozen || link.unacknowledged == 0) return;
      link.unacknowledged -= 100;
      link.acknowledged += 100;
      return;
    }
    case Happening::kDrops:
      return Drop(event.number, when);
    case Happening::kArrives:
      return Arrive(when);
    case Happening::kGivesUp:
      book_[event.job_id].asked = false;
      return;
    case Happening::kAssigns:
      return Assign(event.job_id, when);
    case Happening::kJobEnds:
      return EndPoolJob(event.number, when);
    case Happening::kNoise:
      return Noise(when);
    case Happening::kDrainEnds:
      if (!std::exchange(draining_, false)) return;
      return Post(when, 0, livekit::DrainTold{false});
  }
}

// Another order of the batch: each stream keeps its own.
void World::Arrange() {
  std::map<std::uint64_t, std::vector<std::uint64_t>> keys;
  for (const std::uint64_t stream : streams_) keys[stream].push_back(random_.Next());
  for (auto& [stream, drawn] : keys) std::sort(drawn.begin(), drawn.end(), std::greater<>());
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    order.emplace_back(keys[streams_[i]].back(), i);
    keys[streams_[i]].pop_back();
  }
  std::sort(order.begin(), order.end());
  std::vector<livekit::AgentFact> arranged;
  for (const auto& [key, i] : order) arranged.push_back(std::move(facts_[i]));
  facts_ = std::move(arranged);
}

void World::Perform(std::vector<livekit::AgentAction>& actions) {
  for (livekit::AgentAction& action : actions) {
    std::visit([this](auto& known) { Do(known); }, action);
  }
  if (std::exchange(changed_, false)) TellCapacity(now_);
}

bool World::SafetyIsOver() const { return closed_ || now_ >= over_at_; }

void World::EndFaults() {
  faults_over_ = true;
  ready_ = plan_.slots;
  changed_ = true;
  if (std::exchange(draining_, false)) Post(now_, 0, livekit::DrainTold{false});
  for (const auto& [ticket, job] : pool_jobs_) {
    if (!job.ended) At(now_ + Draw(Duration(0), seconds(1)), {.kind = Happening::kJobEnds, .number = ticket});
  }
  TellCapacity(now_);
}

std::string World::Probe() {
  const std::string job_id = NewJob();
  Offer(job_id, now_);
  return job_id;
}

void World::AskToClose() {
  if (std::exchange(close_asked_, true)) return;
  Post(now_, 0, livekit::CloseAsked{});
}

}  // namespace andiron::livekit_sim
