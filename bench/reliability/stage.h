// A worker of this process on a loop of its own, watched after each of its turns. Every wait is bounded: what doesn't
// come within a minute is a failure(), and ends the measurement.
#ifndef ANDIRON_BENCH_RELIABILITY_STAGE_H_
#define ANDIRON_BENCH_RELIABILITY_STAGE_H_

#include <andiron/settings.h>
#include <andiron/time.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/base/uv_handle.h"
#include "worker/driver/worker_impl.h"

namespace andiron::bench {

class Stage {
 public:
  explicit Stage(WorkerSettings settings);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  WorkerImpl& worker() { return *worker_; }
  PoolStatus Pool(std::size_t index = 0) const { return worker_->driver().Status().pools.at(index); }
  int Slots(SlotState state) const { return Pool().slots.at(static_cast<std::size_t>(state)); }
  const std::string& failure() const { return failure_; }
  void Fail(std::string why) { failure_ = std::move(why); }

  // Called at the end of each turn, after the worker has done its part and before the loop goes to poll.
  void OnTurn(std::function<void(TimePoint now)> call) { on_turn_ = std::move(call); }
  // All the time that the loop has slept in its poll.
  Duration slept() { return Duration(static_cast<Duration::rep>(uv_metrics_idle_time(&loop_))); }

  bool RunUntil(const char* what, const std::function<bool()>& condition);
  void RunFor(Duration duration);
  bool Stop();

 private:
  uv_loop_t loop_{};
  UvHandle<uv_prepare_t> turn_;
  UvHandle<uv_timer_t> timer_;
  std::unique_ptr<WorkerImpl> worker_;
  std::function<void(TimePoint)> on_turn_;
  std::string failure_;
  bool passed_ = false;
};

// How long the loop is away from its poll, turn by turn.
class AwayTimes {
 public:
  // At the end of each turn.
  void Look(TimePoint now, Duration slept) {
    if (before_) away_ms.push_back(Milliseconds((now - before_->first) - (slept - before_->second)));
    before_ = {now, slept};
  }

  std::vector<double> away_ms;

 private:
  std::optional<std::pair<TimePoint, Duration>> before_;
};

// One pool of `children` warm ones.
PoolSettings PoolOf(std::vector<std::string> command, int children);
WorkerSettings WorkerOf(std::vector<PoolSettings> pools);
// The path of a program that is built with this one.
std::string Program(const std::string& name);

}  // namespace andiron::bench

#endif  // ANDIRON_BENCH_RELIABILITY_STAGE_H_
