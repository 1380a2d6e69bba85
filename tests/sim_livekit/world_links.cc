// The links of the simulated world: TCP as it is, and as it fails.
#include <algorithm>
#include <utility>

#include "tests/sim_livekit/world.h"

namespace andiron::livekit_sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

void World::Do(livekit::OpenLink& action) {
  Link& link = links_[action.attempt];
  const TimePoint answered = now_ + 2 * plan_.latency;
  if (Has(Fault::kOpenHangs)) return;
  if (Has(Fault::kOpenRefused)) return CloseFact(action.attempt, answered, "connection refused", false);
  if (Has(Fault::kUnauthorized)) return CloseFact(action.attempt, answered, "status 401", true);
  link.open = true;
  link.counted = !Has(Fault::kUncounted);
  link.arrival = answered;
  Post(answered, action.attempt, livekit::LinkOpened{action.attempt});
}

// What the server has said before the link's end may still arrive, for as long as its LinkClosed isn't told.
void World::Do(livekit::CloseLink& action) {
  Link& link = links_[action.attempt];
  if (link.closed) return;
  const bool late = Has(Fault::kLinkFactsLate);
  CloseFact(action.attempt, now_ + (late ? Draw(Duration(0), seconds(3)) : Duration(0)), "closed by us", false);
}

void World::CloseFact(std::uint64_t attempt, TimePoint when, std::string what, bool refused) {
  Link& link = links_[attempt];
  link.closed = true;
  link.registered = false;
  Post(std::max(when, link.arrival), attempt, livekit::LinkClosed{attempt, std::move(what), refused});
  // The server offers to the next worker what this one hasn't answered: that may be the same one, connected anew.
  for (auto& [job_id, job] : book_) {
    if (job.attempt == attempt && std::exchange(job.asked, false) && random_.Coin()) Offer(job_id, when);
  }
}

void World::Drop(std::uint64_t attempt, TimePoint when) {
  Link& link = links_[attempt];
  if (link.closed) return;
  link.arrival = TimePoint{};  // what was on its way is lost
  CloseFact(attempt, when, "connection reset", false);
}

void World::Do(livekit::Say& action) {
  Link& link = links_[action.attempt];
  if (link.closed || !link.open) return;
  MaybeBreak(action.attempt, link);
  link.unacknowledged += 100;
  if (link.silent) return;
  const Duration slow = Has(Fault::kSlowAcks) ? Draw(Duration(0), plan_.settings.dead_after * 8 / 10) : Duration(0);
  At(now_ + 2 * plan_.latency + slow, {.kind = Happening::kAcks, .number = action.attempt});
  link.answer = std::max(link.answer, now_ + plan_.latency);
  At(link.answer, {.kind = Happening::kServerReads, .number = action.attempt, .word = std::move(action.word)});
}

void World::MaybeBreak(std::uint64_t attempt, Link& link) {
  if (Has(Fault::kHalfOpen)) link.silent = true;
  if (Has(Fault::kNotEstablished)) link.gone = link.silent = true;
  if (Has(Fault::kAckFrozen)) link.frozen = true;
  if (Has(Fault::kGarbage)) {
    link.arrival = std::max(link.arrival, now_ + plan_.latency);
    Post(link.arrival, attempt, livekit::ServerBroke{attempt, "field 3 of AvailabilityRequest"});
  }
  if (Has(Fault::kLinkDropped)) {
    At(now_ + Draw(Duration(0), milliseconds(random_.Coin() ? 20 : 5000)),
       {.kind = Happening::kDrops, .number = attempt});
  }
}

// With the faults of a server, or of a path, that mixes up what it says.
void World::Send(std::uint64_t attempt, TimePoint when, livekit::ServerWord word) {
  if (Has(Fault::kWordTwice)) Deliver(attempt, when, word);
  if (Has(Fault::kWordSlow)) when += Draw(Duration(0), seconds(3));
  if (Has(Fault::kWordsSwapped)) {
    const TimePoint later = when + Draw(Duration(0), seconds(1));
    Post(std::max(later, links_[attempt].arrival), attempt, livekit::ServerSaid{attempt, std::move(word)});
    return;
  }
  Deliver(attempt, when, std::move(word));
}

void World::Deliver(std::uint64_t attempt, TimePoint when, livekit::ServerWord word) {
  Link& link = links_[attempt];
  if (link.silent || !link.open || link.told_closed) return;
  link.arrival = std::max(link.arrival, when + plan_.latency);
  link.received += 100;
  Post(link.arrival, attempt, livekit::ServerSaid{attempt, std::move(word)});
}

// Nothing follows a LinkClosed, and nothing is said of a job of the pool that has ended.
bool World::Lost(const livekit::AgentFact& fact) {
  if (const auto* closed = std::get_if<livekit::LinkClosed>(&fact)) {
    return std::exchange(links_[closed->attempt].told_closed, true);
  }
  if (const auto* said = std::get_if<livekit::ServerSaid>(&fact)) return links_[said->attempt].told_closed;
  if (const auto* broke = std::get_if<livekit::ServerBroke>(&fact)) return links_[broke->attempt].told_closed;
  if (const auto* opened = std::get_if<livekit::LinkOpened>(&fact)) return links_[opened->attempt].told_closed;
  if (const auto* started = std::get_if<livekit::JobStarted>(&fact)) return pool_jobs_.at(started->ticket).ended;
  return false;
}

// Bytes that have come by now and aren't in the turn's facts.
std::int64_t World::Unread(std::uint64_t attempt) const {
  std::int64_t unread = 0;
  for (const auto& [when, event] : events_) {
    if (when > now_) break;
    const auto* said = std::get_if<livekit::ServerSaid>(&event.fact);
    const auto* broke = std::get_if<livekit::ServerBroke>(&event.fact);
    const bool of_it = (said != nullptr && said->attempt == attempt) || (broke != nullptr && broke->attempt == attempt);
    if (event.kind == Happening::kFact && of_it) unread += 100;
  }
  return unread;
}

void World::AddSample(std::uint64_t attempt) {
  const Link& link = links_[attempt];
  if (!link.open || link.told_closed) return;
  facts_.insert(facts_.begin(), livekit::LinkSampled{.attempt = attempt,
                                                     .established = !link.gone,
                                                     .counted = link.counted,
                                                     .unacknowledged = link.unacknowledged,
                                                     .acknowledged = link.counted ? link.acknowledged : 0,
                                                     .received = link.received,
                                                     .unread = Unread(attempt)});
}

}  // namespace andiron::livekit_sim
