// The one place where the core and libuv meet.
//
// One turn of the loop: callbacks have left facts in the inbox; uv_prepare takes them all, steps the core once,
// performs its actions in order, writes what they queued, arms the one timer at the core's next deadline, and reads the
// clock. That reading is the next turn's `as_of`: it is older than everything that the next poll brings, so no verdict
// by the clock falls while its refutation lies unread in the kernel, and a loop that was stopped for an hour kills
// nobody. While channels wait for their turn to be read (read_rounds.h), `as_of` waits with them. So it does for a
// grace where a turn came much later than it was due, or took long: what stopped us (a paused container, a starved
// machine) may have stopped our children too, and they can say only now what they had to say in time.
//
// A deadline D that passes while the loop sleeps costs two turns or more: the first has an `as_of` before D, the last,
// which follows without sleep, one after it. That is the price of the promise, and not to be saved.
//
// One thread: the loop's. The loop and the log must outlive it. It keeps the loop running until the worker has stopped.
// It may be destroyed from one of the callbacks that it runs.
#ifndef ANDIRON_WORKER_DRIVER_DRIVER_H_
#define ANDIRON_WORKER_DRIVER_DRIVER_H_

#include <absl/status/status.h>
#include <andiron/settings.h>
#include <uv.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "jobs/core.h"
#include "worker/base/log.h"
#include "worker/base/uv_handle.h"
#include "worker/children/children.h"
#include "worker/driver/inbox.h"
#include "worker/driver/job_desk.h"
#include "worker/driver/loop_lag.h"
#include "worker/driver/operator.h"
#include "worker/driver/status_json.h"

namespace andiron {

class Driver {
 public:
  static constexpr std::size_t kDeathsRemembered = 20;
  // After a stall of the loop: what a child that was kept from running, as we were, needs at most to speak up.
  static constexpr Duration kStallGrace = std::chrono::seconds(1);

  struct Options {
    Children::Options children;
    std::uint64_t seed = 0;  // jitter of back-offs, made-up ids
    bool strict = false;     // an impossible state aborts
    Duration stall_grace = kStallGrace;
  };

  // `settings` must be resolved and free of contradictions.
  Driver(uv_loop_t* loop, Log& log, WorkerSettings settings, const Options& options);
  // Kills what is left of the children. Callers and sources hear nothing any more.
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Takes its place on the loop; the pools start with the next turn. An error: the loop has no memory or descriptors.
  absl::Status Start();

  JobDesk& desk() { return desk_; }
  Operator& control() { return operator_; }
  const WorkerSettings& settings() const { return settings_; }
  bool stopped() const { return operator_.stopped(); }
  // How many have ended: the same for all that happens from one's end to the next one's.
  std::uint64_t turns() const { return turns_; }
  int live_children() const { return children_->live(); }

  // Runs `call` at the very end of a turn, soon.
  void Later(std::function<void()> call);

  CoreStatus Status() const { return core_.Status(); }
  std::string StatusJson();
  const std::deque<RememberedDeath>& deaths() const { return deaths_; }

 private:
  // What is known about a child that died in this turn, for the outcomes that follow.
  struct Death {
    std::string summary;
    std::string advice;
    int code = 0;
    int signal = 0;
  };

  void Wake();
  void OnCheck();
  void NoteStall(TimePoint due, TimePoint came);
  void Turn();
  bool StepCore();
  void PerformAll();
  bool RunCallbacks();
  void TellState();
  TimePoint NextTurn() const;
  void ArmTimer();
  void LetLoopEnd();

  void Perform(const StartChild& action);
  void Perform(const SendJob& action);
  void Perform(const SendCancel& action);
  void Perform(const SendPing& action);
  void Perform(const AskToStop& action);
  void Perform(const KillChild& action);
  void Perform(const CloseChannel& action);
  void Perform(const AbandonChild& action);
  void Perform(const ReportDeath& action);
  void Perform(const Accepted& action);
  void Perform(const Refused& action);
  void Perform(const ReportStarted& action);
  void Perform(ReportOutcome& action);
  void Perform(const ReservationAnswered& action);
  void Perform(const WaiterAnswered& action);
  void Perform(const StopAnswered& action);
  void Perform(const CapacityChanged& action);
  void Perform(const BreakerChanged& action);
  void Perform(const Drained& action);
  void Perform(const WorkerStopped& action);

  const PoolSettings& PoolOf(std::uint32_t pool) const { return settings_.pools[pool]; }
  void LogDeath(const ReportDeath& death, const Autopsy& autopsy);
  void LogBreaker(const BreakerChanged& news);
  void LogEnd(const JobEnd& end, std::string_view id, std::string_view pool);

  uv_loop_t* loop_;
  Log& log_;
  WorkerSettings settings_;
  Inbox inbox_;
  Core core_;
  std::unique_ptr<Children> children_;
  JobDesk desk_;
  Operator operator_;

  UvHandle<uv_prepare_t> prepare_;
  UvHandle<uv_check_t> check_;
  UvHandle<uv_idle_t> idle_;
  UvHandle<uv_timer_t> timer_;

  TimePoint started_;
  TimePoint as_of_;        // the clock before the poll that began the last whole round of reads
  TimePoint round_began_;  // the same, of this round: the next as_of
  TimePoint performed_;    // the clock when the last step's actions had been carried out
  TimePoint turn_ended_;   // the clock before the last poll
  TimePoint woke_;         // the clock when the last poll ended
  TimePoint armed_ = kNever;
  TimePoint expected_ = kNever;  // when the next turn is to come at the latest
  Duration stall_grace_;
  TimePoint held_until_{};  // as_of waits until then
  TimePoint held_as_of_{};  // as it was when that began
  bool stepped_ = false;    // the first step needs no fact: it starts the pools
  std::uint64_t turns_ = 0;
  LoopLag lag_;
  WorkerState told_state_ = WorkerState::kRunning;

  // Kept from turn to turn for their memory.
  std::vector<Fact> facts_;
  ActionList actions_;
  std::map<ChildId, Death> dead_now_;
  std::vector<BreakerChanged> breaker_news_;

  std::vector<std::string> pool_trouble_;  // by pool: the last failed start, while the breaker is open
  std::vector<BreakerState> breakers_;
  std::deque<RememberedDeath> deaths_;  // the oldest first
  std::vector<std::function<void()>> due_;
  bool* gone_ = nullptr;  // set while callbacks run: one of them may destroy us
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_DRIVER_H_
