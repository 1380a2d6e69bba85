#include "tests/sim/run.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "tests/sim/schedule.h"

// There in a build that counts branches (tools/coverage): _exit() would lose what has been counted.
extern "C" __attribute__((weak)) int __llvm_profile_write_file();

namespace andiron::sim {
namespace {

constexpr std::uint64_t kReportEvery = 256;

// The accounts of all processes, and the wish to stop.
class Shared {
 public:
  explicit Shared(std::size_t processes) : bytes_(sizeof(std::atomic<bool>) * 64 + processes * sizeof(Account)) {
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) std::abort();
    stop_ = new (memory_) std::atomic<bool>(false);
    auto* accounts = static_cast<std::byte*>(memory_) + sizeof(std::atomic<bool>) * 64;
    accounts_ = new (accounts) Account[processes];
  }
  ~Shared() { munmap(memory_, bytes_); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  std::atomic<bool>& stop() { return *stop_; }
  Account& account(std::size_t process) { return accounts_[process]; }

 private:
  std::size_t bytes_;
  void* memory_ = nullptr;
  std::atomic<bool>* stop_ = nullptr;
  Account* accounts_ = nullptr;
};

std::int64_t FaultsIn(const FaultTable& table) {
  std::int64_t sum = 0;
  for (const auto& row : table) {
    for (const std::uint64_t count : row) sum += static_cast<std::int64_t>(count);
  }
  return sum;
}

void NoteResult(Account& account, const ScheduleResult& result, std::uint64_t seed, std::int64_t faults) {
  ++account.schedules;
  account.facts += result.facts;
  account.actions += result.actions;
  account.turns += result.turns;
  account.children += result.children;
  account.virtual_hours += static_cast<double>(result.virtual_time) / 3.6e12;
  account.hash += (result.hash | 1U) * (2 * seed + 1);
  account.slots_each.Add(result.slots);
  account.jobs_each.Add(result.jobs);
  account.facts_each.Add(result.facts);
  account.turns_each.Add(result.turns);
  account.faults_each.Add(faults);
  if (result.problem.empty()) return;
  account.failed = true;
  account.failed_seed = seed;
  result.problem.copy(account.problem.data(), account.problem.size() - 1);
}

// One process' share.
void RunShare(Shared& shared, std::size_t process, std::uint64_t first, std::uint64_t end, std::uint64_t step,
              int tell) {
  auto schedules = std::make_unique<Schedules>();
  Account& account = shared.account(process);
  std::int64_t faults = 0;
  for (std::uint64_t seed = first + process; seed < end && !shared.stop(); seed += step) {
    account.current_seed = seed;
    const ScheduleResult result = schedules->Run(seed);
    const std::int64_t faults_now = FaultsIn(schedules->fault_table());
    NoteResult(account, result, seed, faults_now - faults);
    faults = faults_now;
    if (account.failed) shared.stop() = true;
    if (account.schedules % kReportEvery == 0 && write(tell, "x", 1) < 0) break;
  }
  account.faults = schedules->fault_table();
}

void AddUp(Account& sum, const Account& one) {
  sum.schedules += one.schedules;
  sum.facts += one.facts;
  sum.actions += one.actions;
  sum.turns += one.turns;
  sum.children += one.children;
  sum.virtual_hours += one.virtual_hours;
  sum.hash += one.hash;
  sum.slots_each.Add(one.slots_each);
  sum.jobs_each.Add(one.jobs_each);
  sum.facts_each.Add(one.facts_each);
  sum.faults_each.Add(one.faults_each);
  sum.turns_each.Add(one.turns_each);
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    for (std::size_t j = 0; j <= kSlotStateCount; ++j) sum.faults[i][j] += one.faults[i][j];
  }
  if (!one.failed || (sum.failed && sum.failed_seed < one.failed_seed)) return;
  sum.failed = true;
  sum.failed_seed = one.failed_seed;
  sum.problem = one.problem;
}

// The core aborted, or worse: the seed is the one that was running.
void NoteDeath(Account& account, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  account.failed = true;
  account.failed_seed = account.current_seed;
  std::snprintf(account.problem.data(), account.problem.size(), "the process ended with %s %d",
                WIFSIGNALED(status) ? "signal" : "code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace

Account RunSeeds(std::uint64_t first, std::uint64_t count, int processes,
                 const std::function<void(std::uint64_t done)>& progress) {
  const auto step = static_cast<std::size_t>(std::max(1, processes));
  Shared shared(step);
  int tell[2];
  if (pipe(tell) != 0) std::abort();
  std::fflush(nullptr);
  std::vector<pid_t> children;
  for (std::size_t process = 0; process < step; ++process) {
    const pid_t pid = fork();
    if (pid == 0) {
      close(tell[0]);
      RunShare(shared, process, first, first + count, step, tell[1]);
      std::fflush(nullptr);
      if (__llvm_profile_write_file != nullptr) __llvm_profile_write_file();
      _exit(0);
    }
    if (pid < 0) std::abort();
    children.push_back(pid);
  }
  close(tell[1]);
  char bytes[256];
  std::uint64_t done = 0;
  for (ssize_t got = 0; (got = read(tell[0], bytes, sizeof bytes)) > 0;) {
    done += static_cast<std::uint64_t>(got) * kReportEvery;
    if (progress) progress(done);
  }
  close(tell[0]);
  Account sum;
  for (std::size_t process = 0; process < step; ++process) {
    int status = 0;
    waitpid(children[process], &status, 0);
    NoteDeath(shared.account(process), status);
    AddUp(sum, shared.account(process));
  }
  return sum;
}

// ---- sizes ----

std::size_t Histogram::BinOf(std::int64_t value) {
  if (value <= kExact) return static_cast<std::size_t>(std::max<std::int64_t>(0, value));
  return std::min<std::size_t>(kBins - 1, static_cast<std::size_t>(kExact + 1 + (value - kExact) / 64));
}

std::int64_t Histogram::ValueOf(std::size_t bin) {
  const auto value = static_cast<std::int64_t>(bin);
  return value <= kExact ? value : kExact + (value - kExact - 1) * 64;
}

void Histogram::Add(std::int64_t value) { ++bins_[BinOf(value)]; }

void Histogram::Add(const Histogram& other) {
  for (std::size_t i = 0; i < kBins; ++i) bins_[i] += other.bins_[i];
}

std::int64_t Histogram::Quantile(double part) const {
  std::uint64_t all = 0;
  for (const std::uint32_t count : bins_) all += count;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    seen += bins_[i];
    if (seen > 0 && static_cast<double>(seen) >= part * static_cast<double>(all)) return ValueOf(i);
  }
  return 0;
}

// ---- the report ----

namespace {

constexpr std::string_view kStates[] = {"vacant", "starting", "idle", "busy", "stopping", "dying", "no slot"};

// Which states a fault can hit: what a child must be or have done for it to be possible.
struct Reach {
  Fault first;  // up to the next row's
  std::string_view states;
};
constexpr std::string_view kAlive = "starting idle busy stopping dying";
constexpr Reach kReaches[] = {
    {Fault::kSpawnError, "starting stopping dying"},
    {Fault::kSpawnSlow, "starting"},
    {Fault::kNeverReady, "starting stopping dying"},
    {Fault::kGarbage, kAlive},
    {Fault::kExitBeforeHello, "starting stopping dying"},
    {Fault::kCrash, kAlive},
    {Fault::kHalted, "starting idle busy stopping"},
    {Fault::kNoPong, "idle"},
    {Fault::kIgnoreCancel, "busy"},
    {Fault::kIgnoreStop, "starting idle busy"},
    {Fault::kUnkillable, "starting idle busy stopping"},
    {Fault::kFloodAtExit, "starting busy stopping dying"},
    {Fault::kSplitDeath, "starting idle busy stopping"},
    {Fault::kExitUnacked, "busy"},
    {Fault::kLateFacts, "vacant starting idle busy stopping dying"},
    {Fault::kStall, "no slot"},
};

bool Reachable(Fault fault, std::size_t state) {
  std::string_view states;
  for (const Reach& reach : kReaches) {
    if (fault >= reach.first) states = reach.states;
  }
  return states.find(kStates[state]) != std::string_view::npos;
}

void PrintSizes(const char* what, const Histogram& sizes, std::FILE* out) {
  std::fprintf(out, "  %-8s %8lld %8lld %8lld %8lld %8lld\n", what, static_cast<long long>(sizes.Quantile(0.01)),
               static_cast<long long>(sizes.Quantile(0.25)), static_cast<long long>(sizes.Quantile(0.5)),
               static_cast<long long>(sizes.Quantile(0.75)), static_cast<long long>(sizes.Quantile(0.99)));
}

}  // namespace

void PrintAccount(const Account& account, std::FILE* out) {
  std::fprintf(
      out, "%llu schedules, %lld turns, %lld facts, %lld actions, %lld children, %.0f virtual hours, hash %016llx\n",
      static_cast<unsigned long long>(account.schedules), static_cast<long long>(account.turns),
      static_cast<long long>(account.facts), static_cast<long long>(account.actions),
      static_cast<long long>(account.children), account.virtual_hours, static_cast<unsigned long long>(account.hash));
  std::fprintf(out, "for each schedule:    1%%      25%%      50%%      75%%      99%%\n");
  PrintSizes("slots", account.slots_each, out);
  PrintSizes("jobs", account.jobs_each, out);
  PrintSizes("facts", account.facts_each, out);
  PrintSizes("turns", account.turns_each, out);
  PrintSizes("faults", account.faults_each, out);
  std::fprintf(out, "faults by the state of the slot that they hit:\n  %-18s", "");
  for (const std::string_view state : kStates) std::fprintf(out, " %10s", std::string(state).c_str());
  std::fputc('\n', out);
  std::string missing;
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    std::fprintf(out, "  %-18s", std::string(Name(fault)).c_str());
    for (std::size_t j = 0; j <= kSlotStateCount; ++j) {
      const std::uint64_t count = account.faults[i][j];
      std::fprintf(out, " %10s", count > 0 ? std::to_string(count).c_str() : Reachable(fault, j) ? "0 !" : ".");
      if (count == 0 && Reachable(fault, j)) missing += " " + std::string(Name(fault)) + "x" + std::string(kStates[j]);
    }
    std::fputc('\n', out);
  }
  std::fprintf(out, "cells never reached:%s\n", missing.empty() ? " none" : missing.c_str());
}

}  // namespace andiron::sim
