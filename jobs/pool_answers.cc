// Since when the answer to an action is waited for.
//
// A step sets the deadline of an answer when it decides on the action, and the driver carries it out a moment later:
// a long moment, if the loop is stopped between the two. Nobody is to blame for an answer to what it hasn't heard yet,
// so the next step moves these deadlines, each once, to where they would be if deed and decision had been one.
#include <algorithm>

#include "jobs/pool.h"

namespace andiron {

void Pool::AwaitAnswer(Slot& slot, TimePoint Slot::* until, Duration limit) {
  slot.*until = Later(ledger_.now, limit);
  awaited_.push_back({ledger_.now, slot.*until, slot.index, until, 0});
}

void Pool::AwaitAnswer(Deadlines::Handle deadline, Duration limit) {
  const TimePoint until = Later(ledger_.now, limit);
  ledger_.deadlines.Set(deadline, until);
  awaited_.push_back({ledger_.now, until, 0, nullptr, deadline});
}

void Pool::OnPerformed(TimePoint at) {
  for (const Awaited& answer : awaited_) {
    if (at <= answer.since || !StillAwaited(answer)) continue;
    const TimePoint until = Later(answer.until, at - answer.since);
    if (answer.of_slot == nullptr) {
      ledger_.deadlines.Set(answer.deadline, until);
      continue;
    }
    Slot& slot = slots_[answer.slot];
    slot.*answer.of_slot = until;
    Settle(slot);
  }
  awaited_.clear();
}

bool Pool::StillAwaited(const Awaited& answer) const {
  const TimePoint until =
      answer.of_slot == nullptr ? ledger_.deadlines.At(answer.deadline) : slots_[answer.slot].*answer.of_slot;
  return until == answer.until && until != kNever;
}

}  // namespace andiron
