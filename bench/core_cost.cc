// andiron-core-cost: what the core takes for a job and for a death, with few children and a short queue, and with many
// and a long one. Nothing but Core::Step: no process, no loop.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "jobs/core.h"
#include "worker/base/clock.h"

namespace andiron::bench {
namespace {

struct Size {
  int slots;
  int queued;
};
constexpr Size kSizes[] = {{10, 100}, {100, 10000}, {1000, 100000}};

PoolSettings PoolOf(const Size& size) {
  PoolSettings pool;
  pool.name = "p";
  pool.command = {"child"};
  pool.warm = size.slots;
  pool.max_children = size.slots;
  pool.max_starting = size.slots;
  pool.quarantine_max = 1;
  pool.max_jobs_per_child = 0;
  pool.queue_limit = size.queued + size.slots;
  pool.breaker_failures = 0;
  pool.backoff_min = std::chrono::nanoseconds(1);
  pool.backoff_max = std::chrono::nanoseconds(1);
  return pool;
}

// A core whose children and clock are numbers.
class Bed {
 public:
  explicit Bed(const Size& size) : core_({PoolOf(size)}, std::chrono::seconds(30), 1, false) {
    Step();
    for (int job = 0; job < size.queued + size.slots; ++job) Step(Next());
  }

  // A job ends, its child gets the next one, and another is submitted.
  void EndJob() {
    const auto [child, job] = TakeRunning();
    Step(JobAcked{child, job}, JobReturned{child, job, JobReturned::End::kSucceeded, "result"}, Next());
  }

  // A child dies with its job, another takes its slot, becomes ready and gets the next job.
  void EndChild() {
    const auto [child, job] = TakeRunning();
    Step(JobAcked{child, job}, ChildExited{child, 0, 9, false}, ChannelClosed{child}, Next());
    Step();
  }

 private:
  JobSubmitted Next() {
    JobSubmitted job{};
    job.job = JobNumber{++jobs_};
    job.pool = "p";
    job.id = "job-" + std::to_string(jobs_);
    job.payload = "payload";
    return job;
  }

  std::pair<ChildId, JobNumber> TakeRunning() {
    if (running_.empty()) {
      std::fputs("andiron-core-cost: no job runs\n", stderr);
      std::exit(1);
    }
    const auto first = running_.front();
    running_.pop_front();
    return first;
  }

  // Starts succeed at once.
  template <typename... Facts>
  void Step(Facts... facts) {
    now_ += std::chrono::microseconds(1);
    batch_.clear();
    batch_.emplace_back(TimeRead{now_});
    (batch_.emplace_back(std::move(facts)), ...);
    while (!batch_.empty()) {
      actions_.clear();
      core_.Step(now_, batch_, actions_);
      batch_.clear();
      for (const Action& action : actions_) Perform(action);
    }
  }

  void Perform(const Action& action) {
    if (const auto* const send = std::get_if<SendJob>(&action)) running_.emplace_back(send->child, send->job);
    const auto* const start = std::get_if<StartChild>(&action);
    if (start == nullptr) return;
    if (batch_.empty()) batch_.emplace_back(TimeRead{now_});
    batch_.emplace_back(Spawned{start->child, 100});
    batch_.emplace_back(ChildReady{start->child});
  }

  TimePoint now_{std::chrono::seconds(1000)};
  std::uint64_t jobs_ = 0;
  Core core_;
  ActionList actions_;
  std::vector<Fact> batch_;
  std::deque<std::pair<ChildId, JobNumber>> running_;
};

// The fastest of several rounds: what else runs on the machine only adds.
template <typename Function>
double NanosecondsEach(int times, Function function) {
  constexpr int kRounds = 5;
  double fastest = 0;
  for (int round = 0; round < kRounds; ++round) {
    const TimePoint begin = Now();
    for (int i = 0; i < times; ++i) function();
    const double each = static_cast<double>((Now() - begin).count()) / times;
    fastest = round == 0 ? each : std::min(fastest, each);
  }
  return fastest;
}

int Main(int argc, char** argv) {
  bool quick = false;
  CLI::App app{
      "Measures what the core takes for a job and for a death, by the number of slots and of queued jobs.\n"
      "Example: andiron-core-cost"};
  app.add_flag("--quick", quick, "little of everything: does it work? The figures mean nothing");
  CLI11_PARSE(app, argc, argv);
  const int times = quick ? 100 : 100000;
  std::printf("| slots | queued jobs | a job | times the first | a death | times the first |\n");
  std::printf("|---:|---:|---:|---:|---:|---:|\n");
  double first_job = 0;
  double first_death = 0;
  for (const Size& size : kSizes) {
    Bed bed(size);
    const double job = NanosecondsEach(times, [&] { bed.EndJob(); });
    const double death = NanosecondsEach(times, [&] { bed.EndChild(); });
    if (first_job == 0) first_job = job;
    if (first_death == 0) first_death = death;
    std::printf("| %d | %d | %.0f ns | %.2f | %.0f ns | %.2f |\n", size.slots, size.queued, job, job / first_job, death,
                death / first_death);
  }
  return 0;
}

}  // namespace
}  // namespace andiron::bench

int main(int argc, char** argv) { return andiron::bench::Main(argc, argv); }
