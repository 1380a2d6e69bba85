// Actions about jobs, places and those who wait.
#include <algorithm>

#include "tests/sim/oracle.h"

namespace andiron::sim {

// A job whose child is reported dead without having begun it is in the queue again, before all that came after it.
void Oracle::HandBack(JobSeen& job) {
  job.where = Where::kQueued;
  job.handed_back = true;
  --children_[job.child].jobs;
  ++pools_[job.pool].queued;
}

bool Oracle::LostItsChild(const JobSeen& job) const {
  return job.where == Where::kWithChild && job.acked_at == kNever && children_[job.child].reported_step == step_;
}

// I14, I18: to a ready child with a free place, in order, and a second time only if nobody has begun it.
void Oracle::Judge(const SendJob& action) {
  for (const std::uint32_t number : open_) {
    if (LostItsChild(jobs_[number])) HandBack(jobs_[number]);
  }
  JobSeen* job = Find(action.job);
  if (job == nullptr || (job->where != Where::kQueued && job->where != Where::kWithChild)) {
    return Broken("I3", "a job is sent that isn't queued", nullptr, job);
  }
  const std::uint32_t index = IndexOf(action.child);
  if (index == kNone) return Broken("I7", "a job is sent to an unknown child", nullptr, job);
  ChildSeen& child = children_[index];
  if (child.pinged_at != kNever) child.pinged_at = kNever;
  if (!child.serving() || child.abandoned)
    return Broken("I8", "a job is sent to a child that isn't ready or is ending", &child, job);
  if (FreePlaces(child) <= 0) return Broken("I8", "a job is sent to a child without a free place", &child, job);
  // It may still take the job for which it was ready when its age came, and those to which it was promised.
  const bool promised = Reserved(job->pool) > 0 || std::any_of(open_.begin(), open_.end(), [&](std::uint32_t number) {
                          const JobSeen& open = jobs_[number];
                          return open.reserved && open.pool == job->pool && open.where == Where::kQueued;
                        });
  if (child.jobs > 0 && !promised && AgesMatter(pools_[job->pool]) &&
      Due(child.ready_at, SettingsOf(child).max_child_age))
    return Broken("I9", "a busy child beyond max_child_age is sent another job", &child, job);
  if (job->where == Where::kWithChild) return Broken("I3", "a job is sent while another child has it", &child, job);
  if (job->acked_at != kNever) return Broken("I14", "a job is sent again that a child had begun", &child, job);
  if (++job->hand_overs > 2) return Broken("I14", "a job is handed over a third time", &child, job);
  if (action.id != job->id || static_cast<std::int64_t>(action.payload.size()) != job->payload ||
      action.run_for != job->run_for) {
    return Broken("I14", "a job is sent with another id, payload or limit", &child, job);
  }
  JudgeOrder(*job);
  --pools_[job->pool].queued;
  job->where = Where::kWithChild;
  job->child = index;
  job->sent_at = job->told_at = now_;
  job->sent_step = step_;
  ++child.jobs;
  ++child.begun;
}

// I18: FIFO within a priority, higher ones first; a job handed back has waited already and goes before its like, also
// in order where one child has lost several. Jobs with a reservation may go before all.
void Oracle::JudgeOrder(const JobSeen& job) {
  if (job.reserved) return;
  for (const std::uint32_t number : open_) {
    const JobSeen& other = jobs_[number];
    if (&other == &job || other.where != Where::kQueued || other.pool != job.pool || other.reserved) continue;
    if (other.priority < job.priority) continue;
    const bool first = other.handed_back && !job.handed_back;
    const bool alike = other.handed_back ? job.handed_back && other.child == job.child : !job.handed_back;
    const bool sooner = alike && other.order < job.order;
    if (other.priority > job.priority || first || sooner)
      return Broken("I18", "a job is sent before one that has its turn", nullptr, &job);
  }
}

void Oracle::Judge(const SendCancel& action) {
  JobSeen* job = Find(action.job);
  if (job == nullptr || job->where != Where::kWithChild || children_[job->child].id != action.child) {
    return Broken("I17", "a cancel for a job that its child doesn't have", nullptr, job);
  }
  const ChildSeen& child = children_[job->child];
  const bool ends_now =
      child.exit_step == step_ || child.close_step == step_ || child.kill_step == step_ || child.ask_step == step_;
  if (!child.serving() && !ends_now) return Broken("I7", "a cancel to a child that is ending", &child, job);
  if (job->cancel_sent_at != kNever) return Broken("I17", "a job is cancelled twice", &child, job);
  const bool late = job->run_for > Duration(0) && Due(job->acked_at, job->run_for);
  if (!job->cancel_asked && !late) return Broken("I17", "a cancel that nobody asked for", &child, job);
  job->cancel_sent_at = now_;
  job->cancel_sent_step = step_;
}

void Oracle::Judge(const Accepted& action) {
  JobSeen* job = Find(action.job);
  if (job == nullptr || job->where != Where::kAsked || job->asked_step != step_) {
    return Broken("I12", "a job is accepted that wasn't submitted in this step", nullptr, job);
  }
  --submitted_now_;
  if (job->pool == kNone) return Broken("I12", "a job of an unknown pool is accepted", nullptr, job);
  PoolSeen& pool = pools_[job->pool];
  if (job->payload > pool.settings->max_payload)
    return Broken("I12", "a payload over the limit is accepted", nullptr, job);
  if (draining_ && !job->reserved && drain_at_ != now_)
    return Broken("I20", "a job is accepted while draining", nullptr, job);
  for (const std::uint32_t number : open_) {
    if (jobs_[number].id == job->id) return Broken("I15", "two jobs of one id", nullptr, job);
  }
  job->where = Where::kQueued;
  job->accepted_at = now_;
  job->start_deadline = Later(now_, std::max(job->start_by, Duration(0)));
  job->order = ++order_;
  open_.push_back(static_cast<std::uint32_t>(action.job));
  ++pool.queued;
  ++pool.accepted;
  ++accepted_;
}

void Oracle::Judge(const Refused& action) {
  JobSeen* job = Find(action.job);
  if (job == nullptr || job->where != Where::kAsked || job->asked_step != step_) {
    return Broken("I12", "a job is refused that wasn't submitted in this step", nullptr, job);
  }
  --submitted_now_;
  job->where = Where::kRefused;
  if ((action.reason == Refusal::kUnknownPool) != (job->pool == kNone)) {
    return Broken("I12", "a job is wrongly refused as of an unknown pool", nullptr, job);
  }
  if (job->pool == kNone) return;
  PoolSeen& pool = pools_[job->pool];
  ++pool.refused;
  if ((action.reason == Refusal::kTooLarge) != (job->payload > pool.settings->max_payload)) {
    return Broken("I12", "a job is wrongly refused as too large", nullptr, job);
  }
  if (action.reason == Refusal::kDraining && !shut_ever_)
    return Broken("I12", "a job is refused as draining, and it isn't", nullptr, job);
  if (action.reason == Refusal::kBreakerOpen && pool.settings->breaker_failures == 0) {
    return Broken("I11", "a job is refused for a breaker that is off", nullptr, job);
  }
  if (job->reserved && action.reason == Refusal::kQueueFull)
    return Broken("I20", "a reserved job is refused for want of a place", nullptr, job);
}

void Oracle::Judge(const ReportStarted& action) {
  JobSeen* job = Find(action.job);
  if (job == nullptr || job->started_told)
    return Broken("I14", "a job is reported as started twice, or isn't known", nullptr, job);
  job->started_told = true;
  if (job->acked_step != step_ || children_[job->child].id != action.child) {
    return Broken("I14", "a job is reported as started that its child didn't acknowledge", nullptr, job);
  }
}

// I13: exactly one outcome, one that the facts allow, reported when the child has answered or its end is known.
void Oracle::Judge(const ReportOutcome& action) {
  JobSeen* job = Find(action.job);
  if (job == nullptr || (job->where != Where::kQueued && job->where != Where::kWithChild)) {
    return Broken(
        "I13",
        job != nullptr && job->where == Where::kOver ? "a second outcome" : "an outcome of a job that wasn't accepted",
        nullptr, job);
  }
  const bool by_death = job->child != kNone && action.intent == children_[job->child].intent;
  const bool lost = action.outcome == Outcome::kLostBeforeStart;
  if (LostItsChild(*job) && !lost && (action.outcome == Outcome::kQueueTimeout || !by_death)) HandBack(*job);
  if (job->where == Where::kQueued) {
    JudgeQueuedEnd(*job, action);
  } else if (job->returned_step != 0) {
    JudgeReturned(*job, action);
  } else {
    JudgeDeath(*job, action);
  }
  if (action.outcome == Outcome::kCancelled && !job->cancel_asked)
    Broken("I17", "a job is cancelled that nobody cancelled", nullptr, job);
  if (action.outcome == Outcome::kKilledShutdown && !shut_ever_)
    Broken("I13", "a shutdown that nobody asked for", nullptr, job);
  if (action.outcome != Outcome::kSucceeded && action.outcome != Outcome::kFailed && !action.result.empty()) {
    Broken("I13", "a result beside a job that has none", nullptr, job);
  }
  const bool sent = job->sent_at != kNever;
  if (action.queued != (sent ? job->sent_at : now_) - job->accepted_at ||
      action.ran != (sent ? now_ - job->sent_at : Duration(0))) {
    Broken("I13", "a job's times are wrong", nullptr, job);
  }
  Finish(*job, action);
}

void Oracle::JudgeQueuedEnd(const JobSeen& job, const ReportOutcome& action) {
  const bool fits = action.outcome == Outcome::kCancelled || action.outcome == Outcome::kKilledShutdown ||
                    (action.outcome == Outcome::kQueueTimeout && job.start_deadline <= as_of_);
  if (!fits) Broken("I13", "a queued job ends with an outcome that doesn't fit", nullptr, &job);
  if (action.still_running) Broken("I13", "a queued job is said to run", nullptr, &job);
}

// B4, B24: a result that came in time wins over the exit, the cancel and the timeout of the same turn.
void Oracle::JudgeReturned(const JobSeen& job, const ReportOutcome& action) {
  const ChildSeen& child = children_[job.child];
  if (action.still_running) Broken("I13", "a job that has returned is said to run", &child, &job);
  const bool timed_out = job.cancel_sent_at != kNever && job.run_for > Duration(0) && Due(job.acked_at, job.run_for);
  if (action.outcome == Outcome::kTimedOut && timed_out) return;
  const bool decided = job.cancel_sent_at != kNever && child.asked() && child.ask_step != step_;
  if (action.outcome == Outcome::kCancelled && job.cancel_asked && decided) return;
  if (action.outcome == Outcome::kKilledShutdown && stop_now_) return;
  switch (job.end) {
    case JobReturned::End::kSucceeded:
      if (action.outcome != Outcome::kSucceeded) Broken("I13", "a result is lost", &child, &job);
      break;
    case JobReturned::End::kFailed:
      if (action.outcome != Outcome::kFailed) Broken("I13", "an error is lost", &child, &job);
      break;
    case JobReturned::End::kCancelled:
      if (job.cancel_step == step_ && action.outcome == Outcome::kFailed) return;  // the cancel came behind it
      if (action.outcome != (job.cancel_asked ? Outcome::kCancelled : Outcome::kFailed)) {
        Broken("I13", "a cancelled job ends with an outcome that doesn't fit", &child, &job);
      }
      return;
  }
  if (action.result != results_[static_cast<std::size_t>(job.result_number)])
    Broken("I13", "a result of another job", &child, &job);
}

// Its child didn't answer: the death must be known and told, and decides the outcome.
void Oracle::JudgeDeath(const JobSeen& job, const ReportOutcome& action) {
  const ChildSeen& child = children_[job.child];
  if (child.reported_step == 0)
    return Broken("I13", "an outcome before the death of its child is reported", &child, &job);
  if (action.child != child.id || action.intent != child.intent)
    Broken("I13", "an outcome names another child or intent", &child, &job);
  if (action.still_running != !child.exited()) Broken("I13", "still_running is wrong", &child, &job);
  const bool late = job.run_for > Duration(0) && Due(job.acked_at, job.run_for);
  bool fits = false;
  switch (action.outcome) {
    case Outcome::kSucceeded:
    case Outcome::kFailed:
    case Outcome::kQueueTimeout:
      break;
    case Outcome::kCancelled:
      fits = job.cancel_asked;
      break;
    case Outcome::kTimedOut:
      fits = late;
      break;
    case Outcome::kChildCrashed:
      fits = job.acked_at != kNever && (!child.out_of_memory || child.killed()) &&
             !(late && job.cancel_sent_at != kNever && !job.cancel_asked);
      break;
    case Outcome::kOomKilled:
      fits = job.acked_at != kNever && child.out_of_memory;
      break;
    case Outcome::kKilledShutdown:
      fits = shut_ever_;
      break;
    case Outcome::kLostBeforeStart:
      fits = job.acked_at == kNever && job.hand_overs == 2;
      break;
  }
  if (!fits) Broken("I13", "an outcome that its child's death doesn't explain", &child, &job);
  if (action.outcome == Outcome::kKilledShutdown && child.intent == Intent::kNone && job.acked_at != kNever) {
    Broken("I29", "a crash is reported as a shutdown", &child, &job);
  }
}

void Oracle::Finish(JobSeen& job, const ReportOutcome& action) {
  PoolSeen& pool = pools_[job.pool];
  ++pool.outcomes[static_cast<std::size_t>(action.outcome)];
  ++outcomes_;
  if (job.where == Where::kQueued) {
    --pool.queued;
  } else {
    ChildSeen& child = children_[job.child];
    --child.jobs;
    if (job.returned_step != 0) {
      ++child.done;
      child.done_at = now_;
    }
  }
  job.where = Where::kOver;
  std::erase(open_, static_cast<std::uint32_t>(action.job));
}

// ---- places and waiters ----

void Oracle::Judge(const ReservationAnswered& action) {
  for (Promise& promise : promises_) {
    if (promise.number != action.reservation || promise.answered) continue;
    promise.answered = true;
    promise.granted = action.granted;
    if (!action.granted) {
      promise.over = true;
      return;
    }
    if (promise.pool == kNone) return Broken("I20", "a place in an unknown pool is promised");
    promise.until = Later(now_, pools_[promise.pool].settings->reservation_timeout);
    promise.step = step_;
    if (draining_ && drain_at_ != now_) Broken("I20", "a place is promised while draining");
    return;
  }
  Broken("I20", "an answer to a reservation that nobody asked for");
}

void Oracle::Judge(const WaiterAnswered& action) {
  for (Waiter& waiter : waiters_) {
    if (waiter.is_stop || waiter.answered || waiter.number != action.waiter) continue;
    waiter.answered = true;
    const bool free = std::any_of(live_.begin(), live_.end(), [&](std::uint32_t index) {
      return children_[index].id.pool == waiter.pool && FreePlaces(children_[index]) > 0;
    });
    if (action.end != InitializeEnd::kReady) {
      if (free && !AgesMatter(pools_[waiter.pool])) Broken("I5", "a waiter hears of a failure beside a free child");
      return;
    }
    const bool any = std::any_of(live_.begin(), live_.end(), [&](std::uint32_t index) {
      const ChildSeen& child = children_[index];
      return child.id.pool == waiter.pool && child.ready && !child.exited() && !child.closed();
    });
    if (!any) Broken("I5", "a waiter is told of a ready child, and there is none");
    return;
  }
  Broken("I5", "an answer to a waiter that isn't there");
}

void Oracle::Judge(const StopAnswered& action) {
  for (Waiter& waiter : waiters_) {
    if (!waiter.is_stop || waiter.answered || waiter.number != action.waiter) continue;
    waiter.answered = true;
    if (!action.found) return;
    if (waiter.child == kNone) return Broken("I5", "a child is stopped that isn't there");
    const ChildSeen& child = children_[waiter.child];
    if (!child.gone() && !action.quarantined) Broken("I5", "a stop is answered while the child lives", &child);
    if (action.quarantined && child.reported_step == 0)
      Broken("I5", "a stop is answered before the quarantine", &child);
    return;
  }
  Broken("I5", "an answer to a stop that nobody asked for");
}

void Oracle::Judge(const CapacityChanged& action) {
  if (action.pool >= pools_.size() || action.capacity < 0) return Broken("I19", "a capacity of no pool, or below zero");
  PoolSeen& pool = pools_[action.pool];
  if (pool.told == action) return Broken("I19", "a capacity is told again");
  pool.told = action;
  pool.capacity = action.capacity;
}

void Oracle::Judge(const BreakerChanged& action) {
  PoolSeen& pool = pools_[action.pool];
  if (pool.settings->breaker_failures == 0) return Broken("I11", "a breaker that is off");
  if (pool.breaker == action.state) return Broken("I11", "a breaker changes to what it was");
  pool.breaker = action.state;
  if (action.state == BreakerState::kOpen) pool.opened_at = now_;
}

void Oracle::Judge(const Drained&) {
  if (!draining_ || drained_told_) return Broken("I32", "drained without a drain, or twice");
  drained_told_ = true;
  if (!open_.empty()) Broken("I32", "drained while jobs are open", nullptr, &jobs_[open_.front()]);
}

void Oracle::Judge(const WorkerStopped&) {
  if (!stop_asked_ || stopped_) return Broken("I32", "stopped without a stop, or twice");
  stopped_ = true;
  for (const std::uint32_t index : live_) {
    const ChildSeen& child = children_[index];
    if (!child.gone() && !child.abandoned) return Broken("I32", "stopped while a child lives", &child);
  }
}

}  // namespace andiron::sim
