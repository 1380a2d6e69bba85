// What the oracle learns from an agent's facts.
#include <algorithm>

#include "tests/sim_livekit/oracle.h"

namespace andiron::livekit_sim {
namespace {

using livekit::Agent;
using livekit::JobStatus;

}  // namespace

void Oracle::Read(TimePoint as_of, TimePoint now, const std::vector<livekit::AgentFact>& facts) {
  before_ = steps_++ == 0 ? now : now_;
  as_of_ = as_of;
  now_ = now;
  unread_ = 0;
  stalled_ = ReadsOut() || (opened_ && now_ - before_ > Agent::kTick + settings_.stall_limit);
  maybe_stalled_ = opened_ && now_ - before_ > settings_.stall_limit;
  for (const livekit::AgentFact& fact : facts) {
    std::visit([this](const auto& known) { See(known); }, fact);
  }
}

void Oracle::See(const livekit::LinkOpened& fact) {
  if (Current(fact.attempt)) opened_ = true;
}

void Oracle::See(const livekit::LinkClosed& fact) {
  if (Current(fact.attempt)) EndLink();
}

void Oracle::EndLink() {
  link_ = 0;
  opened_ = registered_ = register_said_ = broke_ = sampled_ = gone_ = stuck_ = false;
  ended_at_ = now_;
  pending_.clear();
  accepted_.clear();
  owed_.clear();
  runnings_.clear();
  unproved_.clear();
  pings_.clear();
  load_told_ = false;
  hurry_ = stalled_;
  read_out_by_ = kNever;
  for (auto& [id, job] : jobs_) job.due = kNever;
}

void Oracle::See(const livekit::LinkSampled& fact) {
  if (!Current(fact.attempt) || !opened_) return;
  unread_ = fact.unread;
  gone_ = gone_ || (!fact.established && fact.unread == 0);
  if (!sampled_ || !fact.counted || fact.unacknowledged == 0 || fact.acknowledged != acknowledged_) {
    progress_ = now_;
  } else if (as_of_ - progress_ >= settings_.dead_after) {
    stuck_ = true;
  }
  sampled_ = true;
  acknowledged_ = fact.acknowledged;
}

void Oracle::See(const livekit::ServerSaid& fact) {
  if (!Current(fact.attempt)) return;
  std::visit([this](const auto& word) { Hear(word); }, fact.word);
}

void Oracle::See(const livekit::ServerBroke& fact) { broke_ = broke_ || Current(fact.attempt); }

void Oracle::Hear(const livekit::Registered&) {
  if (!register_said_ || registered_) return;
  registered_ = true;
  first_ping_ = last_ping_ + 1;
  ping_at_ = now_ + settings_.ping_interval;
  for (auto& [id, job] : jobs_) {
    if (job.unread) job.due = job.not_before;
  }
}

void Oracle::Hear(const livekit::Offered& word) {
  if (!registered_ || ReadsOut()) return;
  offered_.insert(word.job_id);
  const auto job = jobs_.find(word.job_id);
  if (accepted_.contains(word.job_id) || (job != jobs_.end() && job->second.live)) {
    owed_.insert(word.job_id);
  } else {
    pending_.emplace(word.job_id, now_);
  }
}

void Oracle::Hear(const livekit::Assigned& word) {
  const bool accepted = accepted_.erase(word.job_id) > 0;
  pending_.erase(word.job_id);
  const auto known = jobs_.find(word.job_id);
  if (known == jobs_.end()) {
    new_[word.job_id] = {accepted, Refusing()};
    Job& job = jobs_[word.job_id];
    job.attempt = link_;
    job.assigned = now_;
    ++live_;
    return;
  }
  Job& job = known->second;
  job.attempt = link_;
  job.assigned = now_;
  if (job.live) {
    if (job.started) runnings_.insert(word.job_id);
    return;
  }
  job.not_before = now_ + Agent::kEndDelay;
  job.repeat = true;
  job.lost = false;
  if (registered_) job.due = job.not_before;
  if (!job.unread) job.unread_since = now_;
  job.unread = true;
}

void Oracle::Hear(const livekit::Terminated& word) {
  const auto job = jobs_.find(word.job_id);
  if (job == jobs_.end() || !job->second.live || job->second.terminated) return;
  job->second.terminated = true;
  cancels_.insert(word.job_id);
}

void Oracle::Hear(const livekit::Ponged& word) {
  const std::int64_t ping = word.last_timestamp;
  if (!registered_ || ping < first_ping_ || ping > last_ping_ || ping <= last_pong_) return;
  last_pong_ = ping;
  pings_.erase(pings_.begin(), pings_.upper_bound(ping));
  pong_since_ = now_;
  for (auto& [id, job] : jobs_) {
    if (job.unread && job.due == kNever && job.proof != 0 && job.proof <= ping) job.unread = false;
  }
}

void Oracle::See(const livekit::PlaceAnswered& fact) {
  const auto place = places_.find(fact.ticket);
  if (place == places_.end() || place->second != Place::kAsked) return;
  if (fact.granted) {
    place->second = Place::kGranted;
  } else {
    places_.erase(place);
    refused_.insert(fact.ticket);
  }
}

void Oracle::See(const livekit::JobRefused& fact) {
  const auto ticket = tickets_.find(fact.ticket);
  if (ticket == tickets_.end() || !jobs_.at(ticket->second).live) return;
  EndJob(jobs_.at(ticket->second), JobStatus::kFailed, "not started");
}

void Oracle::See(const livekit::JobStarted& fact) {
  const auto ticket = tickets_.find(fact.ticket);
  if (ticket == tickets_.end() || !jobs_.at(ticket->second).live) return;
  Job& job = jobs_.at(ticket->second);
  if (!job.started && link_ != 0 && job.attempt == link_) runnings_.insert(ticket->second);
  job.started = true;
}

void Oracle::See(const livekit::JobEnded& fact) {
  const auto ticket = tickets_.find(fact.ticket);
  if (ticket == tickets_.end() || !jobs_.at(ticket->second).live) return;
  Job& job = jobs_.at(ticket->second);
  const bool good = fact.outcome == Outcome::kSucceeded || (fact.outcome == Outcome::kCancelled && job.terminated);
  EndJob(job, good ? JobStatus::kSuccess : JobStatus::kFailed, good ? "" : fact.error);
}

void Oracle::EndJob(Job& job, JobStatus status, std::string must_hold) {
  job.live = false;
  --live_;
  ++(status == JobStatus::kSuccess ? succeeded_ : failed_);
  job.status = status;
  job.must_hold = std::move(must_hold);
  job.not_before = job.assigned + Agent::kEndDelay;
  job.repeat = job.attempt == last_attempt_ && now_ - job.assigned < Agent::kDoubtfulLife;
  job.unread = true;
  job.unread_since = now_;
  if (registered_) job.due = job.not_before;
}

void Oracle::See(const livekit::CloseAsked&) {
  if (closing_) return;
  closing_ = true;
  hurry_ = true;
  close_by_ = now_ + settings_.flush_timeout;
}

void Oracle::See(const livekit::CapacityTold& fact) {
  capacity_ = fact;
  short_since_ = Short() ? std::min(short_since_, now_) : kNever;
}

// No place is free, but not for long enough to say so.
bool Oracle::Dips() const {
  return short_since_ != kNever && !Refusing() && !ReadsOut() && load_told_ && !told_.full &&
         now_ - short_since_ < Agent::kLoadInterval;
}

livekit::TellLoad Oracle::Truth() const {
  livekit::TellLoad truth;
  truth.full = Short() || Refusing() || ReadsOut();
  const int places = capacity_.busy + capacity_.capacity;
  truth.load = truth.full ? 1.0F : static_cast<float>(0.68 * capacity_.busy / places);
  truth.job_count = static_cast<std::uint32_t>(live_);
  return truth;
}

std::int64_t Oracle::Unread() const {
  return std::count_if(jobs_.begin(), jobs_.end(), [](const auto& entry) { return entry.second.unread; });
}

std::int64_t Oracle::Granted() const {
  return std::count_if(places_.begin(), places_.end(),
                       [](const auto& entry) { return entry.second == Place::kGranted; });
}

bool Oracle::WasLost(const std::string& job_id) const {
  const auto job = jobs_.find(job_id);
  return job != jobs_.end() && job->second.lost;
}

}  // namespace andiron::livekit_sim
