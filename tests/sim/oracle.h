// Judges a core from outside: from its settings, the facts that it was given and the actions that it returned.
//
// Shares no code and no state with the core. Read() before each Core::Step, because the core consumes the facts;
// Check() after it. The first broken rule is kept in problem(); its name in brackets is that of docs/simulation.md.
// Where a batch leaves open what came first (a kill and a result in one turn), either is right. The files:
// oracle_facts.cc, oracle_children.cc (actions about children), oracle_jobs.cc (actions about jobs and places),
// oracle_after.cc (what must hold at the end of a step).
#ifndef ANDIRON_TESTS_SIM_ORACLE_H_
#define ANDIRON_TESTS_SIM_ORACLE_H_

#include <andiron/settings.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jobs/action.h"
#include "jobs/core.h"
#include "jobs/fact.h"

namespace andiron::sim {

class Oracle {
 public:
  // The settings must outlive the schedule.
  void Begin(std::span<const PoolSettings> pools, Duration drain_timeout);

  void Read(TimePoint as_of, std::span<const Fact> facts);
  // `look_inside`: also compare Core::Status() with what was seen from outside.
  void Check(const ActionList& actions, const Core& core, bool look_inside);

  const std::string& problem() const { return problem_; }

  // No job, waiter or reservation is open; every slot is where its pool wants it. "" or what is still missing.
  std::string Unsettled() const;
  bool stopped() const { return stopped_; }

  std::int64_t outcomes() const { return outcomes_; }
  std::int64_t accepted() const { return accepted_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct ChildSeen {
    ChildId id;
    std::int32_t pid = 0;
    TimePoint started{};
    TimePoint told_to_start{};
    TimePoint ready_at = kNever;
    TimePoint progress_at = kNever;
    TimePoint exited_at = kNever;
    TimePoint closed_at = kNever;
    TimePoint asked_at = kNever;
    TimePoint killed_at = kNever;
    TimePoint halted_at = kNever;
    TimePoint half_at = kNever;
    TimePoint blocked_at = kNever;
    TimePoint pinged_at = kNever;
    TimePoint done_at{};         // its last result
    TimePoint over_at = kNever;  // since when its slot is free of it
    std::int64_t start_step = 0;
    std::int64_t ping_step = 0;
    std::int64_t exit_step = 0;
    std::int64_t close_step = 0;
    std::int64_t ready_step = 0;
    std::int64_t kill_step = 0;
    std::int64_t ask_step = 0;
    std::int64_t reported_step = 0;
    std::int64_t protocol_step = 0;  // broke the protocol
    std::int64_t stop_wish_step = 0;
    std::int64_t doom_step = 0;
    Intent intent = Intent::kNone;
    bool spawned = false;
    bool spawn_failed = false;
    bool ready = false;
    bool settled = false;  // initialize() has ended
    InitializeEnd end = InitializeEnd::kReady;
    bool close_sent = false;
    bool abandoned = false;  // in quarantine until it exits
    bool withheld = false;   // reported as quarantined, but still in its slot
    bool retiring = false;
    bool outlawed = false;  // dead, and what it left in its channel doesn't count any more
    int jobs = 0;
    int begun = 0;
    int done = 0;
    int code = 0;
    int signal = 0;
    bool out_of_memory = false;

    bool exited() const { return exited_at != kNever; }
    bool closed() const { return closed_at != kNever; }
    bool asked() const { return asked_at != kNever; }
    bool killed() const { return killed_at != kNever; }
    bool gone() const { return exited() && closed(); }
    bool serving() const { return ready && !asked() && !killed() && !exited() && !closed(); }
  };

  enum class Where : std::uint8_t { kUnknown, kAsked, kRefused, kQueued, kWithChild, kOver };
  struct JobSeen {
    Where where = Where::kUnknown;
    std::uint32_t pool = kNone;
    std::uint32_t child = kNone;
    std::string id;
    std::int64_t payload = 0;
    std::int64_t order = 0;
    TimePoint accepted_at{};
    TimePoint start_deadline = kNever;
    TimePoint sent_at = kNever;
    TimePoint told_at = kNever;  // the child got it
    TimePoint acked_at = kNever;
    TimePoint cancel_sent_at = kNever;
    std::optional<Duration> grace;  // of its cancel; none = the pool's
    std::int64_t asked_step = 0;
    std::int64_t cancel_step = 0;
    std::int64_t cancel_sent_step = 0;
    std::int64_t sent_step = 0;
    std::int64_t acked_step = 0;
    std::int64_t returned_step = 0;
    std::int64_t result_number = 0;  // its place in the results of this step
    Duration start_by{};
    Duration run_for{};
    int priority = 0;
    int hand_overs = 0;
    bool reserved = false;
    bool handed_back = false;
    bool cancel_asked = false;
    bool started_told = false;
    JobReturned::End end = JobReturned::End::kSucceeded;
  };

  struct Promise {
    ReservationNumber number{};
    std::uint32_t pool = kNone;
    TimePoint until = kNever;
    std::int64_t step = 0;
    bool granted = false;
    bool answered = false;
    bool over = false;
  };
  struct Waiter {
    WaiterNumber number{};
    std::uint32_t pool = kNone;
    std::uint32_t child = kNone;  // of a stop
    TimePoint until = kNever;
    std::int64_t asked_step = 0;
    bool is_stop = false;
    bool answered = false;
  };

  struct PoolSeen {
    const PoolSettings* settings = nullptr;
    std::vector<std::uint32_t> in_slot;  // the last child
    std::vector<int> failures;           // starts in a row that failed, by slot
    int capacity = 0;
    int starting = 0;
    int quarantined = 0;
    BreakerState breaker = BreakerState::kClosed;
    int failed_least = 0;  // failed starts in a row: between these two
    int failed_most = 0;
    CapacityChanged told{};
    bool ready_now = false;  // in this step
    int failed_now = 0;
    TimePoint last_start{};
    TimePoint opened_at{};
    TimePoint surplus_since = kNever;
    int queued = 0;
    std::int64_t spawned = 0;
    std::int64_t exited = 0;
    std::int64_t accepted = 0;
    std::int64_t refused = 0;
    std::array<std::int64_t, kOutcomeCount> outcomes{};
    std::array<std::int64_t, kInitializeEndCount> ends{};
  };

  // ---- oracle_facts.cc ----
  void See(const TimeRead& fact);
  void Performed(TimePoint at);
  void See(const JobSubmitted& fact);
  void See(const JobCancelled& fact);
  void See(const ReservationAsked& fact);
  void See(const ReservationReleased& fact);
  void See(const ReadyAwaited& fact);
  void See(const DrainRequested& fact);
  void See(const ResumeRequested& fact);
  void See(const StopRequested& fact);
  void See(const ChildStopRequested& fact);
  void See(const Spawned& fact);
  void See(const SpawnFailed& fact);
  void See(const ChildProgressed& fact);
  void See(const ChildReady& fact);
  void See(const ChildMisbehaved& fact);
  void See(const JobAcked& fact);
  void See(const JobReturned& fact);
  void See(const ChildPonged& fact);
  void See(const ChildHalted& fact);
  void See(const FrameHalfRead& fact);
  void See(const WriteBlocked& fact);
  void See(const ChildExited& fact);
  void See(const ChannelClosed& fact);
  ChildSeen* Listening(ChildId id);  // a child whose facts still count
  void Settle(ChildSeen& child, InitializeEnd end);
  void NoteGone(ChildSeen& child);
  void Doom(ChildSeen& child);
  void Cancel(ChildSeen& child, InitializeEnd end);
  void BreakProtocol(ChildSeen& child);

  // ---- oracle_children.cc ----
  void Judge(const StartChild& action);
  void Judge(const AskToStop& action);
  void Judge(const KillChild& action);
  void Judge(const CloseChannel& action);
  void Judge(const AbandonChild& action);
  void Judge(const SendPing& action);
  void Judge(const ReportDeath& action);
  void JudgeBackoff(const PoolSeen& pool, const ChildSeen& before, int failures);
  void JudgeBreaker(const PoolSeen& pool);
  bool Justified(const ChildSeen& child, Intent intent, bool politely) const;
  bool JobOverdue(const ChildSeen& child, Intent intent) const;

  // ---- oracle_jobs.cc ----
  void Judge(const SendJob& action);
  void Judge(const SendCancel& action);
  void Judge(const Accepted& action);
  void Judge(const Refused& action);
  void Judge(const ReportStarted& action);
  void Judge(const ReportOutcome& action);
  void Judge(const ReservationAnswered& action);
  void Judge(const WaiterAnswered& action);
  void Judge(const StopAnswered& action);
  void Judge(const CapacityChanged& action);
  void Judge(const BreakerChanged& action);
  void Judge(const Drained& action);
  void Judge(const WorkerStopped& action);
  void JudgeOrder(const JobSeen& job);
  void HandBack(JobSeen& job);
  bool LostItsChild(const JobSeen& job) const;
  void JudgeQueuedEnd(const JobSeen& job, const ReportOutcome& action);
  void JudgeReturned(const JobSeen& job, const ReportOutcome& action);
  void JudgeDeath(const JobSeen& job, const ReportOutcome& action);
  void Finish(JobSeen& job, const ReportOutcome& action);

  // ---- oracle_after.cc ----
  void After(const Core& core);
  void AfterChild(ChildSeen& child);
  void AfterChildEnding(ChildSeen& child);
  void AfterJob(JobSeen& job);
  void AfterPool(std::uint32_t pool);
  void JudgeAge(std::uint32_t number, int idle, int reserved);
  void JudgeSurplus(std::uint32_t number, int idle, int reserved);
  bool AnySlotStartable(const PoolSeen& pool) const;
  void AfterPromises();
  void Compare(const CoreStatus& status);
  int FreePlaces(const ChildSeen& child) const;
  bool AgesMatter(const PoolSeen& pool) const { return pool.settings->max_child_age > Duration(0); }

  // ---- finding ----
  std::uint32_t IndexOf(ChildId id) const;
  ChildSeen* Find(ChildId id);
  JobSeen* Find(JobNumber number);
  std::uint32_t PoolNamed(std::string_view name) const;
  bool ReservationHeld(std::uint32_t pool, ReservationNumber number) const;
  int Reserved(std::uint32_t pool) const;
  const PoolSettings& SettingsOf(const ChildSeen& child) const { return *pools_[child.id.pool].settings; }
  std::string NameOf(ChildId id) const;
  bool Due(TimePoint from, Duration wait) const { return from != kNever && Later(from, wait) <= as_of_; }

  // Keeps the first problem.
  void Broken(const char* rule, const char* text, const ChildSeen* child = nullptr, const JobSeen* job = nullptr);

  std::vector<PoolSeen> pools_;
  Duration drain_timeout_{};
  std::vector<ChildSeen> children_;
  std::vector<std::uint32_t> live_;  // children that aren't gone
  std::vector<JobSeen> jobs_;        // by number
  std::vector<std::uint32_t> open_;  // numbers of jobs that are accepted and not over
  std::vector<Promise> promises_;
  std::vector<Waiter> waiters_;
  TimePoint as_of_{};
  TimePoint now_{};
  TimePoint decided_{};  // the time of the last step
  std::int64_t step_ = 0;
  std::int64_t order_ = 0;
  std::int64_t submitted_now_ = 0;
  std::vector<std::string> results_;  // of this step
  bool draining_ = false;
  bool drained_told_ = false;
  bool stop_asked_ = false;
  bool stop_now_ = false;
  bool shut_ever_ = false;
  bool stopped_ = false;
  TimePoint drain_at_ = kNever;
  std::int64_t accepted_ = 0;
  std::int64_t outcomes_ = 0;
  std::string problem_;
};

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_ORACLE_H_
