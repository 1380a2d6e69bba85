// Offers: each is answered in time, and accepted only with a place in the hand.
#include <utility>

#include "worker/livekit/agent.h"
#include "worker/livekit/agent_texts.h"

namespace andiron::livekit {

void Agent::Hear(Offered& word) {
  // After a stall it may be too old to be answered; the link's end tells the server.
  if (link_ != Link::kRegistered || Stalled()) return;
  const auto known = tickets_.find(word.job_id);
  if (known != tickets_.end()) {
    if (Runs(word.job_id)) asked_again_.push_back(std::move(word.job_id));
    return;  // else the answer to the first is one to both
  }
  ++status_.offered;
  if (Refusing() || offers_.size() >= kOffersMax || outbox_.Knows(word.job_id)) {
    ++status_.refused;
    asked_again_.push_back(std::move(word.job_id));
    return;
  }
  const std::uint64_t ticket = ++last_ticket_;
  tickets_.emplace(word.job_id, ticket);
  offers_.emplace(ticket, Offer{.job_id = std::move(word.job_id), .deadline = Later(unread_since_, kAnswerDeadline)});
  actions_->emplace_back(AskPlace{ticket});
}

void Agent::Record(PlaceAnswered& fact) {
  const auto offer = offers_.find(fact.ticket);
  if (offer == offers_.end() || offer->second.answer != Offer::Answer::kAsking) return;
  offer->second.answer = fact.granted ? Offer::Answer::kGranted : Offer::Answer::kRefused;
  offer->second.reason = fact.reason;
}

void Agent::ReconcileOffers() {
  if (link_ != Link::kRegistered || Stalled()) {
    asked_again_.clear();
    return;
  }
  for (auto entry = offers_.begin(); entry != offers_.end();) {
    entry = SettleOffer(entry->first, entry->second) ? offers_.erase(entry) : std::next(entry);
  }
  for (const std::string& job_id : asked_again_) {
    const bool runs = Runs(job_id);
    // One that has been offered once more since, and taken up, is answered with that.
    if (runs || !tickets_.contains(job_id)) Answer(job_id, runs);
  }
  asked_again_.clear();
}

// Or will, as we have said already.
bool Agent::Runs(const std::string& job_id) const {
  const auto known = tickets_.find(job_id);
  if (known == tickets_.end()) return false;
  const auto offer = offers_.find(known->second);
  return offer == offers_.end() || offer->second.answer == Offer::Answer::kAccepted;
}

// True if it has come to its end. The answer's deadline is the server's patience: it is judged by the time that it is,
// and not by what has been read.
bool Agent::SettleOffer(std::uint64_t ticket, Offer& offer) {
  if (offer.answer == Offer::Answer::kAccepted) {
    if (offer.deadline > as_of_) return false;
    Log(LogLevel::kInfo, "agent_offer_unassigned", "job " + offer.job_id + " was accepted and never assigned");
    ReleasePlaceOf(ticket, offer);
    return true;
  }
  const bool late = now_ >= offer.deadline;
  if (offer.answer == Offer::Answer::kAsking && !late && !Refusing()) return false;
  if (offer.answer == Offer::Answer::kGranted && !late && !Refusing()) {
    offer.answer = Offer::Answer::kAccepted;
    offer.deadline = Later(now_, kAssignmentDeadline);
    ++status_.accepted;
    Answer(offer.job_id, true);
    return false;
  }
  ++status_.refused;
  Answer(offer.job_id, false);
  const bool decided = offer.answer == Offer::Answer::kRefused || Refusing();
  const Refusal reason = Refusing() ? Refusal::kDraining : offer.reason;
  Log(LogLevel::kDebug, "agent_offer_refused",
      "job " + offer.job_id + ": " +
          (decided ? RefusalText(reason) : "not started: the pool has not answered in time"));
  ReleasePlaceOf(ticket, offer);
  return true;
}

void Agent::Answer(const std::string& job_id, bool available) {
  AnswerOffer answer{.job_id = job_id, .available = available, .identity = {}, .name = {}};
  if (available) {
    answer.identity = IdentityOf(job_id);
    answer.name = agent_.name;
  }
  SayWord(std::move(answer));
}

void Agent::ReleasePlaceOf(std::uint64_t ticket, const Offer& offer) {
  tickets_.erase(offer.job_id);
  if (offer.answer != Offer::Answer::kRefused) actions_->emplace_back(ReleasePlace{ticket});
}

// But the accepted ones, whose assignments may still be read.
void Agent::ReleaseUnanswered() {
  for (auto entry = offers_.begin(); entry != offers_.end();) {
    const bool accepted = entry->second.answer == Offer::Answer::kAccepted;
    if (!accepted) ReleasePlaceOf(entry->first, entry->second);
    entry = accepted ? std::next(entry) : offers_.erase(entry);
  }
}

void Agent::ReleaseOffers() {
  for (const auto& [ticket, offer] : offers_) {
    if (offer.answer == Offer::Answer::kAccepted)
      Log(LogLevel::kWarn, "agent_offer_unassigned",
          "job " + offer.job_id + " was accepted, and the link ended before its assignment was read");
    ReleasePlaceOf(ticket, offer);
  }
  offers_.clear();
  asked_again_.clear();
}

}  // namespace andiron::livekit
