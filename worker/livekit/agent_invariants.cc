#include "worker/livekit/agent.h"

namespace andiron::livekit {

std::string Agent::CheckInvariants() const {
  const bool clean = actions_ == nullptr && unread_ == 0 && waits_for_.empty() && broken_why_.empty();
  if (!clean) return "a step has left something behind";
  if (!asked_again_.empty() || !started_.empty()) return "something is left unsaid";
  if (closed_) return offers_.empty() && jobs_.empty() && link_ == Link::kNone ? "" : "closed with something open";
  if (tickets_.size() != offers_.size() + jobs_.size()) return "tickets, offers and jobs don't add up";
  for (const auto& [job_id, ticket] : tickets_) {
    const auto offer = offers_.find(ticket);
    const auto job = jobs_.find(ticket);
    if ((offer == offers_.end()) == (job == jobs_.end())) return "ticket of " + job_id + " isn't one thing";
    const std::string& named = offer != offers_.end() ? offer->second.job_id : job->second.job_id;
    if (named != job_id) return "ticket of " + job_id + " names " + named;
    if (ticket > last_ticket_) return "ticket from the future";
    if (outbox_.Knows(job_id)) return "job " + job_id + " has ended and goes on";
  }
  for (const auto& [ticket, offer] : offers_) {
    if (link_ != Link::kRegistered) return "offer of " + offer.job_id + " without its link";
    if (offer.answer == Offer::Answer::kGranted || offer.answer == Offer::Answer::kRefused) {
      return "offer of " + offer.job_id + " is decided and not answered";
    }
    const bool asking = offer.answer == Offer::Answer::kAsking;
    if (Refusing() && asking) return "offer of " + offer.job_id + " isn't refused";
    if (Stalled() && asking) return "offer of " + offer.job_id + " waits for an answer after a stall";
  }
  if (Stalled() && link_ != Link::kRegistered) return "a link is read out that brings nothing";
  if (offers_.size() > kOffersMax) return "too many offers";
  if (link_ == Link::kRegistering && !register_said_) return "Register isn't said";
  if (link_ == Link::kRegistered) {
    if (!load_said_) return "registered, and the load isn't said";
    if (load_.full != Load().full && !Dips()) return "FULL or not FULL is said wrongly";
    if (ping_at_ == kNever) return "no ping is planned";
    if ((pong_deadline_ != kNever) != (last_pong_ < last_ping_ && first_ping_ <= last_ping_)) {
      return "the pong's deadline is wrong";
    }
  }
  if (closing_ && flush_deadline_ == kNever) return "closing without a deadline";
  if (NextDeadline() == kNever) return "no deadline at all";
  if (NextDeadline() <= as_of_) return "a deadline that has passed";
  return outbox_.CheckInvariants();
}

}  // namespace andiron::livekit
