// How children end: asked to stop, killed, dead, quarantined; and what becomes of their jobs.
//
// The intent is recorded before the first signal and never changed by an escalation. A job's outcome is decided at the
// kill and reported when the child's end is confirmed (exit and close), or with still_running from the quarantine.
#include <algorithm>
#include <utility>

#include "jobs/pool.h"

namespace andiron {
namespace {

// Ends that somebody planned; everything else is a death to explain.
bool Expected(Intent intent) {
  switch (intent) {
    case Intent::kRetired:
    case Intent::kStopRequested:
    case Intent::kDrainTimeout:
    case Intent::kWorkerStopping:
      return true;
    case Intent::kNone:
    case Intent::kInitTimeout:
    case Intent::kInitStalled:
    case Intent::kProtocol:
    case Intent::kChannelLost:
    case Intent::kAckTimeout:
    case Intent::kRunTimeout:
    case Intent::kJobCancelled:
    case Intent::kPingTimeout:
    case Intent::kHalted:
    case Intent::kFrameTimeout:
    case Intent::kWriteTimeout:
      return false;
  }
  return false;
}

InitializeEnd EndBy(Intent intent) {
  if (Expected(intent)) return InitializeEnd::kCancelled;
  if (intent == Intent::kProtocol || intent == Intent::kChannelLost) return InitializeEnd::kProtocolError;
  return InitializeEnd::kTimedOut;
}

// The child itself failed; a job that ran out of time or was cancelled is no failure of its child.
bool ChildAtFault(Intent intent) {
  return !Expected(intent) && intent != Intent::kRunTimeout && intent != Intent::kJobCancelled;
}

}  // namespace

void Pool::OnStopRequested(const ChildStopRequested& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return ledger_.Emit(StopAnswered{fact.waiter, false, false});
  if (slot->withheld) return ledger_.Emit(StopAnswered{fact.waiter, true, true});
  slot->stop_waiters.push_back(fact.waiter);
  if (slot->exited) return;  // what it has left in its channel still counts
  if (fact.force) return Kill(*slot, Intent::kStopRequested, {});
  switch (slot->state) {
    case SlotState::kStarting:
    case SlotState::kIdle:
      return AskToStop(*slot, Intent::kStopRequested);
    case SlotState::kBusy:  // its jobs end first; each has a limit of its own
      slot->retiring = true;
      return Settle(*slot);
    case SlotState::kVacant:
    case SlotState::kStopping:
    case SlotState::kDying:
      return;
  }
}

void Pool::AskToStop(Slot& slot, Intent intent) {
  if (settings_.stop_grace == 0s) return Kill(slot, intent, {});
  if (slot.state == SlotState::kStarting) EndInitialize(slot, InitializeEnd::kCancelled);
  if (slot.intent == Intent::kNone) slot.intent = intent;
  if (slot.phase == SlotState::kVacant) slot.phase = slot.state;
  Doom(slot);
  SetState(slot, SlotState::kStopping);
  AwaitAnswer(slot, &Slot::state_until, settings_.stop_grace);
  ledger_.Emit(andiron::AskToStop{Id(slot), slot.intent});
  Settle(slot);
}

void Pool::Kill(Slot& slot, Intent intent, std::string what) {
  if (slot.state == SlotState::kVacant || slot.state == SlotState::kDying) return;
  slot.condemned = true;
  if (slot.intent == Intent::kNone && !slot.exited) slot.intent = intent;  // the dead died by themselves
  if (slot.what.empty()) slot.what = std::move(what);
  if (slot.phase == SlotState::kVacant) slot.phase = slot.state;
  if (slot.state == SlotState::kStarting) EndInitialize(slot, EndBy(slot.intent));
  for (Job* job : slot.jobs)
    if (job->acked && !job->verdict) job->verdict = job->cancel_asked ? Outcome::kCancelled : OutcomeByDeath(slot);
  if (!slot.exited && !slot.kill_sent) {
    slot.kill_sent = true;
    ledger_.Emit(KillChild{Id(slot), slot.intent});
  }
  EnterDying(slot);
}

// Nothing more is expected of its jobs: their own deadlines end, the slot's take over.
void Pool::Doom(Slot& slot) {
  for (Job* job : slot.jobs) {
    job->phase = JobPhase::kDoomed;
    ledger_.deadlines.Set(job->deadline, kNever);
  }
}

void Pool::EnterDying(Slot& slot) {
  if (slot.state != SlotState::kDying) {
    if (slot.phase == SlotState::kVacant) slot.phase = slot.state;
    SetState(slot, SlotState::kDying);
    slot.state_until = slot.stall_until = slot.halt_until = kNever;
    slot.frame_until = slot.write_until = slot.age_until = kNever;
    Doom(slot);
  }
  EndIfGone(slot);
}

void Pool::EndIfGone(Slot& slot) {
  if (slot.exited && slot.closed) {
    Bury(slot, false);
    return Vacate(slot);
  }
  if (slot.exited) {
    slot.state_until = slot.drain_until;
  } else if (slot.state_until == kNever) {
    AwaitAnswer(slot, &Slot::state_until, settings_.kill_grace);
  }
  Settle(slot);
}

// The end is confirmed (or given up): the death first, then what refers to it.
void Pool::Bury(Slot& slot, bool quarantined) {
  if (!slot.reported) ReportDeathOf(slot, quarantined);
  slot.reported = true;
  SettleJobs(slot, quarantined);
  for (WaiterNumber waiter : slot.stop_waiters) ledger_.Emit(StopAnswered{waiter, true, quarantined});
  slot.stop_waiters.clear();
}

void Pool::ReportDeathOf(const Slot& slot, bool quarantined) {
  ledger_.Emit(ReportDeath{.child = Id(slot),
                           .pid = slot.pid,
                           .phase = slot.phase,
                           .intent = slot.intent,
                           .expected = Expected(slot.intent) && !quarantined,
                           .quarantined = quarantined,
                           .code = slot.code,
                           .signal = slot.signal,
                           .out_of_memory = slot.out_of_memory,
                           .jobs_done = slot.jobs_done,
                           .age = ledger_.now - slot.started_at,
                           .cancel_grace = slot.cancel_grace,
                           .what = slot.what});
}

void Pool::SettleJobs(Slot& slot, bool still_running) {
  std::vector<Job*> jobs;
  jobs.swap(slot.jobs);
  std::vector<Job*> unbegun;
  for (Job* job : jobs) {
    if (job->verdict) {
      Report(*job, *job->verdict, {}, slot.intent, still_running);
    } else if (job->cancel_asked) {
      Report(*job, Outcome::kCancelled, {}, slot.intent, still_running);
    } else if (!job->acked) {
      unbegun.push_back(job);
    } else {
      Report(*job, OutcomeByDeath(slot), {}, slot.intent, still_running);
    }
  }
  // Each goes before all that wait: so the first of them comes last.
  for (auto job = unbegun.rbegin(); job != unbegun.rend(); ++job) HandBack(**job, slot.intent, still_running);
}

void Pool::Vacate(Slot& slot) {
  if (slot.jobs_done > 0 || (slot.ready && ledger_.now - slot.started_at >= settings_.stable_time)) slot.failures = 0;
  const Duration pause = FailedEarly(slot) ? Backoff(slot) : 0s;
  if (pause > 0s) ++slot.failures;
  SetState(slot, SlotState::kVacant);
  Withhold(slot, false);
  slot.Reset();
  if (pause > 0s) slot.state_until = Later(ledger_.now, pause);
  Settle(slot);
}

bool Pool::FailedEarly(const Slot& slot) const {
  if (!slot.ready) return !Expected(slot.intent);
  return ChildAtFault(slot.intent) && slot.jobs_done == 0 && ledger_.now - slot.started_at < settings_.stable_time;
}

// Doubles with each failure up to backoff_max, then a random half to all of it, so that slots don't retry in step.
Duration Pool::Backoff(const Slot& slot) {
  Duration pause = std::min(settings_.backoff_min, settings_.backoff_max);
  for (int i = 0; i < slot.failures && pause < settings_.backoff_max; ++i)
    pause = pause > settings_.backoff_max / 2 ? settings_.backoff_max : 2 * pause;
  const auto half = static_cast<std::uint64_t>(pause.count() / 2);
  return half == 0 ? pause : pause - Duration(static_cast<std::int64_t>(ledger_.Random() % (half + 1)));
}

// SIGKILL has not worked in time. The child is given up, the slot goes on; while the quarantine is full the slot is
// withheld and asks again, so that unkillable children stay bounded.
void Pool::Quarantine(Slot& slot) {
  if (!slot.closed && !slot.close_sent) {
    slot.close_sent = true;
    ledger_.Emit(CloseChannel{Id(slot)});
  }
  const bool full = static_cast<int>(quarantine_.size()) >= settings_.quarantine_max && !ledger_.stopping;
  if (full) {
    if (!slot.withheld) ledger_.Emit(AbandonChild{Id(slot), true});
    Withhold(slot, true);
    slot.state_until = Later(ledger_.now, std::max<Duration>(settings_.kill_grace, 1s));
    Bury(slot, true);
    return Settle(slot);
  }
  ledger_.Emit(AbandonChild{Id(slot), false});
  Bury(slot, true);
  quarantine_.push_back({Id(slot), slot.pid != 0});
  Vacate(slot);
}

void Pool::Withhold(Slot& slot, bool withheld) {
  withheld_ += static_cast<int>(withheld) - static_cast<int>(slot.withheld);
  slot.withheld = withheld;
}

Pool::Quarantined* Pool::InQuarantine(ChildId id) {
  const auto found =
      std::find_if(quarantine_.begin(), quarantine_.end(), [id](const Quarantined& child) { return child.id == id; });
  return found == quarantine_.end() ? nullptr : &*found;
}

// False: it isn't in quarantine. Else its place is free, and a withheld slot may have it when the batch is known.
bool Pool::LeftQuarantine(ChildId id) {
  Quarantined* child = InQuarantine(id);
  if (child == nullptr) return false;
  quarantine_.erase(quarantine_.begin() + (child - quarantine_.data()));
  quarantine_left_ = true;
  Touch();
  return true;
}

void Pool::EndAllJobs(Intent why) {
  Touch();
  while (Job* job = queue_.First()) {
    queue_.Remove(*job);
    Report(*job, Outcome::kKilledShutdown, {}, why, false);
  }
  for (Slot& slot : slots_) {
    if (slot.jobs.empty()) continue;
    for (Job* job : slot.jobs)
      if (!job->verdict && !(slot.exited && job->acked)) job->verdict = Outcome::kKilledShutdown;
    Kill(slot, why, {});
  }
  while (!reservations_.empty()) DropReservation(reservations_.begin());
}

void Pool::StopAllChildren(bool now) {
  Touch();
  for (Slot& slot : slots_) {
    if (now) {
      Kill(slot, Intent::kWorkerStopping, {});
    } else if (slot.state == SlotState::kStarting || slot.state == SlotState::kIdle) {
      AskToStop(slot, Intent::kWorkerStopping);
    }
    if (slot.withheld) OnSlotDue(slot.index, kNever);
  }
  EndWaits(InitializeEnd::kCancelled);
  AnswerWaits();
}

}  // namespace andiron
