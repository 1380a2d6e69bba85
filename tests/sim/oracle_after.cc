// What must hold at the end of every step, and when the faults have stopped.
#include <algorithm>
#include <variant>

#include "tests/sim/oracle.h"

namespace andiron::sim {

void Oracle::Check(const ActionList& actions, const Core& core, bool look_inside) {
  for (const Action& action : actions) {
    if (stopped_ && !std::holds_alternative<Refused>(action) && !std::holds_alternative<ReservationAnswered>(action) &&
        !std::holds_alternative<WaiterAnswered>(action) && !std::holds_alternative<StopAnswered>(action)) {
      Broken("I32", "an action after the worker has stopped");
    }
    std::visit([this](const auto& known) { Judge(known); }, action);
  }
  if (problem_.empty()) After(core);
  if (problem_.empty()) {
    if (std::string inside = core.CheckInvariants(); !inside.empty()) Broken("inside", inside.c_str());
  }
  if (problem_.empty() && look_inside) Compare(core.Status());
}

void Oracle::After(const Core& core) {
  if (submitted_now_ != 0) return Broken("I12", "a submitted job was neither accepted nor refused");
  for (const std::uint32_t index : live_) AfterChild(children_[index]);
  for (std::size_t i = 0; i < open_.size(); ++i) AfterJob(jobs_[open_[i]]);
  for (std::uint32_t i = 0; i < pools_.size(); ++i) AfterPool(i);
  AfterPromises();
  if (draining_ && open_.empty() && promises_.empty() && !drained_told_ && !stopped_)
    Broken("I32", "a drain has ended and isn't told so");
  const TimePoint next = core.NextDeadline();
  if (next <= as_of_) Broken("I4", "a deadline has passed and wasn't handled");
  const bool waiting = std::any_of(live_.begin(), live_.end(), [this](std::uint32_t index) {
    const ChildSeen& child = children_[index];
    return !child.abandoned && !child.gone() && (!child.ready || child.asked() || child.killed() || child.exited());
  });
  if (waiting && next == kNever) Broken("I4", "a child starts or ends, and there is no deadline");
  std::erase_if(live_, [this](std::uint32_t index) { return children_[index].gone(); });
}

int Oracle::FreePlaces(const ChildSeen& child) const {
  if (!child.serving() || child.halted_at != kNever || child.retiring) return 0;
  const PoolSettings& pool = SettingsOf(child);
  int places = pool.max_concurrent_jobs_per_child - child.jobs;
  if (pool.max_jobs_per_child > 0) places = std::min(places, pool.max_jobs_per_child - child.begun);
  return std::max(0, places);
}

// I4, I5: what has run out by as_of has been decided.
void Oracle::AfterChild(ChildSeen& child) {
  const PoolSettings& pool = SettingsOf(child);
  if (child.gone() && child.reported_step == 0) return Broken("I29", "a death isn't reported", &child);
  if (child.protocol_step == step_ && !child.killed() && !child.exited() && !child.asked())
    return Broken("I7", "a child broke the protocol and lives on", &child);
  if (child.doom_step == step_ && !child.killed() && !child.exited() && !child.asked() && !child.abandoned) {
    return Broken("I32", "a child should have been killed", &child);
  }
  if (child.killed() || child.exited() || child.asked() || child.abandoned) return AfterChildEnding(child);
  if (child.stop_wish_step == step_ && child.jobs == 0 && !child.closed())
    return Broken("I5", "a child that was to stop isn't asked to", &child);
  if (!child.settled) {
    if (Due(child.told_to_start, pool.init_timeout)) Broken("I5", "initialize() is past its timeout", &child);
    if (pool.init_stall_timeout > Duration(0) && Due(child.progress_at, pool.init_stall_timeout)) {
      Broken("I5", "a start has stalled and goes on", &child);
    }
  }
  if (child.closed() && Due(child.closed_at, pool.exit_drain))
    Broken("A17", "a child without its channel lives on", &child);
  if (!child.ready || child.closed()) return;
  // Before its first message init_timeout rules.
  const auto since = [&child](TimePoint at) { return at == kNever ? kNever : std::max(at, child.ready_at); };
  if (Due(since(child.halted_at), pool.ping_timeout)) Broken("B7", "a halted child is kept", &child);
  if (Due(since(child.half_at), pool.frame_timeout)) Broken("I4", "half a frame is waited for too long", &child);
  if (Due(since(child.blocked_at), pool.write_timeout)) Broken("I4", "a child that doesn't read is kept", &child);
  if (child.jobs == 0 && Due(child.pinged_at, pool.ping_timeout))
    Broken("B8", "a child that doesn't answer its ping is kept", &child);
}

void Oracle::AfterChildEnding(ChildSeen& child) {
  const PoolSettings& pool = SettingsOf(child);
  const bool drain_over = draining_ && Due(drain_at_, drain_timeout_);
  if (child.exited() && drain_over) child.outlawed = true;
  if (child.abandoned || child.gone()) return;
  if (child.exited()) {
    if (!child.close_sent && Due(child.exited_at, pool.exit_drain)) {
      Broken("I27", "the channel of a dead child is held open", &child);
    }
    return;
  }
  if (child.killed()) {
    if (Due(child.killed_at, pool.kill_grace) && child.reported_step == 0) {
      Broken("B9", "a child that can't be killed holds its slot", &child);
    }
    return;
  }
  const bool over = child.asked() && Due(child.asked_at, pool.stop_grace);
  if (over) Broken("B6", "a child that ignores its stop is kept", &child);
}

void Oracle::AfterJob(JobSeen& job) {
  if (job.where == Where::kQueued) {
    if (job.start_deadline <= as_of_) Broken("I18", "a job is queued past its start_by", nullptr, &job);
    if (job.cancel_step == step_) Broken("I17", "a queued job is cancelled and stays", nullptr, &job);
    if (stop_now_) Broken("I32", "a job is queued after the stop", nullptr, &job);
    if (draining_ && Due(drain_at_, drain_timeout_) && !drained_told_)
      Broken("I32", "a job is queued after the drain's time", nullptr, &job);
    return;
  }
  const ChildSeen& child = children_[job.child];
  if (job.returned_step != 0 && child.asked()) {
    // Its outcome had been decided before: the answer of a child that is stopped is too late.
    job.returned_step = 0;
    if (job.acked_step == step_) job.acked_at = kNever;
  }
  if (job.returned_step != 0) return Broken("I13", "a job has returned and isn't reported", &child, &job);
  if (child.reported_step == step_) {
    // Reported dead: what isn't over has gone back to the queue, in front.
    if (job.acked_at != kNever)
      return Broken("I13", "a job's child is dead and its outcome isn't reported", &child, &job);
    HandBack(job);
    return AfterJob(job);
  }
  if (child.killed() || child.asked() || child.exited() || child.closed()) return;
  const PoolSettings& pool = *pools_[job.pool].settings;
  const bool told = job.cancel_sent_at != kNever;
  if (!told && job.acked_at == kNever && Due(job.told_at, pool.ack_timeout))
    Broken("I14", "a job isn't acknowledged in time", &child, &job);
  if (job.cancel_asked && !told) Broken("I17", "a cancel isn't passed on", &child, &job);
  if (!told && job.run_for > Duration(0) && Due(job.acked_at, job.run_for))
    Broken("B5", "a job runs longer than run_for", &child, &job);
  if (Due(job.cancel_sent_at, job.grace.value_or(pool.cancel_grace)))
    Broken("I17", "a job that was told to end goes on", &child, &job);
  if (draining_ && Due(drain_at_, drain_timeout_) && !drained_told_)
    Broken("I32", "a job runs after the drain's time", &child, &job);
}

// I2, I10, I11, I18, I19, I20.
void Oracle::AfterPool(std::uint32_t number) {
  PoolSeen& pool = pools_[number];
  int free_places = 0;
  int alive = 0;
  int idle = 0;
  int old = 0;
  bool any_ready = false;
  for (const std::uint32_t index : live_) {
    const ChildSeen& child = children_[index];
    if (child.id.pool != number) continue;
    free_places += FreePlaces(child);
    alive += child.exited() ? 0 : 1;
    any_ready = any_ready || child.serving();
    if (!child.serving() || child.jobs > 0 || child.halted_at != kNever) continue;
    ++idle;
    old += AgesMatter(pool) && Due(child.ready_at, pool.settings->max_child_age) ? 1 : 0;
  }
  const PoolSettings& settings = *pool.settings;
  if (alive > settings.max_children + pool.quarantined) Broken("I2", "more children than slots and quarantine");
  const int reserved = Reserved(number);
  const bool shut = draining_ || (!any_ready && pool.breaker != BreakerState::kClosed);
  const int capacity = shut ? 0 : std::max(0, free_places - reserved - pool.queued);
  if (pool.capacity > capacity) Broken("I19", "more capacity is told than there is");
  if (pool.capacity < capacity && !AgesMatter(pool)) Broken("I19", "less capacity is told than there is");
  if (!AgesMatter(pool) && pool.queued > 0 && free_places > reserved)
    Broken("I18", "a job is queued beside a free place");
  const bool wanted =
      idle + pool.starting < settings.warm + (old > 0 ? 1 : 0) || (pool.queued > 0 && idle + pool.starting == 0);
  const bool may_start = !stop_asked_ && pool.starting < settings.max_starting && pool.breaker == BreakerState::kClosed;
  if (wanted && may_start && AnySlotStartable(pool)) Broken("I9", "a slot stays vacant that its pool needs");
  JudgeSurplus(number, idle, reserved);
  if (old > 0 && pool.breaker == BreakerState::kClosed && !stop_asked_) JudgeAge(number, idle, reserved);
  if (pool.ready_now) {
    pool.failed_least = 0;
    pool.failed_most = pool.failed_now;
  }
  const int limit = settings.breaker_failures;
  if (limit == 0) return;
  if (pool.failed_least >= limit && pool.breaker == BreakerState::kClosed)
    Broken("I11", "starts fail and the breaker is closed");
  if (pool.failed_most < limit && pool.breaker != BreakerState::kClosed)
    Broken("I11", "the breaker is open without failures");
}

// Children beyond warm that nobody asks for are stopped within idle_timeout, one after the other.
void Oracle::JudgeSurplus(std::uint32_t number, int idle, int reserved) {
  PoolSeen& pool = pools_[number];
  const PoolSettings& settings = *pool.settings;
  const bool asked = pool.queued > 0 || reserved > 0 || !waiters_.empty() || AgesMatter(pool);
  if (settings.idle_timeout == Duration(0) || idle <= settings.warm || asked || stop_asked_) {
    pool.surplus_since = kNever;
    return;
  }
  if (pool.surplus_since == kNever) pool.surplus_since = now_;
  if (!Due(pool.surplus_since, settings.idle_timeout)) return;
  for (const std::uint32_t index : live_) {
    const ChildSeen& child = children_[index];
    const bool unused = child.id.pool == number && child.serving() && child.jobs == 0 && child.halted_at == kNever;
    if (unused && std::max(child.ready_at, child.done_at) <= pool.surplus_since) {
      return Broken("I9", "a child beyond warm is kept longer than idle_timeout", &child);
    }
  }
}

// An idle child that is too old goes as soon as another stands in its place, or where there can be none; not while its
// place may be promised.
void Oracle::JudgeAge(std::uint32_t number, int idle, int reserved) {
  const PoolSeen& pool = pools_[number];
  const bool asked = pool.queued > 0 || reserved > 0 || !waiters_.empty();
  const bool spare = idle > pool.settings->warm && !asked;
  bool full =
      std::none_of(pool.in_slot.begin(), pool.in_slot.end(), [](std::uint32_t index) { return index == kNone; });
  for (const std::uint32_t index : pool.in_slot) {
    if (index == kNone) continue;
    const ChildSeen& child = children_[index];
    if (child.ask_step == step_ || child.kill_step == step_) return;  // one at a time
    full = full && child.serving();
  }
  if (spare || (full && reserved == 0)) Broken("I9", "a child is kept beyond max_child_age");
}

// Surely: its last child did well or its longest back-off has passed.
bool Oracle::AnySlotStartable(const PoolSeen& pool) const {
  return std::any_of(pool.in_slot.begin(), pool.in_slot.end(), [&](std::uint32_t index) {
    if (index == kNone) return true;
    const ChildSeen& last = children_[index];
    return last.over_at != kNever && (last.done > 0 || Due(last.over_at, pool.settings->backoff_max));
  });
}

void Oracle::AfterPromises() {
  for (Promise& promise : promises_) {
    if (!promise.answered) return Broken("I20", "a reservation isn't answered");
    if (promise.until <= as_of_) promise.over = true;
    if (stop_now_ || (draining_ && Due(drain_at_, drain_timeout_))) promise.over = true;
  }
  std::erase_if(promises_, [](const Promise& promise) { return promise.over; });
  for (Waiter& waiter : waiters_) {
    if (!waiter.answered && !waiter.is_stop && waiter.until <= as_of_)
      return Broken("I5", "a waiter's patience has ended");
    const bool asks_ready = !waiter.answered && !waiter.is_stop && waiter.asked_step < step_;
    // A start that ended well beside it, in a child that is halted now, still promises one.
    if (asks_ready && pools_[waiter.pool].starting == 0 && pools_[waiter.pool].failed_now > 0 &&
        !pools_[waiter.pool].ready_now) {
      return Broken("I5", "a waiter isn't told that the last start has failed");
    }
    if (!waiter.answered && waiter.is_stop && (waiter.child == kNone || children_[waiter.child].gone())) {
      return Broken("I5", "a stop isn't answered");
    }
  }
  std::erase_if(waiters_, [](const Waiter& waiter) { return waiter.answered; });
}

int Oracle::Reserved(std::uint32_t pool) const {
  return static_cast<int>(std::count_if(promises_.begin(), promises_.end(), [&](const Promise& promise) {
    return promise.pool == pool && promise.granted && !promise.over && promise.until > as_of_;
  }));
}

bool Oracle::ReservationHeld(std::uint32_t pool, ReservationNumber number) const {
  return std::any_of(promises_.begin(), promises_.end(), [&](const Promise& promise) {
    return promise.number == number && promise.pool == pool && promise.granted && !promise.over;
  });
}

// I1, I2, I12: the core's own account agrees with what was seen.
void Oracle::Compare(const CoreStatus& status) {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    const PoolSeen& seen = pools_[i];
    const PoolStatus& told = status.pools[i];
    int slots = 0;
    for (const int count : told.slots) slots += count;
    if (slots != seen.settings->max_children) return Broken("I1", "the slots don't add up");
    std::int64_t over = told.queued + told.running;
    for (const std::int64_t count : told.outcomes) over += count;
    if (told.accepted != over) return Broken("I12", "the jobs don't add up");
    if (told.accepted != seen.accepted || told.refused != seen.refused)
      return Broken("I12", "admissions are miscounted");
    if (told.outcomes != seen.outcomes) return Broken("I13", "outcomes are miscounted");
    if (told.initialize != seen.ends) return Broken("I5", "the ends of initialize() are miscounted");
    if (told.spawned != seen.spawned || told.exited != seen.exited)
      return Broken("I23", "spawns or exits are miscounted");
    if (told.queued != seen.queued) return Broken("I12", "the queue is miscounted");
    if (told.quarantined != seen.quarantined) return Broken("I1", "the quarantine is miscounted");
    if (told.reserved != Reserved(static_cast<std::uint32_t>(i))) return Broken("I20", "reservations are miscounted");
    if (told.capacity != seen.capacity) return Broken("I19", "the capacity isn't the one that was told");
    if (told.breaker != seen.breaker) return Broken("I11", "the breaker isn't in the state that was told");
    if (told.contained != 0) return Broken("I34", "an impossible state was contained");
  }
}

std::string Oracle::Unsettled() const {
  if (!open_.empty()) return "job " + std::to_string(open_.front()) + " has no outcome";
  if (!waiters_.empty()) return "a waiter has no answer";
  if (stop_asked_) return stopped_ ? std::string() : std::string("the worker hasn't stopped");
  if (draining_) return drained_told_ ? std::string() : std::string("the drain hasn't ended");
  if (!promises_.empty()) return "a reservation is open";
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    int serving = 0;
    for (const std::uint32_t index : live_) {
      const ChildSeen& child = children_[index];
      if (child.id.pool != i) continue;
      if (!child.serving() || child.jobs > 0) return "child " + NameOf(child.id) + " is neither idle nor gone";
      ++serving;
    }
    if (serving < pools_[i].settings->warm)
      return "pool " + pools_[i].settings->name + " has fewer idle children than warm";
    if (pools_[i].quarantined != 0) return "pool " + pools_[i].settings->name + " has children in quarantine";
  }
  return {};
}

}  // namespace andiron::sim
