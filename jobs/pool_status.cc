// What a pool says about itself: its status, and the invariants that a test or the simulator checks after every step.
#include <cstdio>
#include <cstdlib>

#include "jobs/pool.h"

namespace andiron {

PoolStatus Pool::Status() const {
  PoolStatus status = counts_;
  status.name = settings_.name;
  status.warm = settings_.warm;
  status.max_children = settings_.max_children;
  status.slots = by_state_;
  status.quarantined = static_cast<int>(quarantine_.size());
  status.queued = static_cast<int>(queue_.size());
  status.reserved = static_cast<int>(reservations_.size());
  status.capacity = Capacity();
  status.breaker = breaker_;
  status.withheld = withheld_;
  for (const Slot& slot : slots_) {
    status.running += static_cast<int>(slot.jobs.size());
    if (slot.state == SlotState::kVacant) continue;
    status.children.push_back({.child = Id(slot),
                               .pid = slot.pid,
                               .state = slot.state,
                               .since = slot.since,
                               .job = slot.jobs.empty() ? std::string() : slot.jobs.front()->id,
                               .jobs = static_cast<int>(slot.jobs.size())});
  }
  return status;
}

const char* Pool::SlotProblem(const Slot& slot) {
  const bool bounded = slot.state_until != kNever;
  if (slot.withheld && slot.state != SlotState::kDying) return "a withheld slot that isn't dying (I1)";
  switch (slot.state) {
    case SlotState::kVacant:
      return slot.jobs.empty() && !slot.kill_sent ? nullptr : "a vacant slot with a child or jobs (I2)";
    case SlotState::kStarting:
      if (!slot.jobs.empty()) return "a starting child with jobs (I3)";
      return bounded ? nullptr : "a starting child without a deadline (I4)";
    case SlotState::kIdle:
      if (!slot.ready || slot.exited || slot.closed || slot.kill_sent) return "an idle child that isn't ready (I8)";
      return slot.jobs.empty() ? nullptr : "an idle child with jobs (I3)";
    case SlotState::kBusy:
      if (slot.kill_sent || slot.closed) return "a busy child that is gone (I7)";
      if (slot.exited && !bounded) return "a child that exited while busy, without a deadline (I4)";
      return slot.jobs.empty() ? "a busy child without jobs (I3)" : nullptr;
    case SlotState::kStopping:
      return bounded ? nullptr : "a stopping child without a deadline (I4)";
    case SlotState::kDying:
      return bounded ? nullptr : "a dying child without a deadline (I4)";
  }
  return "a slot in no state";
}

// An impossible state. In tests it ends the run; in production it costs this one slot its child and is counted.
void Pool::Contain(Slot& slot, const char* problem) {
  if (ledger_.strict) {
    std::fprintf(stderr, "impossible: %s, pool %s slot %u generation %u state %d\n", problem, settings_.name.c_str(),
                 slot.index, slot.generation, static_cast<int>(slot.state));
    std::abort();
  }
  ++counts_.contained;
  Kill(slot, Intent::kProtocol, std::string("impossible state: ") + problem);
}

std::string Pool::CheckInvariants() const {
  Tally tally;
  const bool idle_should_work = !queue_.empty() && OrdinaryPlaces() > 0;
  for (const Slot& slot : slots_) {
    if (const char* problem = SlotProblem(slot)) return problem;
    if (const char* problem = JobProblem(slot)) return problem;
    if (const char* problem = ListProblem(slot)) return problem;
    if (idle_should_work && slot.list == SlotList::kIdle) return "an idle child beside a queued job (I18)";
    tally.Add(slot, FreePlaces(slot), Serves(slot));
  }
  if (const char* problem = CountProblem(tally)) return problem;
  if (const char* problem = QueueProblem()) return problem;
  return {};
}

void Pool::Tally::Add(const Slot& slot, int places, bool serves) {
  ++by_state[static_cast<std::size_t>(slot.state)];
  free_places += places;
  too_old += slot.list == SlotList::kIdle && slot.too_old ? 1 : 0;
  ready += places > 0 ? 1 : 0;
  startable += slot.list == SlotList::kStartable ? 1 : 0;
  idle_ready += slot.list == SlotList::kIdle ? 1 : 0;
  serving += serves ? 1 : 0;
  withheld += slot.withheld ? 1 : 0;
  running += slot.jobs.size();
  live += slot.pid != 0 && !slot.exited ? 1 : 0;
}

const char* Pool::JobProblem(const Slot& slot) const {
  for (const Job* job : slot.jobs) {
    if (job->child != Id(slot)) return "a job that stands in two places (I3)";
    if (job->phase == JobPhase::kQueued) return "a job that is queued and handed over";
    const bool unlimited = job->phase == JobPhase::kRunning && (job->run_for == 0s || slot.exited || job->verdict);
    const bool under_slot = job->phase == JobPhase::kDoomed || slot.exited || slot.state == SlotState::kStopping;
    if (!unlimited && !under_slot && ledger_.deadlines.At(job->deadline) == kNever)
      return "a job without a deadline (I4)";
  }
  return nullptr;
}

const char* Pool::ListProblem(const Slot& slot) const {
  if (slot.list != ListFor(slot)) return "a slot in the wrong list";
  if (slot.Earliest() != ledger_.deadlines.At(slot.deadline))
    return "a slot whose deadline isn't its earliest wait (I4)";
  const bool watched = slot.unused_until != kNever || settings_.idle_timeout == 0s;
  return slot.state != SlotState::kIdle || watched ? nullptr : "an idle child whose idle_timeout doesn't run (I4)";
}

const char* Pool::CountProblem(const Tally& tally) const {
  if (tally.by_state != by_state_) return "slot states miscounted (I1)";
  if (tally.free_places != free_places_) return "free places miscounted (I19)";
  if (tally.ready != ready_ || tally.startable != startable_) return "ready or startable children miscounted (I19)";
  if (tally.idle_ready != idle_ready_ || tally.too_old != too_old_idle_) return "idle children miscounted";
  if (tally.serving != serving_) return "busy children that take another job are miscounted (I11)";
  if (tally.withheld != withheld_) return "withheld slots miscounted (I1)";
  if (tally.running + queue_.size() != job_count_) return "a job neither queued nor with a child (I12)";
  std::int64_t live = tally.live;
  for (const Quarantined& child : quarantine_) live += child.spawned ? 1 : 0;
  if (counts_.spawned != counts_.exited + live) return "spawned children are neither alive nor exited (I2)";
  if (static_cast<int>(quarantine_.size()) > settings_.quarantine_max && !ledger_.stopping)
    return "quarantine over its bound";
  return Count(SlotState::kStarting) > settings_.max_starting ? "too many children starting (I10)" : nullptr;
}

const char* Pool::QueueProblem() const {
  std::size_t queued = 0;
  for (const Job* job = queue_.First(); job != nullptr; job = queue_.Next(*job), ++queued) {
    if (job->phase != JobPhase::kQueued) return "a job in the queue that isn't queued";
    if (ledger_.deadlines.At(job->deadline) == kNever) return "a queued job without a deadline (I18)";
  }
  if (queued != queue_.size()) return "the queue is miscounted";
  int promised = 0;
  for (const auto& [number, reservation] : reservations_) {
    promised += reservation.on_ready_child ? 1 : 0;
    if (ledger_.deadlines.At(reservation.deadline) == kNever) return "a reservation without a deadline (I4)";
  }
  if (promised != promised_) return "reservations miscounted";
  const bool wants_probe = breaker_ == BreakerState::kOpen && !probe_due_;
  return wants_probe && ledger_.deadlines.At(probe_deadline_) == kNever ? "an open breaker without a probe (I11)"
                                                                        : nullptr;
}

}  // namespace andiron
