// chaos-killer: kills children of a worker at random moments of their lives, from fork to exit. For tools/chaos.
//
// Half of the strikes go to the next child that is forked, within `early` of its birth: before its exec, before its
// first message. The other half come at any time (the gaps are exponential) to any child of any pool that lives then,
// which makes the moment uniform over its life. Each strike is a line of JSON on stdout. Nobody but children of that
// worker is ever hit: a pidfd is opened first, the parent looked up then, so the signal reaches who was looked at, or
// nobody.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>

#include "tools/chaos_killer/watch.h"
#include "worker/base/clock.h"
#include "worker/children/proc_files.h"
#include "worker/children/signals.h"

namespace andiron::chaos {
namespace {

struct Options {
  pid_t worker = 0;
  int kills = 1000;
  double gap_ms = 20;   // between two strikes, on the average
  double early_ms = 3;  // how old a newborn may be at its strike
  double early_share = 0.5;
  double stop_share = 0;  // strikes that stop (SIGSTOP) instead
  std::uint64_t seed = 1;
};

// How long to sleep between two looks: a newborn must be seen at once, the rest can wait.
constexpr Duration kAlert = std::chrono::microseconds(50);
constexpr Duration kCalm = std::chrono::milliseconds(1);

void Sleep(Duration duration) {
  const timespec time{0, static_cast<long>(duration.count())};
  nanosleep(&time, nullptr);
}

Duration FromMs(double milliseconds) { return Duration(static_cast<Duration::rep>(milliseconds * 1e6)); }

std::string ExecutableOf(pid_t pid) {
  char path[4096];
  const ssize_t length = readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path, sizeof path);
  return {path, length > 0 ? static_cast<std::size_t>(length) : 0};
}

struct Stat {
  char state = 'X';
  pid_t parent = 0;
};

// "PID (NAME) STATE PARENT ...": a name may hold anything, so it ends at the last parenthesis.
Stat StatOf(pid_t pid) {
  const std::string text = ReadSmallFile("/proc/" + std::to_string(pid) + "/stat", 1024);
  Stat stat;
  const std::size_t end = text.rfind(')');
  if (end != std::string::npos) std::sscanf(text.c_str() + end + 1, " %c %d", &stat.state, &stat.parent);
  return stat;
}

class Killer {
 public:
  explicit Killer(const Options& options)
      : options_(options),
        watch_(options.worker),
        random_(options.seed),
        worker_program_(ExecutableOf(options.worker)) {}

  // Until all kills are done, the worker is gone or nobody reads what we say.
  void Run() {
    Plan(Now());
    while (done_ < options_.kills && !std::ferror(stdout)) {
      const TimePoint now = Now();
      fresh_.clear();
      if (!watch_.Look(now, fresh_)) return;
      if (now >= next_) StrikeWhatIsDue(now);
      Sleep(waits_for_newborn_ || newborn_ ? kAlert : std::min(kCalm, std::max(next_ - now, kAlert)));
    }
  }

 private:
  void Plan(TimePoint now) {
    next_ = now + FromMs(std::exponential_distribution<double>(1 / options_.gap_ms)(random_));
    waits_for_newborn_ = Chance(options_.early_share);
    newborn_.reset();
  }

  bool Chance(double share) { return std::uniform_real_distribution<double>(0, 1)(random_) < share; }

  std::size_t Pick(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }

  void StrikeWhatIsDue(TimePoint now) {
    if (waits_for_newborn_) {
      if (fresh_.empty()) return;
      newborn_ = fresh_[Pick(fresh_.size())];
      waits_for_newborn_ = false;
      next_ = now + FromMs(std::uniform_real_distribution<double>(0, options_.early_ms)(random_));
      if (next_ > now + kAlert) return;
    }
    SeenChild* child = nullptr;
    if (newborn_) {
      child = watch_.Find(newborn_->first, newborn_->second);
    } else if (const std::vector<pid_t> threads = watch_.ThreadsWithPrey(); !threads.empty()) {
      const std::vector<SeenChild*> prey = watch_.PreyOf(threads[Pick(threads.size())]);
      child = prey[Pick(prey.size())];
    }
    if (child != nullptr) Strike(*child, now);
    Plan(now);
  }

  void Strike(SeenChild& child, TimePoint now) {
    const UniqueFd pidfd = OpenPidfd(child.pid);
    const Stat stat = StatOf(child.pid);
    if (!pidfd || stat.parent != options_.worker || stat.state == 'Z' || stat.state == 'X') return;
    // Until its exec is done it has the worker's program, or no environment yet.
    const bool executing = ExecutableOf(child.pid) == worker_program_;
    bool lacking = false;
    const std::string name = executing ? "" : EnvironmentOf(child.pid, "ANDIRON_CHILD", lacking);
    const int number = Chance(options_.stop_share) ? SIGSTOP : SIGKILL;
    if (!SignalProcess(pidfd.get(), number)) return;
    child.killed = number == SIGKILL;
    if (child.killed) ++done_;
    std::printf(R"({"signal":"%s","pid":%d,"child":"%s","age_us":%lld,"executed":%s})"
                "\n",
                child.killed ? "SIGKILL" : "SIGSTOP", child.pid, name.c_str(),
                static_cast<long long>((now - child.since).count() / 1000), name.empty() ? "false" : "true");
    std::fflush(stdout);
  }

  const Options options_;
  Watch watch_;
  std::mt19937_64 random_;
  const std::string worker_program_;
  int done_ = 0;
  TimePoint next_{};
  bool waits_for_newborn_ = false;
  std::optional<std::pair<pid_t, pid_t>> newborn_;
  std::vector<std::pair<pid_t, pid_t>> fresh_;
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app{"Kills children of a worker at random moments of their lives. For tools/chaos."};
  app.add_option("--worker", options.worker, "its process")->required();
  app.add_option("--kills", options.kills, "how many")->capture_default_str();
  app.add_option("--gap-ms", options.gap_ms, "average time between two strikes")->capture_default_str();
  app.add_option("--early-ms", options.early_ms, "oldest age at the strike of a newborn")->capture_default_str();
  app.add_option("--early-share", options.early_share, "share of strikes at newborns")->capture_default_str();
  app.add_option("--stop-share", options.stop_share, "share of strikes that are SIGSTOP")->capture_default_str();
  app.add_option("--seed", options.seed, "of all choices")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  // Nothing is to be seen on a kernel without these lists.
  const std::string list = "/proc/self/task/" + std::to_string(getpid()) + "/children";
  if (access(list.c_str(), R_OK) != 0) {
    std::fprintf(stderr, "chaos-killer: this kernel doesn't list the children of a thread (%s)\n", list.c_str());
    return 70;
  }
  Killer(options).Run();
  return 0;
}

}  // namespace
}  // namespace andiron::chaos

int main(int argc, char** argv) { return andiron::chaos::Main(argc, argv); }
