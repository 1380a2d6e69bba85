#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "bench/reliability/scenes.h"
#include "bench/reliability/stage.h"
#include "worker/base/clock.h"

namespace andiron::bench {
namespace {

// Each caller waits so long between two jobs, on the average: the machine has time left, as one that is well sized.
constexpr std::uint64_t kPauseMs = 100;
const char* const kHostile[] = {"garbage", "die-in-job", "hang-in-job", "stop-self", "flood", "spin-in-job"};

// One caller for each good child: submits, waits for the answer, rests.
class Callers {
 public:
  Callers(Stage& stage, uv_loop_t* loop, int count) : stage_(stage), callers_(static_cast<std::size_t>(count)) {
    for (Caller& caller : callers_) {
      caller.owner = this;
      caller.timer.Init(&caller, [loop](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
      Rest(caller);
    }
  }

  // No more calls; true when the last has been answered.
  bool End() {
    ending_ = true;
    return open_ == 0;
  }

  std::vector<double> Take() { return std::exchange(answered_ms_, {}); }

 private:
  struct Caller {
    Callers* owner = nullptr;
    UvHandle<uv_timer_t> timer;
  };

  void Rest(Caller& caller) {
    const auto pause = std::uniform_int_distribution<std::uint64_t>(1, 2 * kPauseMs)(random_);
    uv_timer_start(
        caller.timer.get(),
        [](uv_timer_t* timer) {
          auto* rested = static_cast<Caller*>(timer->data);
          rested->owner->Call(*rested);
        },
        pause, 0);
  }

  void Call(Caller& caller) {
    if (ending_) return;
    ++open_;
    const TimePoint begin = Now();
    stage_.worker().Submit({.pool = "good", .payload = "x"}, [this, &caller, begin](const JobReport& report) {
      if (report.refused || report.outcome != Outcome::kSucceeded) return stage_.Fail("a good job: " + report.error);
      --open_;
      answered_ms_.push_back(Milliseconds(Now() - begin));
      Rest(caller);
    });
  }

  Stage& stage_;
  std::mt19937 random_{1};
  std::vector<Caller> callers_;
  std::vector<double> answered_ms_;
  int open_ = 0;
  bool ending_ = false;
};

WorkerSettings Neighbours(const std::string& fault, int good_children) {
  PoolSettings good = PoolOf({Program("echo-child")}, good_children);
  good.name = "good";
  good.max_starting = 4;
  good.max_jobs_per_child = 0;
  PoolSettings hostile = PoolOf({Program("fault-child"), fault}, 1);
  hostile.name = "hostile";
  hostile.warm = 0;
  hostile.run_for = std::chrono::milliseconds(500);
  hostile.cancel_grace = std::chrono::milliseconds(50);
  hostile.stop_grace = std::chrono::milliseconds(200);
  hostile.start_by = std::chrono::seconds(1);
  hostile.idle_timeout = std::chrono::milliseconds(200);
  // One that does its jobs is kept: it floods all the time, and what is measured isn't its start.
  hostile.max_jobs_per_child = 0;
  hostile.breaker_failures = 0;
  // The shortest back-off of the defaults, for ever, and no breaker: what fails is started ten times a second.
  hostile.backoff_max = hostile.backoff_min;
  return WorkerOf({std::move(good), std::move(hostile)});
}

// Keeps jobs coming to the hostile child, whatever becomes of them: one at a time, and each this long after the last.
class Provoker {
 public:
  static constexpr std::uint64_t kPauseMs = 20;

  explicit Provoker(Stage& stage) : stage_(stage) {
    timer_.Init(this, [&](uv_timer_t* timer) { return uv_timer_init(stage.worker().loop(), timer); });
  }
  void Begin() {
    uv_timer_start(
        timer_.get(), [](uv_timer_t* timer) { static_cast<Provoker*>(timer->data)->Provoke(); }, 0, kPauseMs);
  }
  void End() { uv_timer_stop(timer_.get()); }

 private:
  void Provoke() {
    if (std::exchange(open_, true)) return;
    stage_.worker().Submit({.pool = "hostile", .payload = "x"}, [this](const JobReport&) { open_ = false; });
  }

  Stage& stage_;
  UvHandle<uv_timer_t> timer_;
  bool open_ = false;
};

// The p99 without and with the hostile child, in turn.
Findings Beside(const std::string& fault, const Amount& amount) {
  Stage stage(Neighbours(fault, amount.neighbours));
  const bool ready = stage.RunUntil("children don't become ready", [&] {
    return stage.Pool(0).slots.at(static_cast<std::size_t>(SlotState::kIdle)) == amount.neighbours;
  });
  if (!ready) return {{}, stage.failure()};
  Provoker provoker(stage);
  std::vector<double> without;
  std::vector<double> beside;
  std::size_t samples = 0;
  {
    Callers callers(stage, stage.worker().loop(), amount.neighbours);
    stage.RunFor(std::chrono::milliseconds(amount.neighbour_ms / 4));
    for (int round = 0; round < 2 * amount.neighbour_rounds && stage.failure().empty(); ++round) {
      const bool hostile = round % 2 == 1;
      hostile ? provoker.Begin() : provoker.End();
      // Until the last hostile child has gone, or the first has come.
      stage.RunFor(std::chrono::milliseconds(amount.neighbour_ms / 4));
      callers.Take();
      stage.RunFor(std::chrono::milliseconds(amount.neighbour_ms));
      std::vector<double> answered = callers.Take();
      samples += answered.size();
      (hostile ? beside : without).push_back(Quantile(answered, 0.99));
    }
    provoker.End();
    stage.RunUntil("good jobs don't end", [&] { return callers.End(); });
  }
  if (!stage.failure().empty() || !stage.Stop()) return {{}, stage.failure()};
  const double with_p99 = Quantile(beside, 0.5);
  const double without_p99 = Quantile(without, 0.5);
  const std::string name = "63 good children beside one " + fault;
  return {{{name + ", p99 without", without_p99, "ms", 0, samples},
           {name + ", p99 beside", with_p99, "ms", 0, samples},
           {name + ", ratio", with_p99 / without_p99, "", 2, samples}},
          ""};
}

}  // namespace

Findings HostileNeighbour(const Amount& amount) {
  Findings all;
  for (const char* const fault : kHostile) {
    Findings one = Beside(fault, amount);
    if (!one.failure.empty()) return {{}, std::string(fault) + ": " + one.failure};
    all.figures.insert(all.figures.end(), one.figures.begin(), one.figures.end());
  }
  return all;
}

}  // namespace andiron::bench
