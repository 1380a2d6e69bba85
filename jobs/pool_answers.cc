// Since when the answer to an action is waited for.
//
// A step sets the deadline of an answer when it decides on the action, and the driver carries it out a moment later:
// a long moment, if the loop is stopped between the two. Nobody is to blame for an answer to what it hasn't heard yet,
// so the next step moves these deadlines, each once, to where they would be if deed and decision had been one.
#include "jobs/pool.h"

namespace andiron {

void Pool::AwaitAnswer(Slot& slot, TimePoint Slot::* field, Duration limit) {
  slot.*field = Later(ledger_.now, limit);
  awaited_.push_back({.of = Awaited::Of::kSlot,
                      .number = slot.index,
                      .since = ledger_.now,
                      .until = slot.*field,
                      .field = field,
                      .stage = slot.stage()});
}

void Pool::AwaitAnswer(const Job& job, Duration limit) {
  const TimePoint until = Later(ledger_.now, limit);
  ledger_.deadlines.Set(job.deadline, until);
  awaited_.push_back({.of = Awaited::Of::kJob,
                      .number = static_cast<std::uint64_t>(job.number),
                      .since = ledger_.now,
                      .until = until,
                      .phase = job.phase});
}

void Pool::AwaitAnswer(std::uint64_t number, const Reservation& reservation, Duration limit) {
  const TimePoint until = Later(ledger_.now, limit);
  ledger_.deadlines.Set(reservation.deadline, until);
  awaited_.push_back({.of = Awaited::Of::kReservation, .number = number, .since = ledger_.now, .until = until});
}

void Pool::OnPerformed(TimePoint at) {
  for (const Awaited& answer : awaited_)
    if (at > answer.since && answer.until != kNever) PutOff(answer, Later(answer.until, at - answer.since));
  awaited_.clear();
}

void Pool::PutOff(const Awaited& answer, TimePoint until) {
  switch (answer.of) {
    case Awaited::Of::kSlot: {
      Slot& slot = slots_[answer.number];
      if (slot.*answer.field != answer.until || slot.stage() != answer.stage) return;
      slot.*answer.field = until;
      return Settle(slot);
    }
    case Awaited::Of::kJob: {
      const Job* job = ledger_.Find(JobNumber{answer.number});
      if (job == nullptr || job->phase != answer.phase || ledger_.deadlines.At(job->deadline) != answer.until) return;
      return ledger_.deadlines.Set(job->deadline, until);
    }
    case Awaited::Of::kReservation: {
      const auto found = reservations_.find(answer.number);
      if (found != reservations_.end()) ledger_.deadlines.Set(found->second.deadline, until);
      return;
    }
  }
}

}  // namespace andiron
