#include "bench/measure.h"

#include <sys/resource.h>
#include <uv.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

namespace andiron::bench {
namespace {

constexpr std::uint64_t kStuckMs = 60'000;
const std::string kPayload(256, 'x');

// What the child's result says.
struct ChildTimes {
  double began = 0;  // nanoseconds of CLOCK_MONOTONIC
  double warm = 0;
};

ChildTimes Parse(std::string_view output) {
  std::uint64_t began = 0;
  std::uint64_t warm = 0;
  const char* end = output.data() + output.size();
  const char* next = std::from_chars(output.data(), end, began).ptr;
  if (next != end) std::from_chars(next + 1, end, warm);
  return {static_cast<double>(began), static_cast<double>(warm)};
}

double NowNs() { return static_cast<double>(uv_hrtime()); }

// One loop with one contender on it.
class Stage {
 public:
  Stage(Maker make, const Plan& plan) : plan_(plan) {
    uv_loop_init(&loop_);
    uv_timer_init(&loop_, &timer_);
    timer_.data = this;
    began_ = NowNs();
    contender_ = make(&loop_, plan);
  }

  ~Stage() {
    contender_.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }

  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  Contender& contender() { return *contender_; }
  double began() const { return began_; }
  int children() const { return plan_.children; }

  // "" or what went wrong.
  std::string failure() const { return stuck_.empty() ? contender_->failure() : stuck_; }

  template <typename Condition>
  bool RunUntil(const char* what, Condition condition) {
    const std::uint64_t deadline = uv_hrtime() + kStuckMs * 1'000'000;
    uv_timer_start(&timer_, [](uv_timer_t*) {}, kStuckMs, kStuckMs);
    while (!condition()) {
      if (!failure().empty()) return false;
      if (uv_hrtime() > deadline) {
        stuck_ = std::string(contender_->name()) + " is stuck: " + what;
        return false;
      }
      uv_run(&loop_, UV_RUN_ONCE);
    }
    uv_timer_stop(&timer_);
    return failure().empty();
  }

  // The timer repeats: one that is due when uv_run begins fires before the poll, which then needs another to end it.
  void RunFor(int milliseconds) {
    passed_ = false;
    const auto period = static_cast<std::uint64_t>(milliseconds);
    uv_timer_start(
        &timer_, [](uv_timer_t* timer) { static_cast<Stage*>(timer->data)->passed_ = true; }, period, period);
    while (!passed_) uv_run(&loop_, UV_RUN_ONCE);
    uv_timer_stop(&timer_);
  }

  // Looks every few milliseconds: asking costs the contender something.
  bool UntilIdle(int every_ms) {
    const std::uint64_t deadline = uv_hrtime() + kStuckMs * 1'000'000;
    while (contender_->Idle() < children()) {
      if (!failure().empty()) return false;
      if (uv_hrtime() > deadline) {
        stuck_ = std::string(contender_->name()) + " is stuck: children don't become ready";
        return false;
      }
      RunFor(every_ms);
    }
    return true;
  }

  void Stop() {
    contender_->Stop();
    RunUntil("children don't end", [this] { return contender_->Gone(); });
  }

 private:
  Plan plan_;
  uv_loop_t loop_{};
  uv_timer_t timer_{};
  std::unique_ptr<Contender> contender_;
  double began_ = 0;
  bool passed_ = false;
  std::string stuck_;
};

struct Latencies {
  std::vector<double> entry_us;
  std::vector<double> answer_us;

  void Write(const std::string& prefix, const Sink& sink) const {
    sink(prefix + "_entry_p50_us", Quantile(entry_us, 0.5));
    sink(prefix + "_entry_p99_us", Quantile(entry_us, 0.99));
    sink(prefix + "_answer_p50_us", Quantile(answer_us, 0.5));
    sink(prefix + "_answer_p99_us", Quantile(answer_us, 0.99));
  }
};

// One job, waited for.
bool OneJob(Stage& stage, Latencies& latencies) {
  bool done = false;
  const double submitted = NowNs();
  stage.contender().Submit(kPayload, [&](std::string_view output) {
    latencies.answer_us.push_back((NowNs() - submitted) / 1000);
    latencies.entry_us.push_back((Parse(output).began - submitted) / 1000);
    done = true;
  });
  return stage.RunUntil("a job doesn't end", [&done] { return done; });
}

Latencies MeasureLatency(Stage& stage, int jobs, int quiet_ms) {
  Latencies latencies;
  for (int job = 0; job < jobs; ++job) {
    if (quiet_ms > 0) stage.RunFor(quiet_ms);
    if (!stage.failure().empty() || !OneJob(stage, latencies)) break;
  }
  return latencies;
}

// What this process, the worker, has used of the processors. Its children don't count.
double CpuNs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec);
  return seconds * 1e9 + static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

// Keeps as many jobs in flight as there are children.
class Flight {
 public:
  Flight(Stage& stage, int milliseconds) : stage_(stage), end_ns_(NowNs() + milliseconds * 1e6) {}

  void Fly(const std::string& prefix, const Sink& sink) {
    const double begin = NowNs();
    const double cpu_begin = CpuNs();
    for (int job = 0; job < stage_.children(); ++job) Next();
    stage_.RunUntil("jobs don't end", [this] { return flying_ == 0; });
    sink(prefix + "_per_s", done_ / ((NowNs() - begin) / 1e9));
    sink(prefix + "_cpu_us", (CpuNs() - cpu_begin) / 1000 / std::max(done_, 1));
  }

 private:
  void Next() {
    ++flying_;
    stage_.contender().Submit(kPayload, [this](std::string_view) {
      --flying_;
      ++done_;
      if (NowNs() < end_ns_) Next();
    });
  }

  Stage& stage_;
  double end_ns_;
  int flying_ = 0;
  int done_ = 0;
};

std::string Reused(Maker make, const Sink& sink, const std::string& child, int children, const Effort& effort,
                   bool latency) {
  Stage stage(make, Plan{.child = child, .children = children});
  const std::string prefix = "reused_" + std::to_string(children);
  if (!stage.UntilIdle(children >= 500 ? 10 : 1)) return stage.failure();
  sink("start_" + std::to_string(children) + "_ms", (NowNs() - stage.began()) / 1e6);
  MeasureLatency(stage, effort.warm_up_jobs, 0);
  if (latency) {
    MeasureLatency(stage, effort.latency_jobs, 0).Write(prefix, sink);
    MeasureLatency(stage, effort.quiet_jobs, effort.quiet_ms).Write(prefix + "_quiet", sink);
  }
  Flight(stage, effort.rate_ms).Fly(prefix, sink);
  if (stage.failure().empty()) stage.Stop();
  return stage.failure();
}

// One job per child: to a whole and quiet pool, one at a time; then as many as there are places.
std::string Fresh(Maker make, const Sink& sink, const std::string& child, const Effort& effort) {
  Stage stage(make, Plan{.child = child, .children = effort.fresh_children, .reuse = false});
  Latencies latencies;
  for (int job = 0; job < effort.fresh_jobs && stage.failure().empty(); ++job) {
    if (!stage.UntilIdle(1)) return stage.failure();
    stage.RunFor(effort.fresh_quiet_ms);
    if (!OneJob(stage, latencies)) return stage.failure();
  }
  const std::string prefix = "fresh_" + std::to_string(effort.fresh_children);
  latencies.Write(prefix, sink);
  if (!stage.UntilIdle(1)) return stage.failure();
  Flight(stage, effort.rate_ms).Fly(prefix, sink);
  if (stage.failure().empty()) stage.Stop();
  return stage.failure();
}

// One place, one job per child, jobs always waiting: from an answer until the child after it is warm, by its own
// clock, and until the next job's entry there. In between lie the old child's exit, its reaping and the start.
std::string Replenish(Maker make, const Sink& sink, const std::string& child, const Effort& effort) {
  Stage stage(make, Plan{.child = child, .children = 1, .reuse = false});
  std::vector<double> warm_us;
  std::vector<double> entry_us;
  double answered = 0;
  for (int job = 0; job < effort.replenish_jobs; ++job) {
    bool done = false;
    ChildTimes times;
    stage.contender().Submit(kPayload, [&](std::string_view output) {
      times = Parse(output);
      done = true;
    });
    if (!stage.RunUntil("a job doesn't end", [&done] { return done; })) return stage.failure();
    if (job > 0) {
      warm_us.push_back((times.warm - answered) / 1000);
      entry_us.push_back((times.began - answered) / 1000);
    }
    answered = NowNs();
  }
  sink("replenish_warm_p50_us", Quantile(warm_us, 0.5));
  sink("replenish_entry_p50_us", Quantile(entry_us, 0.5));
  stage.Stop();
  return stage.failure();
}

}  // namespace

Effort Effort::Quick() {
  return {.warm_up_jobs = 5,
          .latency_jobs = 20,
          .quiet_jobs = 2,
          .quiet_ms = 1,
          .fresh_jobs = 3,
          .fresh_quiet_ms = 1,
          .replenish_jobs = 3,
          .rate_ms = 50,
          .rate_children = {2, 20},
          .fresh_children = 3};
}

std::vector<Scene> Scenes(const std::string& child, const Effort& effort) {
  std::vector<Scene> scenes;
  for (std::size_t i = 0; i < effort.rate_children.size(); ++i) {
    const int children = effort.rate_children[i];
    const bool latency = i == 0;
    scenes.push_back({"reused_" + std::to_string(children), [=](Maker make, const Sink& sink) {
                        return Reused(make, sink, child, children, effort, latency);
                      }});
  }
  scenes.push_back({"fresh", [=](Maker make, const Sink& sink) { return Fresh(make, sink, child, effort); }});
  scenes.push_back({"replenish", [=](Maker make, const Sink& sink) { return Replenish(make, sink, child, effort); }});
  return scenes;
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::nan("");
  const auto index = static_cast<std::size_t>(std::lround(q * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index), values.end());
  return values[index];
}

}  // namespace andiron::bench
