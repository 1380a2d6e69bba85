// Reconcile(): the only code that starts children and dispatches jobs. And the lists that let it do so without a
// search.
#include <algorithm>
#include <utility>

#include "jobs/pool.h"

namespace andiron {

Pool::Pool(std::uint32_t index, PoolSettings settings, Ledger& ledger)
    : index_(index),
      settings_(std::move(settings)),
      ledger_(ledger),
      slots_(static_cast<std::size_t>(settings_.max_children)) {
  told_.pool = index_;
  first_.fill(Slot::kNobody);
  last_.fill(Slot::kNobody);
  probe_deadline_ = ledger_.deadlines.Add({Deadlines::Kind::kPool, index_, 0});
  by_state_[static_cast<std::size_t>(SlotState::kVacant)] = settings_.max_children;
  // Linked from the last to the first, so that slot 0 is used first.
  for (std::size_t i = slots_.size(); i-- > 0;) {
    slots_[i].index = static_cast<std::uint32_t>(i);
    slots_[i].deadline = ledger_.deadlines.Add({Deadlines::Kind::kSlot, index_, i});
    Settle(slots_[i]);
  }
}

void Pool::Reconcile() {
  if (!touched_) return;
  touched_ = false;
  AnswerWaits();
  RetireAged();
  DispatchQueued();
  RetireUnused();
  if (!ledger_.stopping) {
    RetireSome();
    Replenish();
  }
  TellCapacity();
}

void Pool::DispatchQueued() {
  while (Job* job = queue_.First()) {
    if ((job->promised ? free_places_ : OrdinaryPlaces()) <= 0) return;
    Slot* slot = First(SlotList::kIdle);
    Dispatch(*job, slot != nullptr ? *slot : *First(SlotList::kPartlyBusy));
  }
}

int Pool::ChildConcurrency() const {
  const int jobs = settings_.max_jobs_per_child;
  return jobs > 0 ? std::min(jobs, settings_.max_concurrent_jobs_per_child) : settings_.max_concurrent_jobs_per_child;
}

// Children that queued and promised jobs want beside those that are warm.
int Pool::Demand() const {
  const int wanted = static_cast<int>(queue_.size() + reservations_.size()) - partly_busy_places_;
  const int children = wanted <= 0 ? 0 : (wanted + ChildConcurrency() - 1) / ChildConcurrency();
  return std::max(children, waiters_.empty() ? 0 : 1);  // with a free place there would be no waiters
}

// Children wanted = busy + warm + demand, within max_children (there are no more slots) and max_starting. An idle child
// that the kernel has stopped serves nobody.
void Pool::Replenish() {
  // A pool that keeps nothing warm probes too: else nothing would ever close its breaker.
  const int probe = breaker_ != BreakerState::kClosed && probe_due_ && !ledger_.ending ? 1 : 0;
  const int wanted = std::max((ledger_.ending ? 0 : settings_.warm) + Demand() + (too_old_idle_ > 0 ? 1 : 0), probe);
  while (idle_ready_ + Count(SlotState::kStarting) < wanted && Count(SlotState::kStarting) < settings_.max_starting) {
    Slot* slot = First(SlotList::kStartable);
    if (breaker_ == BreakerState::kClosed) {
      if (slot == nullptr) return;
      Initialize(*slot);
      continue;
    }
    // Failing: nothing but one probe at a time.
    if (slot == nullptr) slot = First(SlotList::kBackingOff);
    if (!probe_due_ || slot == nullptr || Count(SlotState::kStarting) > 0) return;
    probe_due_ = false;
    SetBreaker(BreakerState::kProbing);
    return Initialize(*slot);
  }
}

// Whether there are places without its own for all to whom one was promised.
bool Pool::MayLeave(const Slot& slot) const {
  int promised = promised_;
  // They stand before all others.
  for (const Job* job = queue_.First(); job != nullptr && job->promised; job = queue_.Next(*job)) ++promised;
  return free_places_ - slot.places >= promised;
}

// Busy, or about to be, and too old: it retires as soon as it may.
void Pool::Age(Slot& slot) {
  if (std::find(aged_.begin(), aged_.end(), slot.index) == aged_.end()) aged_.push_back(slot.index);
}

// A busy child that has become too old takes no more jobs, but for those to which it was promised.
void Pool::RetireAged() {
  std::erase_if(aged_, [this](std::uint32_t index) {
    Slot& slot = slots_[index];
    if (slot.state != SlotState::kBusy || !slot.too_old || slot.retiring) return true;
    if (!MayLeave(slot)) return false;
    slot.retiring = true;
    Settle(slot);
    return true;
  });
}

// Stops those beyond warm whose idle_timeout has passed. Only here is it known who is wanted: jobs may have come with
// the deadline, or run out of time with it.
void Pool::RetireUnused() {
  for (const std::uint32_t index : std::exchange(unused_, {})) {
    Slot& slot = slots_[index];
    if (slot.state != SlotState::kIdle) continue;  // it has something to do
    if (slot.list == SlotList::kIdle && idle_ready_ > settings_.warm + Demand()) {
      AskToStop(slot, Intent::kRetired);
    } else {
      slot.unused_until = Later(ledger_.now, settings_.idle_timeout);
      Settle(slot);
    }
  }
}

// Replaces idle children that are too old, one at a time, once another stands ready in its place. Where every slot is
// in use there can be no other: then it goes first, unless its place is promised.
void Pool::RetireSome() {
  if (too_old_idle_ == 0 || breaker_ != BreakerState::kClosed) return;
  const bool spare = idle_ready_ > (ledger_.ending ? 0 : settings_.warm) + Demand();
  const bool full = Count(SlotState::kVacant) == 0;
  // A withheld slot may stay so for ever: it brings nobody.
  const int changing = Count(SlotState::kStarting) + Count(SlotState::kStopping) + Count(SlotState::kDying) - withheld_;
  if (!spare && !(full && changing == 0)) return;
  for (Slot* slot = First(SlotList::kIdle); slot != nullptr;
       slot = slot->behind == Slot::kNobody ? nullptr : &slots_[slot->behind]) {
    if (slot->too_old && MayLeave(*slot)) return AskToStop(*slot, Intent::kRetired);
  }
}

void Pool::TellCapacity() {
  const CapacityChanged news{index_, Capacity(), ready_, Count(SlotState::kBusy), breaker_ != BreakerState::kClosed};
  if (news == told_) return;
  told_ = news;
  ledger_.Emit(news);
}

int Pool::FreePlaces(const Slot& slot) const {
  if (!slot.CanTakeJobs()) return 0;
  int places = settings_.max_concurrent_jobs_per_child - static_cast<int>(slot.jobs.size());
  if (settings_.max_jobs_per_child > 0) places = std::min(places, settings_.max_jobs_per_child - slot.jobs_begun);
  return std::max(0, places);
}

void Pool::SetState(Slot& slot, SlotState state) {
  if (slot.state == state) return;
  --by_state_[static_cast<std::size_t>(slot.state)];
  ++by_state_[static_cast<std::size_t>(state)];
  slot.state = state;
  slot.since = ledger_.now;
  slot.ping_until = slot.unused_until = kNever;
  // Only a child that may work is watched: the end of another has a deadline of its own.
  if (state != SlotState::kIdle && state != SlotState::kBusy)
    slot.halt_until = slot.frame_until = slot.write_until = slot.age_until = kNever;
  slot.pinged = false;
  if (state == SlotState::kIdle) {
    if (settings_.ping_interval > 0s) slot.ping_until = Later(ledger_.now, settings_.ping_interval);
    if (settings_.idle_timeout > 0s) slot.unused_until = Later(ledger_.now, settings_.idle_timeout);
  }
}

// Brings what is counted and listed about a slot into line with its state.
void Pool::Settle(Slot& slot) {
  free_places_ -= slot.places;
  if (slot.list == SlotList::kPartlyBusy) partly_busy_places_ -= slot.places;
  slot.places = FreePlaces(slot);
  const SlotList list = ListFor(slot);
  if (list != slot.list) {
    Unlink(slot);
    Link(slot, list);
  }
  free_places_ += slot.places;
  if (slot.list == SlotList::kPartlyBusy) partly_busy_places_ += slot.places;
  const bool old = slot.list == SlotList::kIdle && slot.too_old;
  too_old_idle_ += static_cast<int>(old) - static_cast<int>(slot.counted_old);
  slot.counted_old = old;
  const bool serves = Serves(slot);
  serving_ += static_cast<int>(serves) - static_cast<int>(slot.counted_serving);
  slot.counted_serving = serves;
  ledger_.deadlines.Set(slot.deadline, slot.Earliest());
  Touch();
  if (const char* problem = SlotProblem(slot)) Contain(slot, problem);
}

SlotList Pool::ListFor(const Slot& slot) const {
  if (slot.state == SlotState::kVacant)
    return slot.state_until == kNever ? SlotList::kStartable : SlotList::kBackingOff;
  if (slot.places == 0) return SlotList::kNone;
  return slot.state == SlotState::kIdle ? SlotList::kIdle : SlotList::kPartlyBusy;
}

void Pool::Link(Slot& slot, SlotList list) {
  slot.list = list;
  slot.before = Slot::kNobody;
  if (list == SlotList::kNone) return;
  CountListed(list, 1);
  const auto i = static_cast<std::size_t>(list);
  slot.behind = first_[i];
  (slot.behind == Slot::kNobody ? last_[i] : slots_[slot.behind].before) = slot.index;
  first_[i] = slot.index;
}

void Pool::CountListed(SlotList list, int more) {
  if (list == SlotList::kStartable) startable_ += more;
  if (list == SlotList::kIdle) idle_ready_ += more;
  if (list == SlotList::kIdle || list == SlotList::kPartlyBusy) ready_ += more;
}

void Pool::Unlink(Slot& slot) {
  if (slot.list == SlotList::kNone) return;
  CountListed(slot.list, -1);
  const auto i = static_cast<std::size_t>(slot.list);
  (slot.before == Slot::kNobody ? first_[i] : slots_[slot.before].behind) = slot.behind;
  (slot.behind == Slot::kNobody ? last_[i] : slots_[slot.behind].before) = slot.before;
  slot.before = slot.behind = Slot::kNobody;
  slot.list = SlotList::kNone;
}

Slot* Pool::First(SlotList list) {
  const std::uint32_t index = first_[static_cast<std::size_t>(list)];
  return index == Slot::kNobody ? nullptr : &slots_[index];
}

const Slot* Pool::First(SlotList list) const {
  const std::uint32_t index = first_[static_cast<std::size_t>(list)];
  return index == Slot::kNobody ? nullptr : &slots_[index];
}

}  // namespace andiron
