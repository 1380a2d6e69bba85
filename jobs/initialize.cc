// initialize(): the race of one start.
//
// First message, exit, timeout, spawn failure, protocol error and cancel race. The slot is Starting while the race is
// on; EndInitialize is called once, by whichever comes first, and every way out leads to Idle or towards Vacant.
#include <algorithm>
#include <utility>

#include "jobs/pool.h"

namespace andiron {

void Pool::Initialize(Slot& slot) {
  SetState(slot, SlotState::kStarting);
  slot.started_at = ledger_.now;
  // Counted from its hand-over to the spawner: a spawn that gets stuck is covered by the same deadline.
  AwaitAnswer(slot, &Slot::state_until, settings_.init_timeout);
  ledger_.Emit(StartChild{Id(slot)});
  Settle(slot);
}

// A visible exit beats a hello: so the hello counts only when the whole batch is known.
void Pool::OnBatchRead() {
  for (const std::uint32_t index : greeted_) {
    Slot& slot = slots_[index];
    if (slot.state != SlotState::kStarting || !slot.hello || slot.closed) continue;
    EndInitialize(slot, InitializeEnd::kReady);
    Watch(slot);
  }
  greeted_.clear();
  if (!std::exchange(quarantine_left_, false)) return;
  for (const Slot& slot : slots_)
    if (slot.withheld) OnSlotDue(slot.index, kNever);
}

void Pool::EndInitialize(Slot& slot, InitializeEnd end) {
  ++counts_.initialize[static_cast<std::size_t>(end)];
  slot.state_until = slot.stall_until = kNever;
  if (end == InitializeEnd::kReady) {
    slot.ready = true;
    slowest_warm_up_ = std::max(ledger_.now - slot.started_at, slowest_warm_up_ - slowest_warm_up_ / 8);
    failed_starts_ = 0;
    SetBreaker(BreakerState::kClosed);
    SetState(slot, SlotState::kIdle);
    if (settings_.max_child_age > 0s) slot.age_until = Later(ledger_.now, settings_.max_child_age);
    return;  // the waiters are answered by Reconcile, while the child is still idle
  }
  if (end != InitializeEnd::kCancelled || breaker_ == BreakerState::kProbing) CountFailedStart();
  // Waiters share a start. They hear of a failure when no other start under way could still serve them.
  if (Count(SlotState::kStarting) == 1) EndWaits(end);
}

// A cancelled probe counts too: it proved nothing, and the next probe needs its deadline.
void Pool::CountFailedStart() {
  ++failed_starts_;
  if (settings_.breaker_failures == 0 || failed_starts_ < settings_.breaker_failures) return;
  SetBreaker(BreakerState::kOpen);
  probe_due_ = false;
  ledger_.deadlines.Set(probe_deadline_, Later(ledger_.now, settings_.breaker_probe));
}

void Pool::SetBreaker(BreakerState state) {
  if (breaker_ == state) return;
  breaker_ = state;
  if (state == BreakerState::kClosed) {
    probe_due_ = false;
    ledger_.deadlines.Set(probe_deadline_, kNever);
  }
  ledger_.Emit(BreakerChanged{index_, state});
}

void Pool::OnProbeDue() {
  probe_due_ = true;
  Touch();
}

void Pool::EndWaits(InitializeEnd end) {
  for (const auto& [number, deadline] : waiters_) {
    ledger_.deadlines.Remove(deadline);
    ended_waits_.emplace_back(number, end);
  }
  waiters_.clear();
}

// Once the whole batch is known: a child that is free now is what they have waited for, however its like ended.
void Pool::AnswerWaits() {
  if (free_places_ > 0) EndWaits(InitializeEnd::kReady);
  for (const auto& [number, end] : std::exchange(ended_waits_, {})) {
    ledger_.Emit(WaiterAnswered{WaiterNumber{number}, free_places_ > 0 ? InitializeEnd::kReady : end});
  }
}

}  // namespace andiron
