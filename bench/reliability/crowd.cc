// With as many children as a large machine has: what one death costs, and what a full queue does to the loop.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <utility>
#include <vector>

#include "bench/reliability/scenes.h"
#include "bench/reliability/stage.h"
#include "worker/base/clock.h"
#include "worker/children/signals.h"

namespace andiron::bench {
namespace {

constexpr int kStartingMax = 16;

PoolSettings Crowd(std::vector<std::string> command, int children) {
  PoolSettings pool = PoolOf(std::move(command), children);
  pool.max_starting = kStartingMax;
  pool.max_jobs_per_child = 0;
  // A thousand processes on two cores take turns: none of them is hung.
  pool.ack_timeout = std::chrono::seconds(30);
  pool.ping_timeout = std::chrono::seconds(60);
  return pool;
}

bool UntilAllIdle(Stage& stage, int children) {
  return stage.RunUntil("children don't become ready", [&] { return stage.Slots(SlotState::kIdle) == children; });
}

// The floor: how long the kernel takes to kill a process that does nothing and to say so. Negative: there was none.
double BareDeathMs() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t pid = fork();
  if (pid == 0) {
    if (write(writer.get(), "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  writer.Reset();
  char ready = 0;
  const UniqueFd pidfd = pid > 0 && read(reader.get(), &ready, 1) == 1 ? OpenPidfd(pid) : UniqueFd();
  if (!pidfd) {
    if (pid > 0) kill(pid, SIGKILL);  // not reaped yet, so the number is its own
    if (pid > 0) waitpid(pid, nullptr, 0);
    return -1;
  }
  pollfd end{pidfd.get(), POLLIN, 0};
  const TimePoint killed = Now();
  SignalProcess(pidfd.get(), SIGKILL);
  poll(&end, 1, -1);
  const double taken = Milliseconds(Now() - killed);
  waitpid(pid, nullptr, 0);
  return taken;
}

}  // namespace

Findings DeathToNotIdle(const Amount& amount) {
  Stage stage(WorkerOf({Crowd({Program("bench-child")}, amount.children)}));
  if (!UntilAllIdle(stage, amount.children)) return {{}, stage.failure()};
  std::mt19937 random(1);
  std::vector<double> noticed_ms;
  std::vector<double> bare_ms;
  for (int death = 0; death < amount.deaths && stage.failure().empty(); ++death) {
    const std::vector<ChildStatus> children = stage.Pool().children;
    const ChildStatus& child = children[random() % children.size()];
    if (child.state != SlotState::kIdle) continue;
    const UniqueFd pidfd = OpenPidfd(child.pid);
    TimePoint noticed{};
    stage.OnTurn([&](TimePoint now) {
      if (noticed != TimePoint{}) return;
      for (const ChildStatus& other : stage.Pool().children) {
        if (other.child == child.child && other.state == SlotState::kIdle) return;
      }
      noticed = now;
    });
    const TimePoint killed = Now();
    if (!SignalProcess(pidfd.get(), SIGKILL)) stage.Fail("a child can't be killed");
    if (!stage.RunUntil("a death isn't noticed", [&] { return noticed != TimePoint{}; })) break;
    noticed_ms.push_back(Milliseconds(noticed - killed));
    stage.OnTurn(nullptr);
    if (!UntilAllIdle(stage, amount.children)) break;
    bare_ms.push_back(BareDeathMs());
    if (bare_ms.back() < 0) stage.Fail("no process beside the worker's");
  }
  if (!stage.failure().empty() || !stage.Stop()) return {{}, stage.failure()};
  const std::string bare = "SIGKILL of a process that does nothing to its pidfd, in turn with those, ";
  const std::string name = "SIGKILL of an idle child to its slot not Idle, 1,000 children, ";
  return {{{name + "p50", Quantile(noticed_ms, 0.5), "ms", 0, noticed_ms.size()},
           {name + "p99", Quantile(noticed_ms, 0.99), "ms", 2, noticed_ms.size()},
           {name + "p100", Quantile(noticed_ms, 1), "ms", 0, noticed_ms.size()},
           {bare + "p50", Quantile(bare_ms, 0.5), "ms", 0, bare_ms.size()},
           {bare + "p99", Quantile(bare_ms, 0.99), "ms", 0, bare_ms.size()},
           {bare + "p100", Quantile(bare_ms, 1), "ms", 0, bare_ms.size()}},
          ""};
}

namespace {

Findings StallOf(const std::string& jobs, std::vector<std::string> command, const Amount& amount) {
  PoolSettings pool = Crowd(std::move(command), amount.children);
  pool.queue_limit = amount.queued;
  pool.start_by = std::chrono::minutes(10);
  Stage stage(WorkerOf({std::move(pool)}));
  if (!UntilAllIdle(stage, amount.children)) return {{}, stage.failure()};
  const std::string payload(256, 'x');
  std::size_t ended = 0;
  bool stopping = false;
  std::function<void()> submit = [&] {
    stage.worker().Submit({.payload = payload}, [&](const JobReport& report) {
      if (stopping) return;
      if (report.refused || report.outcome != Outcome::kSucceeded) {
        return stage.Fail(report.refused ? std::string(Name(report.refusal)) : report.error);
      }
      ++ended;
      submit();
    });
  };
  // Bit by bit: the fill is not what is measured. The first jobs begin one after the other, and so they end.
  constexpr int kAtOnce = 100;
  for (int submitted = 0; submitted < amount.queued; ++submitted) {
    submit();
    if (submitted < amount.children || submitted % kAtOnce == 0) stage.RunFor(std::chrono::milliseconds(1));
  }
  stage.RunFor(std::chrono::milliseconds(500));
  AwayTimes times;
  stage.OnTurn([&](TimePoint now) { times.Look(now, stage.slept()); });
  const std::size_t before = ended;
  stage.RunFor(std::chrono::seconds(amount.stall_seconds));
  const double rate = static_cast<double>(ended - before) / amount.stall_seconds;
  stopping = true;
  if (!stage.failure().empty() || !stage.Stop()) return {{}, stage.failure()};
  std::vector<double>& away = times.away_ms;
  const std::string name = "loop away from its poll, 10,000 jobs queued, 1,000 children, " + jobs + ", ";
  return {{{name + "p50", Quantile(away, 0.5), "ms", 0, away.size()},
           {name + "p99", Quantile(away, 0.99), "ms", 0, away.size()},
           {name + "p99.9", Quantile(away, 0.999), "ms", 10, away.size()},
           {name + "p100", Quantile(away, 1), "ms", 0, away.size()},
           {"jobs a second meanwhile", rate, "", 0, ended - before}},
          ""};
}

}  // namespace

// With jobs of a second the children answer one after the other. With jobs that end at once the whole crowd is always
// ready, and a turn has as many answers as children.
Findings LoopStall(const Amount& amount) {
  Findings all = StallOf("jobs of 1 s", {Program("echo-child"), "--sleep-ms", "1000"}, amount);
  if (!all.failure.empty()) return all;
  Findings crowded = StallOf("jobs of 0 s", {Program("bench-child")}, amount);
  all.figures.insert(all.figures.end(), crowded.figures.begin(), crowded.figures.end());
  all.failure = crowded.failure;
  return all;
}

}  // namespace andiron::bench
