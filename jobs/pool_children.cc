// Facts about children: the state table, one handler a column. docs/states.md shows it whole.
#include <utility>

#include "jobs/pool.h"

namespace andiron {

// The one place where old news is dropped.
Slot* Pool::Current(ChildId child) {
  if (child.slot < slots_.size() && slots_[child.slot].generation == child.generation &&
      slots_[child.slot].state != SlotState::kVacant) {
    Touch();
    return &slots_[child.slot];
  }
  ++counts_.stale_facts;
  return nullptr;
}

void Pool::OnChild(const Spawned& fact) {
  if (Quarantined* child = InQuarantine(fact.child)) {
    if (child->spawned) return;
    child->spawned = true;
    ++counts_.spawned;
    return;
  }
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->pid != 0) return;  // a child is spawned once
  slot->pid = fact.pid;
  ++counts_.spawned;
}

void Pool::OnChild(SpawnFailed& fact) {
  if (const Quarantined* child = InQuarantine(fact.child)) {
    if (!child->spawned) LeftQuarantine(fact.child);
    return;
  }
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->pid != 0) return;  // a child that was spawned can't fail to be
  if (slot->state == SlotState::kStarting) {
    slot->what = std::move(fact.what);
    slot->phase = SlotState::kStarting;
    EndInitialize(*slot, InitializeEnd::kSpawnFailed);
  }
  slot->exited = slot->closed = true;
  EnterDying(*slot);
}

void Pool::OnChild(const ChildProgressed& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->state != SlotState::kStarting || settings_.init_stall_timeout == 0s) return;
  slot->stall_until = Later(ledger_.now, settings_.init_stall_timeout);
  Settle(*slot);
}

void Pool::OnChild(const ChildReady& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return;
  switch (slot->state) {
    case SlotState::kStarting:
      if (slot->hello) return Kill(*slot, Intent::kProtocol, "it said Hello twice");
      // A hello whose channel is closed behind it is of no use: the exit is on its way.
      if (slot->closed) return;
      slot->hello = true;
      greeted_.push_back(slot->index);
      return;
    case SlotState::kIdle:
    case SlotState::kBusy:
      return Kill(*slot, Intent::kProtocol, "it said Hello twice");
    case SlotState::kVacant:
    case SlotState::kStopping:
    case SlotState::kDying:
      return;
  }
}

void Pool::OnChild(ChildMisbehaved& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->state == SlotState::kDying) return;
  if (slot->exited) return;  // already dead: its exit says more
  Kill(*slot, Intent::kProtocol, std::move(fact.what));
}

void Pool::OnChild(const JobAcked& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return;
  // A child that died by itself may have acknowledged more than was read before its exit: such a job has run.
  if (slot->condemned) return;
  Job* job = JobOf(*slot, fact.job);
  if (job != nullptr && !job->acked) return Begin(*job);
  if (slot->state == SlotState::kDying) return;
  // While it is stopped, the acknowledgement of a job that was decided without it may still come.
  if (slot->state == SlotState::kStopping) return;
  Kill(*slot, Intent::kProtocol, "it acknowledged a job that it doesn't have");
}

void Pool::OnChild(JobReturned& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return;
  // A child that died by itself may have written more than was read before its exit; after a kill it isn't heard.
  const bool ending = slot->state == SlotState::kStopping || slot->state == SlotState::kDying;
  if (slot->condemned) return;
  Job* job = JobOf(*slot, fact.job);
  if (job == nullptr) {
    // While it ends, the result of a job that was decided without it may still come.
    if (!ending) Kill(*slot, Intent::kProtocol, "it returned a job that it doesn't have");
    return;
  }
  if (ending && job->verdict) return;
  if (!job->acked) Begin(*job);
  switch (fact.end) {
    case JobReturned::End::kSucceeded:
      return Finish(*slot, *job, Outcome::kSucceeded, std::move(fact.result));
    case JobReturned::End::kFailed:
      return Finish(*slot, *job, Outcome::kFailed, std::move(fact.result));
    case JobReturned::End::kCancelled:
      if (job->cancel_asked || job->verdict) return Finish(*slot, *job, Outcome::kCancelled, {});
      return Finish(*slot, *job, Outcome::kFailed,
                    "the child said that the job was cancelled, but nobody had asked for it");
  }
}

void Pool::OnChild(const ChildPonged& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->state != SlotState::kIdle || !slot->pinged) return;
  slot->pinged = false;
  slot->ping_until = Later(ledger_.now, settings_.ping_interval);
  Settle(*slot);
}

void Pool::OnChild(const ChildHalted& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return;
  slot->halted = fact.halted;
  Watch(*slot);
}

void Pool::OnChild(const FrameHalfRead& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return;
  slot->half_frame = fact.half;
  Watch(*slot);
}

void Pool::OnChild(const WriteBlocked& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr) return;
  slot->blocked = fact.blocked;
  Watch(*slot);
}

// Arms what a ready child is watched for. Before its first message init_timeout rules; while it is being ended, its end
// has a deadline of its own.
void Pool::Watch(Slot& slot) {
  const bool judged = (slot.state == SlotState::kIdle || slot.state == SlotState::kBusy) && !slot.exited;
  const auto arm = [&](bool on, TimePoint& until, Duration wait) {
    if (!on || !judged) until = kNever;
    if (on && judged && until == kNever) until = Later(ledger_.now, wait);
  };
  arm(slot.halted, slot.halt_until, settings_.ping_timeout);
  arm(slot.half_frame, slot.frame_until, settings_.frame_timeout);
  arm(slot.blocked, slot.write_until, settings_.write_timeout);
  Settle(slot);
}

void Pool::OnChild(const ChildExited& fact) {
  if (LeftQuarantine(fact.child)) {
    ++counts_.exited;
    return;
  }
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->exited) return;
  ++counts_.exited;
  slot->exited = true;
  slot->drain_until = Later(ledger_.now, settings_.exit_drain);
  Withhold(*slot, false);  // it waits for its channel now, and for no place in quarantine
  slot->code = fact.code;
  slot->signal = fact.signal;
  slot->out_of_memory = fact.out_of_memory;
  if (slot->phase == SlotState::kVacant) slot->phase = slot->state;
  if (slot->state == SlotState::kStarting) EndInitialize(*slot, InitializeEnd::kExited);
  // A busy child's result may still lie in the channel: its jobs are kept until that has been read to its end.
  if (slot->state == SlotState::kBusy && !slot->closed) {
    slot->state_until = slot->drain_until;
    return Watch(*slot);
  }
  EnterDying(*slot);
}

void Pool::OnChild(const ChannelClosed& fact) {
  Slot* slot = Current(fact.child);
  if (slot == nullptr || slot->closed) return;
  slot->closed = true;
  // Exit and close come in either order, and only the exit tells why: wait for it, but not for long.
  const TimePoint soon = Later(ledger_.now, settings_.exit_drain);
  switch (slot->state) {
    case SlotState::kStarting:
      slot->state_until = std::min(slot->state_until, soon);
      return Settle(*slot);
    case SlotState::kIdle:
    case SlotState::kBusy:
      if (slot->exited) return EnterDying(*slot);
      slot->phase = slot->state;
      Doom(*slot);
      SetState(*slot, SlotState::kStopping);
      slot->state_until = soon;
      return Settle(*slot);
    case SlotState::kVacant:
    case SlotState::kStopping:
      return;
    case SlotState::kDying:
      return EndIfGone(*slot);
  }
}

void Pool::OnSlotDue(std::uint32_t index, TimePoint as_of) {
  Slot& slot = slots_[index];
  Touch();
  if (slot.withheld || slot.state_until <= as_of) {
    ExpireState(slot);
  } else {
    ExpireWatches(slot, as_of);
  }
  Settle(slot);
}

// The deadline of the state itself.
void Pool::ExpireState(Slot& slot) {
  slot.state_until = kNever;
  switch (slot.state) {
    case SlotState::kVacant:  // the back-off has passed: Reconcile may start a child again
    case SlotState::kIdle:
      return;
    case SlotState::kStarting:
      return slot.closed ? Kill(slot, Intent::kChannelLost, "it closed its channel before its first message")
                         : Kill(slot, Intent::kInitTimeout, {});
    case SlotState::kBusy:  // it has exited, and something still holds the channel
      return EnterDying(slot);
    case SlotState::kStopping:
      return Kill(slot, slot.closed && slot.intent == Intent::kNone ? Intent::kChannelLost : slot.intent, {});
    case SlotState::kDying:
      if (!slot.exited) return Quarantine(slot);
      if (!slot.close_sent) {
        slot.close_sent = true;
        ledger_.Emit(CloseChannel{Id(slot)});
        AwaitAnswer(slot, &Slot::state_until, settings_.kill_grace);
        return;
      }
      // The driver owes a ChannelClosed for the CloseChannel; without one the slot is freed all the same.
      ++counts_.contained;
      slot.closed = true;
      return EndIfGone(slot);
  }
}

// What a ready child is watched for beside its state.
void Pool::ExpireWatches(Slot& slot, TimePoint as_of) {
  if (slot.stall_until <= as_of) return Kill(slot, Intent::kInitStalled, {});
  if (slot.frame_until <= as_of) return Kill(slot, Intent::kFrameTimeout, {});
  if (slot.write_until <= as_of) return Kill(slot, Intent::kWriteTimeout, {});
  if (slot.halt_until <= as_of) return Kill(slot, Intent::kHalted, {});
  if (slot.ping_until <= as_of) return ExpirePing(slot);
  if (slot.age_until <= as_of) {
    slot.age_until = kNever;
    slot.too_old = true;
    if (slot.state == SlotState::kBusy) Age(slot);
  }
  if (slot.unused_until <= as_of) {
    slot.unused_until = kNever;
    unused_.push_back(slot.index);
  }
}

void Pool::ExpirePing(Slot& slot) {
  if (slot.pinged) return Kill(slot, Intent::kPingTimeout, {});
  slot.pinged = true;
  AwaitAnswer(slot, &Slot::ping_until, settings_.ping_timeout);
  ledger_.Emit(SendPing{Id(slot)});
}

}  // namespace andiron
