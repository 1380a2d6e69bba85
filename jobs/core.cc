#include "jobs/core.h"

#include <algorithm>
#include <deque>
#include <type_traits>
#include <utility>

#include "jobs/ledger.h"
#include "jobs/pool.h"

namespace andiron {

class Core::State {
 public:
  State(std::vector<PoolSettings> settings, Duration drain_timeout, std::uint64_t jitter_seed, bool strict)
      : drain_timeout_(drain_timeout) {
    ledger_.random = jitter_seed;
    ledger_.strict = strict;
    for (PoolSettings& pool : settings) {
      const auto index = static_cast<std::uint32_t>(pools_.size());
      pools_.emplace_back(index, std::move(pool), ledger_);
    }
    drain_deadline_ = ledger_.deadlines.Add({Deadlines::Kind::kDrain, 0, 0});
  }

  void Step(TimePoint as_of, std::span<Fact> facts, ActionList& actions) {
    ledger_.actions = &actions;
    if (as_of > ledger_.now) ledger_.now = as_of;
    for (Fact& fact : facts) std::visit([this](auto& known) { Record(known); }, fact);
    for (Pool& pool : pools_) pool.OnBatchRead();
    Expire(as_of);
    for (Pool& pool : pools_) pool.Reconcile();
    Advance();
    ledger_.actions = nullptr;
  }

  TimePoint NextDeadline() const { return ledger_.deadlines.Next(); }

  CoreStatus Status() const {
    CoreStatus status;
    status.state = State_();
    for (const Pool& pool : pools_) status.pools.push_back(pool.Status());
    return status;
  }

  std::optional<JobNumber> FindJob(std::string_view pool, std::string_view id) const {
    const auto found = ledger_.jobs_by_id.find(id);
    if (found == ledger_.jobs_by_id.end()) return std::nullopt;
    if (!pool.empty() && pools_[found->second->pool].settings().name != pool) return std::nullopt;
    return found->second->number;
  }

  std::string CheckInvariants() const {
    std::size_t jobs = 0;
    for (const Pool& pool : pools_) {
      std::string problem = pool.CheckInvariants();
      if (!problem.empty()) return "pool " + pool.settings().name + ": " + problem;
      jobs += pool.JobCount();
    }
    if (jobs != ledger_.jobs.size()) return "jobs of the pools don't add up to the accepted jobs (I12)";
    if (ledger_.jobs_by_id.size() != ledger_.jobs.size()) return "ids and jobs differ";
    return {};
  }

 private:
  // ---- recording ----
  void Record(TimeRead& fact) {
    if (fact.now > ledger_.now) ledger_.now = fact.now;
    for (Pool& pool : pools_) pool.OnPerformed(std::min(fact.performed, ledger_.now));
  }

  void Record(JobSubmitted& fact) {
    if (Pool* pool = Find(fact.pool)) return pool->OnSubmitted(fact);
    ledger_.Emit(Refused{fact.job, Refusal::kUnknownPool, Duration{}});
  }

  void Record(JobCancelled& fact) {
    if (Job* job = ledger_.Find(fact.job)) pools_[job->pool].OnCancelled(*job, fact.grace);
  }

  void Record(ReservationAsked& fact) {
    if (Pool* pool = Find(fact.pool)) return pool->OnReservationAsked(fact);
    ledger_.Emit(ReservationAnswered{fact.reservation, false, Refusal::kUnknownPool, Duration{}});
  }

  void Record(ReservationReleased& fact) {
    for (Pool& pool : pools_)
      if (pool.OnReservationReleased(fact.reservation)) return;
  }

  void Record(ReadyAwaited& fact) {
    if (Pool* pool = Find(fact.pool)) return pool->OnReadyAwaited(fact);
    ledger_.Emit(WaiterAnswered{fact.waiter, InitializeEnd::kCancelled});
  }

  void Record(ChildStopRequested& fact) {
    if (fact.child.pool < pools_.size()) return pools_[fact.child.pool].OnStopRequested(fact);
    ledger_.Emit(StopAnswered{fact.waiter, false, false});
  }

  // Each is answered, also where the drain has ended long ago.
  void Record(DrainRequested&) {
    drained_ = drained_ && stopped_;
    Drain();
  }

  void Drain() {
    if (ledger_.draining) return;
    ledger_.draining = true;
    drained_ = false;
    ledger_.deadlines.Set(drain_deadline_, Later(ledger_.now, drain_timeout_));
    TouchAll();
  }

  void Record(ResumeRequested&) {
    if (ledger_.ending || !ledger_.draining) return;
    ledger_.draining = false;
    ledger_.deadlines.Set(drain_deadline_, kNever);
    TouchAll();
  }

  void Record(StopRequested& fact) {
    Drain();
    ledger_.ending = true;
    if (!fact.now || killed_) return;
    killed_ = true;
    ledger_.stopping = true;
    for (Pool& pool : pools_) pool.EndAllJobs(Intent::kWorkerStopping);
    for (Pool& pool : pools_) pool.StopAllChildren(true);
  }

  // Facts about a child.
  template <typename T>
  void Record(T& fact) {
    if (fact.child.pool < pools_.size()) pools_[fact.child.pool].OnChild(fact);
  }

  // ---- expiring ----
  void Expire(TimePoint as_of) {
    while (const auto owner = ledger_.deadlines.TakeDue(as_of)) {
      switch (owner->kind) {
        case Deadlines::Kind::kSlot:
          pools_[owner->pool].OnSlotDue(static_cast<std::uint32_t>(owner->number), as_of);
          break;
        case Deadlines::Kind::kJob:
          if (Job* job = ledger_.Find(JobNumber{owner->number})) pools_[owner->pool].OnJobDue(*job);
          break;
        case Deadlines::Kind::kReservation:
          pools_[owner->pool].OnReservationDue(owner->number);
          break;
        case Deadlines::Kind::kWaiter:
          pools_[owner->pool].OnWaiterDue(owner->number);
          break;
        case Deadlines::Kind::kPool:
          pools_[owner->pool].OnProbeDue();
          break;
        case Deadlines::Kind::kDrain:
          for (Pool& pool : pools_) pool.EndAllJobs(Intent::kDrainTimeout);
          break;
      }
    }
  }

  // ---- the worker's own states ----
  void Advance() {
    if (!ledger_.draining || HasJobs()) return;
    if (!drained_) {
      drained_ = true;
      ledger_.deadlines.Set(drain_deadline_, kNever);
      ledger_.Emit(Drained{});
    }
    if (!ledger_.ending || stopped_) return;
    if (!ledger_.stopping) {
      ledger_.stopping = true;
      for (Pool& pool : pools_) pool.StopAllChildren(false);
    }
    for (const Pool& pool : pools_)
      if (!pool.Empty()) return;
    stopped_ = true;
    ledger_.Emit(WorkerStopped{});
  }

  bool HasJobs() const {
    for (const Pool& pool : pools_)
      if (pool.HasJobs()) return true;
    return false;
  }

  WorkerState State_() const {
    if (stopped_) return WorkerState::kStopped;
    if (ledger_.stopping) return WorkerState::kStopping;
    if (!ledger_.draining) return WorkerState::kRunning;
    return drained_ ? WorkerState::kDrained : WorkerState::kDraining;
  }

  void TouchAll() {
    for (Pool& pool : pools_) pool.Touch();
  }

  Pool* Find(std::string_view name) {
    for (Pool& pool : pools_)
      if (pool.settings().name == name) return &pool;
    return nullptr;
  }

  Ledger ledger_;
  std::deque<Pool> pools_;  // never moved: each refers to the ledger, and is referred to
  Duration drain_timeout_;
  Deadlines::Handle drain_deadline_ = 0;
  bool drained_ = false;
  bool killed_ = false;  // a stop with `now` has been carried out
  bool stopped_ = false;
};

Core::Core(std::vector<PoolSettings> settings, Duration drain_timeout, std::uint64_t jitter_seed, bool strict)
    : state_(std::make_unique<State>(std::move(settings), drain_timeout, jitter_seed, strict)) {}
Core::~Core() = default;

void Core::Step(TimePoint as_of, std::span<Fact> facts, ActionList& actions) { state_->Step(as_of, facts, actions); }
TimePoint Core::NextDeadline() const { return state_->NextDeadline(); }
CoreStatus Core::Status() const { return state_->Status(); }
std::optional<JobNumber> Core::FindJob(std::string_view pool, std::string_view id) const {
  return state_->FindJob(pool, id);
}
std::string Core::CheckInvariants() const { return state_->CheckInvariants(); }

}  // namespace andiron
