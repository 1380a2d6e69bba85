#include "worker/livekit/agent_outbox.h"

#include <algorithm>

namespace andiron::livekit {

Outbox::Outbox(int limit, Duration ttl) : limit_(static_cast<std::size_t>(std::max(1, limit))), ttl_(ttl) {}

void Outbox::Add(TellJob end, TimePoint not_before, bool doubtful, TimePoint now) {
  const Number number = ++last_;
  by_id_.emplace(end.job_id, number);
  End& added = ends_[number];
  added.word = std::move(end);
  added.not_before = not_before;
  added.repeat = doubtful;
  unread_.insert(number);
  SetUntil(number, added, Later(now, ttl_));
  if (link_) SetDue(number, added, not_before);
}

void Outbox::SayAgain(const std::string& job_id, TimePoint not_before, TimePoint now) {
  const auto known = by_id_.find(job_id);
  if (known == by_id_.end()) return;
  const Number number = known->second;
  End& end = ends_.at(number);
  end.not_before = not_before;
  end.repeat = true;
  if (remembered_.erase(number) > 0) {
    unread_.insert(number);
    SetUntil(number, end, Later(now, ttl_));
  }
  if (link_) SetDue(number, end, not_before);
}

void Outbox::LinkRegistered() {
  LinkLost();
  link_ = true;
  for (const Number number : unread_) {
    End& end = ends_.at(number);
    SetDue(number, end, end.not_before);
  }
}

void Outbox::LinkLost() {
  link_ = false;
  while (!due_.empty()) SetDue(due_.begin()->second, ends_.at(due_.begin()->second), kNever);
  unproved_.clear();
  asked_.clear();
}

const TellJob* Outbox::TakeDue(TimePoint now) {
  if (due_.empty() || due_.begin()->first > now || Choked()) return nullptr;
  const Number number = due_.begin()->second;
  End& end = ends_.at(number);
  SetDue(number, end, end.repeat ? Later(now, kRepeatDelay) : kNever);
  end.repeat = false;
  unproved_.push_back(number);
  return &end.word;
}

void Outbox::ProofAsked(std::int64_t ping) {
  for (const Number number : unproved_) {
    asked_.emplace_back(ping, number);
    if (const auto end = ends_.find(number); end != ends_.end()) end->second.proof = ping;
  }
  unproved_.clear();
}

// What is still to be said, or has been said again since, isn't done with.
void Outbox::Proved(std::int64_t ping, TimePoint now) {
  for (; !asked_.empty() && asked_.front().first <= ping; asked_.pop_front()) {
    const auto [proof, number] = asked_.front();
    if (!Unread(number)) continue;
    const End& end = ends_.at(number);
    if (end.due == kNever && end.proof == proof) Remember(number, now);
  }
}

void Outbox::Expire(TimePoint as_of, std::vector<std::string>& lost) {
  const auto lose_oldest = [&](Number number) {
    lost.push_back(ends_.at(number).word.job_id);
    Remember(number, as_of);
  };
  while (unread_.size() > limit_) lose_oldest(*unread_.begin());
  while (!untils_.empty() && untils_.begin()->first <= as_of) {
    const Number number = untils_.begin()->second;
    if (Unread(number)) {
      lose_oldest(number);
    } else {
      Forget(number);
    }
  }
  while (remembered_.size() > kRememberedMax) Forget(*remembered_.begin());
}

TimePoint Outbox::NextDeadline() const {
  TimePoint next = untils_.empty() ? kNever : untils_.begin()->first;
  if (!due_.empty() && !Choked()) next = std::min(next, due_.begin()->first);
  return next;
}

std::vector<std::string> Outbox::UnreadIds() const {
  std::vector<std::string> ids;
  for (const Number number : unread_) ids.push_back(ends_.at(number).word.job_id);
  return ids;
}

void Outbox::SetDue(Number number, End& end, TimePoint due) {
  if (end.due != kNever) due_.erase({end.due, number});
  end.due = due;
  if (due != kNever) due_.emplace(due, number);
}

void Outbox::SetUntil(Number number, End& end, TimePoint until) {
  untils_.erase({end.until, number});
  end.until = until;
  untils_.emplace(until, number);
}

void Outbox::Remember(Number number, TimePoint now) {
  End& end = ends_.at(number);
  unread_.erase(number);
  remembered_.insert(number);
  SetDue(number, end, kNever);
  SetUntil(number, end, Later(now, kRememberedFor));
}

void Outbox::Forget(Number number) {
  const auto end = ends_.find(number);
  untils_.erase({end->second.until, number});
  remembered_.erase(number);
  by_id_.erase(end->second.word.job_id);
  ends_.erase(end);
}

std::string Outbox::CheckInvariants() const {
  if (ends_.size() != by_id_.size()) return "outbox: two ends of one job";
  if (unread_.size() + remembered_.size() != ends_.size()) return "outbox: an end is neither unread nor remembered";
  if (unread_.size() > limit_) return "outbox: more unread ends than the limit";
  if (remembered_.size() > kRememberedMax) return "outbox: more remembered ends than the limit";
  if (untils_.size() != ends_.size()) return "outbox: an end without a deadline";
  if (!link_ && (!due_.empty() || !asked_.empty() || !unproved_.empty())) return "outbox: speaks without a link";
  if (!unproved_.empty()) return "outbox: said without a ping";
  if (unproved_.size() + asked_.size() > kInFlightMax) return "outbox: too many in flight";
  for (const auto& [due, number] : due_) {
    if (!Unread(number) || ends_.at(number).due != due) return "outbox: due and not unread";
  }
  if (!link_) return "";
  for (const Number number : unread_) {
    const End& end = ends_.at(number);
    const auto waits = [&](const auto& asked) { return asked.second == number; };
    if (end.due == kNever && std::none_of(asked_.begin(), asked_.end(), waits)) {
      return "outbox: the end of " + end.word.job_id + " waits for nothing";
    }
  }
  return "";
}

}  // namespace andiron::livekit
