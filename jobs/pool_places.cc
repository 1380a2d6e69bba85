// Places: what may be promised to a server, who holds a promise, who waits for a ready child.
#include <algorithm>

#include "jobs/pool.h"

namespace andiron {

int Pool::OrdinaryPlaces() const { return free_places_ - promised_; }

int Pool::Capacity() const {
  if (ledger_.draining || ledger_.stopping) return 0;
  return std::max(0, free_places_ - static_cast<int>(reservations_.size()) - static_cast<int>(queue_.size()));
}

// Some child has warmed up and will take another job, now or when it has finished one.
bool Pool::AnyChildServes() const { return First(SlotList::kIdle) != nullptr || serving_ > 0; }

bool Pool::Serves(const Slot& slot) const {
  return slot.state == SlotState::kBusy && slot.CanTakeJobs() && !UsedUp(slot);
}

bool Pool::UsedUp(const Slot& slot) const {
  return settings_.max_jobs_per_child > 0 && slot.jobs_begun >= settings_.max_jobs_per_child;
}

// Whether one more job would surely start within start_by: there is a slot for it that no running job holds, and
// warm-ups much slower than the slowest of late get to it in time. Before the first warm-up, init_timeout counts.
bool Pool::StartsInTime() const {
  constexpr int kMargin = 4;
  if (breaker_ != BreakerState::kClosed) return false;
  const int before = static_cast<int>(queue_.size() + reservations_.size()) - free_places_;
  const int children = before / ChildConcurrency() + 1;
  if (children > Count(SlotState::kStarting) + startable_) return false;
  const Duration measured = std::max<Duration>(kMargin * slowest_warm_up_, 100ms);
  const Duration warm_up = slowest_warm_up_ > 0s ? std::min(measured, settings_.init_timeout) : settings_.init_timeout;
  const int rounds = (children + settings_.max_starting - 1) / settings_.max_starting;
  return warm_up <= settings_.start_by / rounds;
}

void Pool::OnReservationAsked(const ReservationAsked& fact) {
  Touch();
  ReservationAnswered answer{.reservation = fact.reservation};
  const auto queued = static_cast<int>(queue_.size());
  const auto reserved = static_cast<int>(reservations_.size());
  const bool on_ready_child = free_places_ - reserved - queued > 0;
  if (ledger_.draining || ledger_.stopping) {
    answer.reason = Refusal::kDraining;
  } else if (breaker_ != BreakerState::kClosed && !AnyChildServes()) {
    answer.reason = Refusal::kBreakerOpen;
  } else if (!on_ready_child && (queued + reserved - promised_ >= settings_.queue_limit || !StartsInTime())) {
    answer.reason = Refusal::kQueueFull;
  } else {
    const auto number = static_cast<std::uint64_t>(fact.reservation);
    Reservation& reservation = reservations_[number];
    reservation.on_ready_child = on_ready_child;
    reservation.deadline = ledger_.deadlines.Add({Deadlines::Kind::kReservation, index_, number});
    AwaitAnswer(number, reservation, settings_.reservation_timeout);
    if (on_ready_child) ++promised_;
    answer.granted = true;
  }
  if (!answer.granted) answer.retry_after = RetryAfter(answer.reason);
  ledger_.Emit(answer);
}

bool Pool::OnReservationReleased(ReservationNumber number) {
  const auto reservation = reservations_.find(static_cast<std::uint64_t>(number));
  if (reservation == reservations_.end()) return false;
  DropReservation(reservation);
  return true;
}

void Pool::OnReservationDue(std::uint64_t number) { OnReservationReleased(ReservationNumber{number}); }

bool Pool::TakeReservation(ReservationNumber number, bool& on_ready_child) {
  const auto reservation = reservations_.find(static_cast<std::uint64_t>(number));
  if (reservation == reservations_.end()) return false;
  on_ready_child = reservation->second.on_ready_child;
  DropReservation(reservation);
  return true;
}

void Pool::DropReservation(std::map<std::uint64_t, Reservation>::iterator reservation) {
  Touch();
  ledger_.deadlines.Remove(reservation->second.deadline);
  if (reservation->second.on_ready_child) --promised_;
  reservations_.erase(reservation);
}

void Pool::OnReadyAwaited(const ReadyAwaited& fact) {
  Touch();
  const auto number = static_cast<std::uint64_t>(fact.waiter);
  if (ledger_.ending) {
    ended_waits_.emplace_back(number, InitializeEnd::kCancelled);
    return;
  }
  const auto deadline = ledger_.deadlines.Add({Deadlines::Kind::kWaiter, index_, number});
  ledger_.deadlines.Set(deadline, Later(ledger_.now, fact.patience));
  waiters_.emplace(number, deadline);
}

void Pool::OnWaiterDue(std::uint64_t number) {
  const auto waiter = waiters_.find(number);
  if (waiter == waiters_.end()) return;
  ledger_.deadlines.Remove(waiter->second);
  waiters_.erase(waiter);
  ended_waits_.emplace_back(number, InitializeEnd::kTimedOut);
  Touch();
}

// When it makes sense to ask again: from the queue's length and what jobs took lately, so it grows with the load.
Duration Pool::RetryAfter(Refusal reason) const {
  switch (reason) {
    case Refusal::kQueueFull: {
      const Duration each = average_run_ > 0s ? average_run_ : Duration(1s);
      const std::int64_t lanes = std::int64_t{settings_.max_children} * ChildConcurrency();
      const Duration wait = each * static_cast<std::int64_t>(queue_.size() + 1) / lanes;
      return std::clamp<Duration>(wait, 100ms, 30s);
    }
    case Refusal::kBreakerOpen: {
      const TimePoint probe = ledger_.deadlines.At(probe_deadline_);
      return probe == kNever ? settings_.breaker_probe : std::max<Duration>(probe - ledger_.now, 100ms);
    }
    case Refusal::kDraining:
      return ledger_.ending ? Duration{} : Duration(1s);
    case Refusal::kUnknownPool:
    case Refusal::kDuplicateId:
    case Refusal::kTooLarge:
    case Refusal::kInvalidId:
      return Duration{};
  }
  return Duration{};
}

}  // namespace andiron
