// Jobs: admission, hand-over, cancel, and the one outcome.
#include <algorithm>
#include <utility>

#include "ipc/text.h"
#include "jobs/pool.h"

namespace andiron {

// Decides before anything is accepted. The typed refusal is the answer.
bool Pool::Admit(const JobSubmitted& fact, bool reserved) {
  const JobNumber job = fact.job;
  if (static_cast<std::int64_t>(fact.payload.size()) > settings_.max_payload)
    return Refuse(job, Refusal::kTooLarge), false;
  if (fact.id.empty() || fact.id.size() > kJobIdBytesMax || !IsUtf8(fact.id))
    return Refuse(job, Refusal::kInvalidId), false;
  if (ledger_.jobs_by_id.contains(fact.id)) return Refuse(job, Refusal::kDuplicateId), false;
  if (ledger_.stopping) return Refuse(job, Refusal::kDraining), false;
  if (reserved) return true;  // it was promised a place
  if (ledger_.draining) return Refuse(job, Refusal::kDraining), false;
  if (breaker_ != BreakerState::kClosed && !AnyChildServes()) return Refuse(job, Refusal::kBreakerOpen), false;
  const auto promised_in_queue = static_cast<int>(reservations_.size()) - promised_;
  const int room = settings_.queue_limit + std::max(0, OrdinaryPlaces());
  if (static_cast<int>(queue_.size()) + promised_in_queue >= room) return Refuse(job, Refusal::kQueueFull), false;
  return true;
}

void Pool::Refuse(JobNumber job, Refusal reason) {
  ++counts_.refused;
  ledger_.Emit(Refused{job, reason, RetryAfter(reason)});
}

void Pool::OnSubmitted(JobSubmitted& fact) {
  Touch();
  bool on_ready_child = false;
  const bool reserved = TakeReservation(fact.reservation, on_ready_child);
  if (!Admit(fact, reserved)) return;
  Job& job = ledger_.jobs[static_cast<std::uint64_t>(fact.job)];
  job.number = fact.job;
  job.pool = index_;
  job.id = std::move(fact.id);
  job.payload = std::move(fact.payload);
  job.run_for = std::max<Duration>(0s, fact.run_for.value_or(settings_.run_for));
  job.priority = fact.priority;
  job.cancel_grace = settings_.cancel_grace;
  job.promised = on_ready_child;
  job.accepted_at = ledger_.now;
  job.start_deadline = Later(ledger_.now, std::max<Duration>(0s, fact.start_by.value_or(settings_.start_by)));
  job.deadline = ledger_.deadlines.Add({Deadlines::Kind::kJob, index_, static_cast<std::uint64_t>(job.number)});
  ledger_.deadlines.Set(job.deadline, job.start_deadline);
  ledger_.jobs_by_id.emplace(job.id, &job);
  queue_.PushBack(job);
  ++job_count_;
  ++counts_.accepted;
  ledger_.Emit(Accepted{job.number});
}

void Pool::Dispatch(Job& job, Slot& slot) {
  queue_.Remove(job);
  job.phase = JobPhase::kUnacked;
  job.child = Id(slot);
  job.dispatched_at = ledger_.now;
  ++job.hand_overs;
  AwaitAnswer(job, settings_.ack_timeout);
  slot.jobs.push_back(&job);
  ++slot.jobs_begun;
  if (slot.too_old) {
    slot.retiring = MayLeave(slot);
    if (!slot.retiring) Age(slot);
  }
  SetState(slot, SlotState::kBusy);
  ledger_.Emit(SendJob{Id(slot), job.number, job.id, job.payload, job.run_for});
  Settle(slot);
}

// Acknowledged: from here on it is never handed to another child, and its payload is the child's.
void Pool::Begin(Job& job) {
  job.acked = true;
  std::string().swap(job.payload);
  ledger_.Emit(ReportStarted{job.number, job.child});
  if (job.phase != JobPhase::kUnacked) return;
  job.phase = JobPhase::kRunning;
  ledger_.deadlines.Set(job.deadline, job.run_for > 0s ? Later(ledger_.now, job.run_for) : kNever);
}

void Pool::OnCancelled(Job& job, std::optional<Duration> grace) {
  Touch();
  if (job.phase == JobPhase::kQueued) {
    queue_.Remove(job);
    return Report(job, Outcome::kCancelled, {}, Intent::kNone, false);
  }
  if (job.cancel_asked) return;
  job.cancel_asked = true;
  if (grace) job.cancel_grace = std::max<Duration>(0s, *grace);
  const Slot& slot = slots_[job.child.slot];
  const bool listens = slot.state == SlotState::kBusy && !slot.exited;
  if (listens && job.phase != JobPhase::kEnding) EndSoon(job);
}

void Pool::EndSoon(Job& job) {
  job.phase = JobPhase::kEnding;
  ledger_.Emit(SendCancel{job.child, job.number});
  AwaitAnswer(job, job.cancel_grace);
}

void Pool::OnJobDue(Job& job) {
  Touch();
  if (job.phase == JobPhase::kQueued) {
    queue_.Remove(job);
    return Report(job, Outcome::kQueueTimeout, {}, Intent::kNone, false);
  }
  Slot& slot = slots_[job.child.slot];
  switch (job.phase) {
    case JobPhase::kUnacked:
      // An exit that was seen first explains the silence, and its own deadline runs.
      if (!slot.exited) Kill(slot, Intent::kAckTimeout, {});
      return;
    case JobPhase::kRunning:
      if (slot.exited) return;
      job.verdict = Outcome::kTimedOut;
      EndSoon(job);
      return;
    case JobPhase::kEnding:
      if (slot.exited) return;
      if (!job.verdict) job.verdict = Outcome::kCancelled;
      job.phase = JobPhase::kDoomed;
      slot.cancel_grace = job.cancel_grace;
      AskToStop(slot, *job.verdict == Outcome::kTimedOut ? Intent::kRunTimeout : Intent::kJobCancelled);
      return;
    case JobPhase::kQueued:
    case JobPhase::kDoomed:
      return;
  }
}

// The child has answered.
void Pool::Finish(Slot& slot, Job& job, Outcome outcome, std::string result) {
  if (job.verdict) {
    outcome = *job.verdict;
    result.clear();
  }
  slot.jobs.erase(std::find(slot.jobs.begin(), slot.jobs.end(), &job));
  ++slot.jobs_done;
  const Duration ran = ledger_.now - job.dispatched_at;
  average_run_ += (ran - average_run_) / 8;
  Report(job, outcome, std::move(result), outcome == Outcome::kTimedOut ? Intent::kRunTimeout : Intent::kNone, false);
  if (slot.state == SlotState::kBusy && slot.jobs.empty()) {
    if (slot.exited) return EnterDying(slot);
    if (slot.retiring || UsedUp(slot))
      return AskToStop(slot, slot.stop_waiters.empty() ? Intent::kRetired : Intent::kStopRequested);
    SetState(slot, SlotState::kIdle);
  }
  Settle(slot);
}

// Its child is gone and never acknowledged it: once more, at the head of the queue; not a third time.
void Pool::HandBack(Job& job, Intent intent, bool still_running) {
  if (job.hand_overs >= 2) return Report(job, Outcome::kLostBeforeStart, {}, intent, still_running);
  job.phase = JobPhase::kQueued;
  ledger_.deadlines.Set(job.deadline, job.start_deadline);
  queue_.PushFront(job);
  Touch();
}

// The one place where a job ends.
void Pool::Report(Job& job, Outcome outcome, std::string result, Intent intent, bool still_running) {
  ++counts_.outcomes[static_cast<std::size_t>(outcome)];
  const bool handed_over = job.hand_overs > 0;
  ledger_.Emit(ReportOutcome{.job = job.number,
                             .outcome = outcome,
                             .result = std::move(result),
                             .child = job.child,
                             .intent = intent,
                             .queued = (handed_over ? job.dispatched_at : ledger_.now) - job.accepted_at,
                             .ran = handed_over ? ledger_.now - job.dispatched_at : Duration{},
                             .begun = job.acked,
                             .still_running = still_running});
  ledger_.deadlines.Remove(job.deadline);
  ledger_.jobs_by_id.erase(job.id);
  ledger_.jobs.erase(static_cast<std::uint64_t>(job.number));
  --job_count_;
}

Outcome Pool::OutcomeByDeath(const Slot& slot) const {
  return slot.out_of_memory ? Outcome::kOomKilled : Outcome::kChildCrashed;
}

Job* Pool::JobOf(const Slot& slot, JobNumber number) {
  for (Job* job : slot.jobs)
    if (job->number == number) return job;
  return nullptr;
}

}  // namespace andiron
