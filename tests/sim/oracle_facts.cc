// What the facts say, as far as it can be known before the core's answer.
#include <algorithm>
#include <variant>

#include "tests/sim/oracle.h"

namespace andiron::sim {
namespace {

constexpr std::uint64_t kJobsMax = 1U << 20U;  // greater numbers are of nobody

}  // namespace

void Oracle::Begin(std::span<const PoolSettings> pools, Duration drain_timeout) {
  pools_.resize(pools.size());
  for (std::size_t i = 0; i < pools.size(); ++i) {
    PoolSeen fresh;
    fresh.in_slot.swap(pools_[i].in_slot);
    fresh.failures.swap(pools_[i].failures);
    fresh.settings = &pools[i];
    fresh.in_slot.assign(static_cast<std::size_t>(pools[i].max_children), kNone);
    fresh.failures.assign(static_cast<std::size_t>(pools[i].max_children), 0);
    pools_[i] = std::move(fresh);
  }
  drain_timeout_ = drain_timeout;
  children_.clear();
  live_.clear();
  jobs_.clear();
  open_.clear();
  promises_.clear();
  waiters_.clear();
  as_of_ = now_ = decided_ = TimePoint{};
  step_ = order_ = accepted_ = outcomes_ = 0;
  draining_ = drained_told_ = stop_asked_ = stop_now_ = shut_ever_ = stopped_ = false;
  drain_at_ = kNever;
  problem_.clear();
}

void Oracle::Read(TimePoint as_of, std::span<const Fact> facts) {
  ++step_;
  as_of_ = as_of;
  decided_ = now_;
  now_ = std::max(now_, as_of);
  submitted_now_ = 0;
  results_.clear();
  for (PoolSeen& pool : pools_) {
    pool.ready_now = false;
    pool.failed_now = 0;
  }
  for (const Fact& fact : facts) {
    std::visit([this](const auto& known) { See(known); }, fact);
  }
  // A hello counts when the turn's facts show neither an exit nor another end.
  for (const std::uint32_t index : live_) {
    ChildSeen& child = children_[index];
    if (child.ready_step == step_ && child.ready && !child.settled) Settle(child, InitializeEnd::kReady);
  }
}

// ---- finding ----

std::uint32_t Oracle::IndexOf(ChildId id) const {
  if (id.pool >= pools_.size() || id.slot >= pools_[id.pool].in_slot.size()) return kNone;
  const std::uint32_t present = pools_[id.pool].in_slot[id.slot];
  if (present != kNone && children_[present].id == id) return present;
  for (const std::uint32_t index : live_) {
    if (children_[index].id == id) return index;
  }
  return kNone;
}

Oracle::ChildSeen* Oracle::Find(ChildId id) {
  const std::uint32_t index = IndexOf(id);
  return index == kNone ? nullptr : &children_[index];
}

Oracle::JobSeen* Oracle::Find(JobNumber number) {
  const auto index = static_cast<std::uint64_t>(number);
  return index < jobs_.size() ? &jobs_[index] : nullptr;
}

std::uint32_t Oracle::PoolNamed(std::string_view name) const {
  for (std::uint32_t i = 0; i < pools_.size(); ++i) {
    if (pools_[i].settings->name == name) return i;
  }
  return kNone;
}

// Once its kill is decided, a generation is heard no more but for its exit and its close.
Oracle::ChildSeen* Oracle::Listening(ChildId id) {
  ChildSeen* child = Find(id);
  if (child == nullptr || child->gone() || child->killed() || child->abandoned || child->outlawed ||
      child->doom_step == step_) {
    return nullptr;
  }
  return child;
}

// It will be killed in this step: nothing that it says after this counts.
void Oracle::Doom(ChildSeen& child) {
  child.doom_step = step_;
  Cancel(child, InitializeEnd::kCancelled);
}

// Its initialize() is ended by a fact of this batch.
void Oracle::Cancel(ChildSeen& child, InitializeEnd end) {
  if (child.settled || child.exited()) return;
  child.ready = false;
  Settle(child, end);
}

void Oracle::BreakProtocol(ChildSeen& child) {
  child.protocol_step = step_;
  child.outlawed = child.exited();  // no kill follows
  Cancel(child, InitializeEnd::kProtocolError);
  Doom(child);
}

// ---- time, jobs, orders ----

void Oracle::See(const TimeRead& fact) {
  Performed(fact.performed);
  now_ = std::max(now_, fact.now);
}

// I6: the time for an answer begins when the action is carried out, not when it is decided.
void Oracle::Performed(TimePoint at) {
  if (at <= decided_) return;
  const auto last = [this](std::int64_t step) { return step == step_ - 1; };
  for (const std::uint32_t index : live_) {
    ChildSeen& child = children_[index];
    if (last(child.start_step)) child.told_to_start = at;
    if (last(child.ask_step)) child.asked_at = at;
    if (last(child.kill_step)) child.killed_at = at;
    if (last(child.ping_step) && child.pinged_at != kNever) child.pinged_at = at;
  }
  for (const std::uint32_t number : open_) {
    JobSeen& job = jobs_[number];
    if (last(job.sent_step)) job.told_at = at;
    if (last(job.cancel_sent_step)) job.cancel_sent_at = at;
  }
  for (Promise& promise : promises_) {
    if (last(promise.step) && promise.until != kNever) promise.until = Later(promise.until, at - decided_);
  }
}

void Oracle::See(const JobSubmitted& fact) {
  const auto index = static_cast<std::uint64_t>(fact.job);
  if (index >= kJobsMax) return;
  if (index >= jobs_.size()) jobs_.resize(index + 1);
  JobSeen& job = jobs_[index];
  job = JobSeen{};
  job.where = Where::kAsked;
  job.pool = PoolNamed(fact.pool);
  job.id = fact.id;
  job.payload = static_cast<std::int64_t>(fact.payload.size());
  job.asked_step = step_;
  job.priority = fact.priority;
  job.reserved = job.pool != kNone && ReservationHeld(job.pool, fact.reservation);
  if (job.pool != kNone) {
    job.start_by = fact.start_by.value_or(pools_[job.pool].settings->start_by);
    job.run_for = fact.run_for.value_or(pools_[job.pool].settings->run_for);
  }
  ++submitted_now_;
  for (Promise& promise : promises_) {
    if (promise.number == fact.reservation && promise.pool == job.pool) promise.over = true;
  }
}

void Oracle::See(const JobCancelled& fact) {
  JobSeen* job = Find(fact.job);
  if (job == nullptr || job->where == Where::kOver || job->where == Where::kRefused || job->where == Where::kUnknown)
    return;
  if (!job->cancel_asked) job->cancel_step = step_;
  if (!job->cancel_asked && job->cancel_sent_at == kNever) job->grace = fact.grace;
  job->cancel_asked = true;
}

void Oracle::See(const ReservationAsked& fact) {
  promises_.push_back({.number = fact.reservation, .pool = PoolNamed(fact.pool)});
}

void Oracle::See(const ReservationReleased& fact) {
  for (Promise& promise : promises_) {
    if (promise.number == fact.reservation) promise.over = true;
  }
}

void Oracle::See(const ReadyAwaited& fact) {
  waiters_.push_back(
      {.number = fact.waiter, .pool = PoolNamed(fact.pool), .until = Later(now_, fact.patience), .asked_step = step_});
}

void Oracle::See(const DrainRequested&) {
  drained_told_ = drained_told_ && stopped_;  // each is answered
  if (draining_) return;
  draining_ = shut_ever_ = true;
  drain_at_ = now_;
}

void Oracle::See(const ResumeRequested&) {
  if (stop_asked_) return;
  draining_ = false;
  drain_at_ = kNever;
}

void Oracle::See(const StopRequested& fact) {
  if (!draining_) See(DrainRequested{});
  stop_asked_ = true;
  if (!fact.now || stop_now_) return;
  stop_now_ = true;
  for (const std::uint32_t index : live_) {
    Doom(children_[index]);
    children_[index].outlawed = children_[index].exited();  // what it has left isn't read any more
  }
}

void Oracle::See(const ChildStopRequested& fact) {
  const std::uint32_t index = IndexOf(fact.child);
  Waiter waiter{.number = fact.waiter, .child = index, .is_stop = true};
  waiters_.push_back(waiter);
  if (index == kNone || children_[index].exited() || children_[index].abandoned) return;
  ChildSeen& child = children_[index];
  child.stop_wish_step = step_;
  if (fact.force) return Doom(child);
  if (child.jobs > 0) {
    child.retiring = true;
  } else if (!child.closed() || !child.settled) {
    Cancel(child, InitializeEnd::kCancelled);
  }
}

// ---- children ----

void Oracle::See(const Spawned& fact) {
  ChildSeen* child = Find(fact.child);
  if (child == nullptr || child->gone()) return;
  child->pid = fact.pid;
  if (!child->spawned) ++pools_[child->id.pool].spawned;
  child->spawned = true;
}

void Oracle::See(const SpawnFailed& fact) {
  ChildSeen* child = Find(fact.child);
  if (child == nullptr || child->gone()) return;
  child->spawn_failed = true;
  if (child->abandoned) --pools_[child->id.pool].quarantined;
  child->exited_at = child->closed_at = now_;
  child->exit_step = child->close_step = step_;
  if (!child->settled) Settle(*child, InitializeEnd::kSpawnFailed);
  NoteGone(*child);
}

void Oracle::See(const ChildProgressed& fact) {
  if (ChildSeen* child = Listening(fact.child)) child->progress_at = now_;
}

void Oracle::See(const ChildReady& fact) {
  ChildSeen* child = Listening(fact.child);
  if (child == nullptr || child->asked()) return;
  if (child->ready) return BreakProtocol(*child);
  if (child->exited() || child->closed()) return;
  if (child->settled || child->stop_wish_step == step_) return;
  child->ready = true;
  child->ready_step = step_;
  child->ready_at = now_;
}

void Oracle::See(const ChildMisbehaved& fact) {
  ChildSeen* child = Listening(fact.child);
  if (child != nullptr && !child->exited()) BreakProtocol(*child);  // of a dead child, its exit says more
}

void Oracle::See(const JobAcked& fact) {
  ChildSeen* child = Listening(fact.child);
  if (child == nullptr) return;
  JobSeen* job = Find(fact.job);
  const bool its_own = job != nullptr && job->where == Where::kWithChild && children_[job->child].id == fact.child;
  if (!its_own || job->acked_at != kNever || job->returned_step != 0) {
    if (!child->asked()) BreakProtocol(*child);  // while it is stopped, late answers may still come
    return;
  }
  job->acked_at = now_;
  job->acked_step = step_;
}

void Oracle::See(const JobReturned& fact) {
  ChildSeen* child = Listening(fact.child);
  if (child == nullptr) return;
  JobSeen* job = Find(fact.job);
  const bool its_own = job != nullptr && job->where == Where::kWithChild && children_[job->child].id == fact.child;
  if (!its_own || job->returned_step != 0) {
    if (!child->asked()) BreakProtocol(*child);  // while it is stopped, late answers may still come
    return;
  }
  if (job->acked_at == kNever) {
    job->acked_at = now_;
    job->acked_step = step_;
  }
  job->returned_step = step_;
  job->end = fact.end;
  job->result_number = static_cast<std::int64_t>(results_.size());
  results_.push_back(fact.result);
}

void Oracle::See(const ChildPonged& fact) {
  if (ChildSeen* child = Listening(fact.child)) child->pinged_at = kNever;
}

void Oracle::See(const ChildHalted& fact) {
  if (ChildSeen* child = Listening(fact.child)) child->halted_at = fact.halted ? now_ : kNever;
}

void Oracle::See(const FrameHalfRead& fact) {
  if (ChildSeen* child = Listening(fact.child)) child->half_at = fact.half ? now_ : kNever;
}

void Oracle::See(const WriteBlocked& fact) {
  if (ChildSeen* child = Listening(fact.child)) child->blocked_at = fact.blocked ? now_ : kNever;
}

void Oracle::See(const ChildExited& fact) {
  ChildSeen* child = Find(fact.child);
  if (child == nullptr || child->exited()) return;
  child->exited_at = now_;
  child->exit_step = step_;
  child->code = fact.code;
  child->signal = fact.signal;
  child->out_of_memory = fact.out_of_memory;
  ++pools_[child->id.pool].exited;
  if (child->abandoned) --pools_[child->id.pool].quarantined;
  // A visible exit beats a hello of the same turn.
  if (!child->settled) Settle(*child, InitializeEnd::kExited);
  if (child->settled && child->end != InitializeEnd::kReady) child->ready = false;
  NoteGone(*child);
}

void Oracle::See(const ChannelClosed& fact) {
  ChildSeen* child = Find(fact.child);
  if (child == nullptr || child->closed()) return;
  child->closed_at = now_;
  child->close_step = step_;
  if (!child->settled) child->ready = false;  // a hello without a channel is of no use
  NoteGone(*child);
}

// initialize() has ended for it.
void Oracle::Settle(ChildSeen& child, InitializeEnd end) {
  if (child.settled) return Broken("I5", "initialize() ended twice", &child);
  child.settled = true;
  child.end = end;
  PoolSeen& pool = pools_[child.id.pool];
  ++pool.ends[static_cast<std::size_t>(end)];
  --pool.starting;
  int& failures = pool.failures[child.id.slot];
  if (end == InitializeEnd::kReady) {
    pool.ready_now = true;
    failures = 0;
  } else if (end != InitializeEnd::kCancelled) {
    ++pool.failed_now;
    ++failures;
    ++pool.failed_most;
    ++pool.failed_least;
  } else if (pool.breaker == BreakerState::kProbing) {
    ++pool.failed_most;  // a cancelled probe proves nothing
  }
}

void Oracle::NoteGone(ChildSeen& child) {
  if (child.gone() && child.over_at == kNever) child.over_at = now_;
}

}  // namespace andiron::sim
