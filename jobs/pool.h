// One pool: its slots, its queue, and the decisions about them.
//
// Handlers (On...) record what happened to one slot or job and may free something; only Reconcile() starts children and
// dispatches jobs, once per step. Every handler ends with Settle(slot), which brings the slot's place in the lists, its
// free places and its deadline into line with its state.
//
// The files: initialize.cc (the race of a start), pool_children.cc (facts about children: the state table),
// pool_endings.cc (stop, kill, death, quarantine), pool_jobs.cc (admission, hand-over, outcomes),
// pool_places.cc (reservations, waiters, capacity), pool_answers.cc (since when an answer is waited for),
// pool_reconcile.cc, pool_status.cc (status, invariants).
#ifndef ANDIRON_JOBS_POOL_H_
#define ANDIRON_JOBS_POOL_H_

#include <andiron/settings.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "jobs/fact.h"
#include "jobs/job_queue.h"
#include "jobs/ledger.h"
#include "jobs/slot.h"
#include "jobs/status.h"

namespace andiron {

class Pool {
 public:
  Pool(std::uint32_t index, PoolSettings settings, Ledger& ledger);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const PoolSettings& settings() const { return settings_; }

  // ---- facts ----
  void OnPerformed(TimePoint at);
  void OnSubmitted(JobSubmitted& fact);
  void OnCancelled(Job& job, std::optional<Duration> grace);
  void OnReservationAsked(const ReservationAsked& fact);
  bool OnReservationReleased(ReservationNumber number);  // false: not one of this pool's
  void OnReadyAwaited(const ReadyAwaited& fact);
  void OnStopRequested(const ChildStopRequested& fact);
  void OnChild(const Spawned& fact);
  void OnChild(SpawnFailed& fact);
  void OnChild(const ChildProgressed& fact);
  void OnChild(const ChildReady& fact);
  void OnChild(ChildMisbehaved& fact);
  void OnChild(const JobAcked& fact);
  void OnChild(JobReturned& fact);
  void OnChild(const ChildPonged& fact);
  void OnChild(const ChildHalted& fact);
  void OnChild(const FrameHalfRead& fact);
  void OnChild(const WriteBlocked& fact);
  void OnChild(const ChildExited& fact);
  void OnChild(const ChannelClosed& fact);

  // All facts of the batch are known: hellos that no exit follows end their initialize().
  void OnBatchRead();

  // ---- deadlines ----
  void OnSlotDue(std::uint32_t slot, TimePoint as_of);
  void OnJobDue(Job& job);
  void OnReservationDue(std::uint64_t number);
  void OnWaiterDue(std::uint64_t number);
  void OnProbeDue();

  // ---- the worker's end ----
  void EndAllJobs(Intent why);     // no time is left: KILLED_SHUTDOWN to every job
  void StopAllChildren(bool now);  // `now`: kill
  bool HasJobs() const { return job_count_ > 0 || !reservations_.empty(); }
  std::size_t JobCount() const { return job_count_; }
  bool Empty() const { return Count(SlotState::kVacant) == static_cast<int>(slots_.size()); }

  // Dispatches, replenishes, retires. Nothing else does.
  void Reconcile();
  void Touch() { touched_ = true; }

  PoolStatus Status() const;
  std::string CheckInvariants() const;

 private:
  struct Reservation {
    bool on_ready_child = false;
    Deadlines::Handle deadline = 0;
  };

  // An answer to an action of the last step, and what it was to be the answer of. Void when that has moved on, or has
  // another deadline: another wait may have the same length.
  struct Awaited {
    enum class Of : std::uint8_t { kSlot, kJob, kReservation };
    Of of = Of::kSlot;
    std::uint64_t number = 0;  // slot index, or the job's or reservation's number
    TimePoint since{};
    TimePoint until{};
    TimePoint Slot::* field = nullptr;
    Slot::Stage stage{};
    JobPhase phase = JobPhase::kQueued;
  };

  struct Quarantined {
    ChildId id;
    bool spawned = false;  // the spawn itself may have been what hung
  };

  // ---- initialize.cc ----
  void Initialize(Slot& slot);
  void EndInitialize(Slot& slot, InitializeEnd end);
  void CountFailedStart();
  void SetBreaker(BreakerState state);
  void EndWaits(InitializeEnd end);
  void AnswerWaits();

  // ---- pool_children.cc ----
  Slot* Current(ChildId child);
  void Watch(Slot& slot);
  void ExpireWatches(Slot& slot, TimePoint as_of);
  void ExpireState(Slot& slot);
  void ExpirePing(Slot& slot);

  // ---- pool_endings.cc ----
  void AskToStop(Slot& slot, Intent intent);
  void Kill(Slot& slot, Intent intent, std::string what);
  void Doom(Slot& slot);
  void EnterDying(Slot& slot);
  void EndIfGone(Slot& slot);
  void Bury(Slot& slot, bool quarantined);
  void ReportDeathOf(const Slot& slot, bool quarantined);
  void SettleJobs(Slot& slot, bool still_running);
  void Vacate(Slot& slot);
  void Quarantine(Slot& slot);
  void Withhold(Slot& slot, bool withheld);
  Quarantined* InQuarantine(ChildId id);
  bool LeftQuarantine(ChildId id);
  bool FailedEarly(const Slot& slot) const;
  Duration Backoff(const Slot& slot);

  // ---- pool_jobs.cc ----
  bool Admit(const JobSubmitted& fact, bool reserved);
  void Refuse(JobNumber job, Refusal reason);
  void Dispatch(Job& job, Slot& slot);
  void Begin(Job& job);
  void EndSoon(Job& job);
  void Finish(Slot& slot, Job& job, Outcome outcome, std::string result);
  void HandBack(Job& job, Intent intent, bool still_running);
  void Report(Job& job, Outcome outcome, std::string result, Intent intent, bool still_running);
  Outcome OutcomeByDeath(const Slot& slot) const;
  static Job* JobOf(const Slot& slot, JobNumber number);

  // ---- pool_places.cc ----
  int Capacity() const;
  int OrdinaryPlaces() const;  // free, less those promised to reservations
  bool AnyChildServes() const;
  bool Serves(const Slot& slot) const;
  bool UsedUp(const Slot& slot) const;
  bool StartsInTime() const;
  bool TakeReservation(ReservationNumber number, bool& on_ready_child);
  void DropReservation(std::map<std::uint64_t, Reservation>::iterator reservation);
  Duration RetryAfter(Refusal reason) const;

  // ---- pool_answers.cc ----
  void AwaitAnswer(Slot& slot, TimePoint Slot::* field, Duration limit);
  void AwaitAnswer(const Job& job, Duration limit);
  void AwaitAnswer(std::uint64_t number, const Reservation& reservation, Duration limit);
  void PutOff(const Awaited& answer, TimePoint until);

  // ---- pool_reconcile.cc ----
  void DispatchQueued();
  void Replenish();
  bool MayLeave(const Slot& slot) const;
  void Age(Slot& slot);
  void RetireAged();
  void RetireUnused();
  void RetireSome();
  void TellCapacity();
  int Demand() const;
  int ChildConcurrency() const;
  int FreePlaces(const Slot& slot) const;

  // ---- lists ----
  void SetState(Slot& slot, SlotState state);
  void Settle(Slot& slot);
  SlotList ListFor(const Slot& slot) const;
  void Link(Slot& slot, SlotList list);
  void Unlink(Slot& slot);
  void CountListed(SlotList list, int more);
  Slot* First(SlotList list);
  const Slot* First(SlotList list) const;
  int Count(SlotState state) const { return by_state_[static_cast<std::size_t>(state)]; }
  ChildId Id(const Slot& slot) const { return {index_, slot.index, slot.generation}; }
  void Contain(Slot& slot, const char* problem);

  // ---- pool_status.cc: what can't be, in words; nullptr = all is well ----
  struct Tally {  // of all slots, counted anew
    void Add(const Slot& slot, int places, bool serves);

    std::array<int, kSlotStateCount> by_state{};
    int free_places = 0;
    int too_old = 0;
    int ready = 0;
    int startable = 0;
    int idle_ready = 0;
    int serving = 0;
    int withheld = 0;
    std::size_t running = 0;
    std::int64_t live = 0;
  };
  static const char* SlotProblem(const Slot& slot);
  const char* JobProblem(const Slot& slot) const;
  const char* ListProblem(const Slot& slot) const;
  const char* CountProblem(const Tally& tally) const;
  const char* QueueProblem() const;

  std::uint32_t index_;
  PoolSettings settings_;
  Ledger& ledger_;
  std::vector<Slot> slots_;
  JobQueue queue_;
  bool touched_ = true;

  // Kept in step by SetState, Settle and Report alone, and checked against the slots by CheckInvariants: they make a
  // step independent of the number of slots.
  std::array<int, kSlotStateCount> by_state_{};
  std::array<std::uint32_t, kSlotListCount> first_{};
  std::array<std::uint32_t, kSlotListCount> last_{};
  int free_places_ = 0;
  int partly_busy_places_ = 0;
  int too_old_idle_ = 0;
  int startable_ = 0;
  int ready_ = 0;       // children with a free place
  int idle_ready_ = 0;  // idle ones among them: not those that the kernel has stopped
  int serving_ = 0;     // busy ones that take another job, now or when they have finished one
  int withheld_ = 0;    // slots
  std::size_t job_count_ = 0;

  std::map<std::uint64_t, Reservation> reservations_;
  int promised_ = 0;  // reservations on ready children
  std::map<std::uint64_t, Deadlines::Handle> waiters_;
  std::vector<std::pair<std::uint64_t, InitializeEnd>> ended_waits_;  // in this batch, unless a child is free after all
  std::vector<Quarantined> quarantine_;
  bool quarantine_left_ = false;        // in this batch
  std::vector<std::uint32_t> aged_;     // busy slots whose max_child_age has passed, and that don't retire yet
  std::vector<std::uint32_t> unused_;   // slots whose idle_timeout has passed in this batch
  std::vector<std::uint32_t> greeted_;  // slots whose first message is in this batch
  std::vector<Awaited> awaited_;        // of the last step

  BreakerState breaker_ = BreakerState::kClosed;
  int failed_starts_ = 0;  // in a row, in the whole pool
  bool probe_due_ = false;
  Deadlines::Handle probe_deadline_ = 0;
  CapacityChanged told_{};
  Duration average_run_{};      // of finished jobs, moving; for retry hints only
  Duration slowest_warm_up_{};  // of late: each good start lets the memory of slower ones fade by an eighth

  PoolStatus counts_;  // its counters only
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_POOL_H_
