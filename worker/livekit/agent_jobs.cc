// Assigned jobs: each is submitted once and ends once, with a text.
#include <utility>

#include "worker/livekit/agent.h"
#include "worker/livekit/agent_texts.h"

namespace andiron::livekit {

// Whatever the link's state: it has been given to us, and nobody else will run it.
void Agent::Hear(Assigned& word) {
  if (const auto known = tickets_.find(word.job_id); known != tickets_.end() && jobs_.contains(known->second)) {
    return AssignedAgain(jobs_.at(known->second));
  }
  if (outbox_.Knows(word.job_id)) return outbox_.SayAgain(word.job_id, Later(now_, kEndDelay), now_);
  ++status_.assigned;
  std::uint64_t ticket = TakePlace(word.job_id);
  if (ticket == 0) {
    if (closing_) return EndUnstarted(std::move(word.job_id), "not started: the worker ends");
    if (draining_) return EndUnstarted(std::move(word.job_id), RefusalText(Refusal::kDraining));
    if (jobs_.size() >= kJobsMax) return EndUnstarted(std::move(word.job_id), RefusalText(Refusal::kQueueFull));
    ticket = ++last_ticket_;
    Log(LogLevel::kWarn, "agent_job_unasked", "job " + word.job_id + " was assigned without an accepted offer");
  }
  tickets_.emplace(word.job_id, ticket);
  jobs_.emplace(ticket, Job{.job_id = word.job_id, .attempt = attempt_, .assigned = now_});
  actions_->emplace_back(SubmitJob{ticket, std::move(word)});
}

// Ends the offer of that job. Its ticket if it has a place, else 0.
std::uint64_t Agent::TakePlace(const std::string& job_id) {
  const auto known = tickets_.find(job_id);
  if (known == tickets_.end()) return 0;
  const std::uint64_t ticket = known->second;
  const auto offer = offers_.find(ticket);
  const bool place =
      offer->second.answer == Offer::Answer::kGranted || offer->second.answer == Offer::Answer::kAccepted;
  if (place) {
    tickets_.erase(known);
  } else {
    ReleasePlaceOf(ticket, offer->second);
  }
  offers_.erase(offer);
  return place ? ticket : 0;
}

// It runs already. The server counts it anew: so do the wait before its end and its RUNNING.
void Agent::AssignedAgain(Job& job) {
  job.assigned = now_;
  job.attempt = attempt_;
  if (job.started) started_.push_back(job.job_id);
}

// Comes unasked at nearly every end of a job, so an unknown one means nothing.
void Agent::Hear(Terminated& word) {
  const auto known = tickets_.find(word.job_id);
  const auto job = known == tickets_.end() ? jobs_.end() : jobs_.find(known->second);
  if (job == jobs_.end() || job->second.terminated) return;
  job->second.terminated = true;
  ++status_.terminated;
  actions_->emplace_back(CancelJob{job->first, settings_.termination_grace});
}

void Agent::Record(JobAccepted&) {}

void Agent::Record(JobRefused& fact) {
  const auto job = jobs_.find(fact.ticket);
  if (job == jobs_.end()) return;
  std::string error = RefusalText(fact.reason);
  LogUnstarted(job->second.job_id, error);
  EndJob(fact.ticket, JobStatus::kFailed, std::move(error));
}

void Agent::Record(JobStarted& fact) {
  const auto job = jobs_.find(fact.ticket);
  if (job == jobs_.end() || job->second.started) return;
  job->second.started = true;
  // A later registration has never heard of this job.
  if (job->second.attempt == attempt_) started_.push_back(job->second.job_id);
}

void Agent::Record(JobEnded& fact) {
  const auto job = jobs_.find(fact.ticket);
  if (job == jobs_.end()) return;
  const bool as_asked = fact.outcome == Outcome::kCancelled && job->second.terminated;
  if (as_asked || fact.outcome == Outcome::kSucceeded) return EndJob(fact.ticket, JobStatus::kSuccess, "");
  EndJob(fact.ticket, JobStatus::kFailed, FailureText(fact));
}

void Agent::EndJob(std::uint64_t ticket, JobStatus status, std::string error) {
  const auto entry = jobs_.find(ticket);
  if (entry == jobs_.end()) return;
  Job job = std::move(entry->second);
  jobs_.erase(entry);
  tickets_.erase(job.job_id);
  const bool doubtful = job.attempt == attempt_ && now_ - job.assigned < kDoubtfulLife;
  AddEnd({std::move(job.job_id), status, std::move(error)}, Later(job.assigned, kEndDelay), doubtful);
}

void Agent::EndUnstarted(std::string job_id, std::string error) {
  LogUnstarted(job_id, error);
  AddEnd({std::move(job_id), JobStatus::kFailed, std::move(error)}, Later(now_, kEndDelay), true);
}

void Agent::LogUnstarted(const std::string& job_id, const std::string& error) {
  Log(LogLevel::kWarn, "agent_job_unstarted", "job " + job_id + " was assigned and " + error);
}

void Agent::AddEnd(TellJob end, TimePoint not_before, bool doubtful) {
  ++(end.status == JobStatus::kSuccess ? status_.succeeded : status_.failed);
  end.error = Shortened(std::move(end.error), kErrorMax);
  outbox_.Add(std::move(end), not_before, doubtful, now_);
}

void Agent::ReconcileEnds() {
  if (link_ == Link::kRegistered) {
    for (std::string& job_id : started_) SayWord(TellJob{std::move(job_id), JobStatus::kRunning, ""});
    while (const TellJob* end = outbox_.TakeDue(now_)) SayWord(*end);
    if (outbox_.WantsProof()) SayPing();
  }
  started_.clear();
}

// Each line of the log names some of them.
void Agent::NoteLost(const std::vector<std::string>& job_ids, std::string_view why) {
  constexpr std::size_t kPerLine = 20;
  status_.unacknowledged += static_cast<std::int64_t>(job_ids.size());
  for (std::size_t first = 0; first < job_ids.size(); first += kPerLine) {
    std::string line = "the server may not know how these jobs ended (" + std::string(why) + "):";
    for (std::size_t i = first; i < job_ids.size() && i < first + kPerLine; ++i) line += " " + job_ids[i];
    Log(LogLevel::kError, "agent_end_unacknowledged", std::move(line));
  }
}

}  // namespace andiron::livekit
