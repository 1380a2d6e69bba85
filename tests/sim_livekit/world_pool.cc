// The simulated pool behind the agent: places, jobs, capacity, drain.
#include <algorithm>
#include <utility>

#include "tests/sim_livekit/world.h"

namespace andiron::livekit_sim {
namespace {

constexpr std::uint64_t kTicketStreams = 1'000'000'000;  // beside those of links, and 0

}  // namespace

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Of the children alone: that a draining worker takes no jobs, the agent must know by itself.
int World::Capacity() const { return std::max(0, ready_ - running_ - static_cast<int>(places_.size())); }

livekit::CapacityTold World::PoolNow() const { return {.capacity = Capacity(), .ready = ready_, .busy = running_}; }

// What it tells is filled in when it is told.
void World::TellCapacity(TimePoint when) { Post(when, 0, livekit::CapacityTold{}); }

void World::Do(livekit::AskPlace& action) {
  const bool granted = Capacity() > 0 && !draining_ && !close_asked_ && !Has(Fault::kPlaceRefused);
  if (granted) places_.insert(action.ticket);
  changed_ = true;
  if (Has(Fault::kPlaceForgotten)) return;
  const Duration slow = Has(Fault::kPlaceSlow) ? Draw(Duration(0), seconds(4)) : Duration(0);
  Post(now_ + slow, kTicketStreams + action.ticket,
       livekit::PlaceAnswered{action.ticket, granted, Refusal::kQueueFull});
}

void World::Do(livekit::ReleasePlace& action) {
  places_.erase(action.ticket);
  ended_tickets_.push_back(action.ticket);
  changed_ = true;
}

void World::Do(livekit::SubmitJob& action) {
  const bool kept = places_.erase(action.ticket) > 0;
  changed_ = true;
  const std::uint64_t stream = kTicketStreams + action.ticket;
  const bool room = !draining_ && !close_asked_ && running_ < ready_ + plan_.queue;
  if ((!kept && !room) || Has(Fault::kJobRefused)) {
    ended_tickets_.push_back(action.ticket);
    return Post(now_, stream, livekit::JobRefused{action.ticket, draining_ ? Refusal::kDraining : Refusal::kQueueFull});
  }
  pool_jobs_[action.ticket] = {};
  ++running_;
  Post(now_, stream, livekit::JobAccepted{action.ticket});
  const TimePoint start = now_ + Draw(Duration(0), milliseconds(1));
  if (!Has(Fault::kJobUnstarted)) Post(start, stream, livekit::JobStarted{action.ticket});
  const Duration work = Has(Fault::kJobSlow) ? Duration(seconds(600)) : Draw(Duration(0), 2 * plan_.work);
  At(start + work, {.kind = Happening::kJobEnds, .number = action.ticket});
}

void World::Do(livekit::CancelJob& action) {
  const auto job = pool_jobs_.find(action.ticket);
  if (job == pool_jobs_.end()) return;
  job->second.cancelled = true;
  if (Has(Fault::kCancelIgnored)) return;
  At(now_ + Draw(Duration(0), milliseconds(100)), {.kind = Happening::kJobEnds, .number = action.ticket});
}

void World::EndPoolJob(std::uint64_t ticket, TimePoint when) {
  const auto job = pool_jobs_.find(ticket);
  if (job == pool_jobs_.end() || std::exchange(job->second.ended, true)) return;
  --running_;
  changed_ = true;
  ended_tickets_.push_back(ticket);
  livekit::JobEnded end{.ticket = ticket, .error = {}};
  end.outcome = job->second.cancelled    ? Outcome::kCancelled
                : random_.Chance(10'000) ? Outcome::kFailed
                                         : Outcome::kSucceeded;
  if (Has(Fault::kOddOutcome)) end.outcome = static_cast<Outcome>(random_.Below(kOutcomeCount));
  if (end.outcome != Outcome::kSucceeded && random_.Coin()) end.error = "exit code 7";
  if (random_.Chance(2000) && !end.error.empty()) end.error += "; its child could not be killed and may still run";
  end.ran = milliseconds(random_.Below(5000));
  Post(when, kTicketStreams + ticket, std::move(end));
}

void World::Noise(TimePoint when) {
  if (faults_over_ || closed_) return;
  At(when + Draw(milliseconds(20), seconds(1)), {.kind = Happening::kNoise});
  if (Has(Fault::kCapacityNoise)) {
    ready_ = static_cast<int>(random_.Between(0, plan_.slots));
    changed_ = true;
  }
  if (Has(Fault::kDrain) && !draining_) {
    draining_ = true;
    changed_ = true;
    Post(when, 0, livekit::DrainTold{true});
    At(when + Draw(Duration(0), seconds(10)), {.kind = Happening::kDrainEnds});
  }
  if (Has(Fault::kStaleFacts)) PostStale(when);
  if (Has(Fault::kClose) && !std::exchange(close_asked_, true)) {
    Post(when, 0, livekit::CloseAsked{});
    changed_ = true;
    for (const auto& [ticket, job] : pool_jobs_) {  // the worker stops its jobs, not always in time
      if (!job.ended) At(when + Draw(Duration(0), seconds(2)), {.kind = Happening::kJobEnds, .number = ticket});
    }
  }
}

// Of tickets that have ended and of attempts before the last.
void World::PostStale(TimePoint when) {
  if (!ended_tickets_.empty()) {
    const auto pick = static_cast<std::size_t>(random_.Below(static_cast<std::int64_t>(ended_tickets_.size())));
    const std::uint64_t ticket = ended_tickets_[pick];
    const std::uint64_t stream = kTicketStreams + ticket;
    Post(when, stream, livekit::PlaceAnswered{ticket, true, Refusal::kQueueFull});
    Post(when, stream, livekit::JobEnded{.ticket = ticket, .outcome = Outcome::kFailed, .error = "stale"});
    Post(when, stream, livekit::JobRefused{ticket, Refusal::kTooLarge});
  }
  if (links_.size() < 2) return;
  const std::uint64_t old = std::prev(links_.end(), 2)->first;
  Post(when, old, livekit::LinkOpened{old});
  Post(when, old, livekit::ServerSaid{old, livekit::Offered{NewJob(), "encoded"}});
  Post(when, old, livekit::ServerSaid{old, livekit::Terminated{SomeJob()}});
}

}  // namespace andiron::livekit_sim
