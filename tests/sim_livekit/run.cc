// Many schedules on several processes: a shared account for each, so that one that dies costs only itself.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "tests/sim_livekit/schedule.h"

namespace andiron::livekit_sim {
namespace {

struct Shared {
  std::atomic<bool> stop = false;
  std::array<Account, 64> accounts{};
};

void Note(Account& account, const ScheduleResult& result, std::uint64_t seed) {
  ++account.schedules;
  account.turns += result.turns;
  account.facts += result.facts;
  account.actions += result.actions;
  account.jobs += result.jobs;
  account.links += result.links;
  account.virtual_hours += result.virtual_seconds / 3600;
  account.hash += (result.hash | 1U) * (2 * seed + 1);
  for (std::size_t i = 0; i < kFaultCount; ++i) account.faults[i] += result.faults[i];
  if (result.problem.empty()) return;
  account.failed = true;
  account.failed_seed = seed;
  result.problem.copy(account.problem.data(), account.problem.size() - 1);
}

void RunShare(Shared& shared, Account& account, std::uint64_t first, std::uint64_t end, std::uint64_t step) {
  for (std::uint64_t seed = first; seed < end && !shared.stop; seed += step) {
    account.current_seed = seed;
    Note(account, RunSchedule(seed, nullptr), seed);
    if (account.failed) shared.stop = true;
  }
}

void NoteDeath(Account& account, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  account.failed = true;
  account.failed_seed = account.current_seed;
  std::snprintf(account.problem.data(), account.problem.size(), "the process ended with %s %d",
                WIFSIGNALED(status) ? "signal" : "code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

void AddUp(Account& sum, const Account& one) {
  sum.schedules += one.schedules;
  sum.turns += one.turns;
  sum.facts += one.facts;
  sum.actions += one.actions;
  sum.jobs += one.jobs;
  sum.links += one.links;
  sum.virtual_hours += one.virtual_hours;
  sum.hash += one.hash;
  for (std::size_t i = 0; i < kFaultCount; ++i) sum.faults[i] += one.faults[i];
  if (!one.failed || (sum.failed && sum.failed_seed < one.failed_seed)) return;
  sum.failed = true;
  sum.failed_seed = one.failed_seed;
  sum.problem = one.problem;
}

}  // namespace

Account RunSeeds(std::uint64_t first, std::uint64_t count, int processes) {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  auto* shared = new (memory) Shared;
  const auto step = static_cast<std::size_t>(std::clamp<int>(processes, 1, 64));
  std::fflush(nullptr);
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < step; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      RunShare(*shared, shared->accounts[i], first + i, first + count, step);
      _exit(0);
    }
    if (pid < 0) std::abort();
    children.push_back(pid);
  }
  Account sum;
  for (std::size_t i = 0; i < step; ++i) {
    int status = 0;
    waitpid(children[i], &status, 0);
    NoteDeath(shared->accounts[i], status);
    AddUp(sum, shared->accounts[i]);
  }
  munmap(memory, sizeof(Shared));
  return sum;
}

void PrintAccount(const Account& account, std::FILE* out) {
  std::fprintf(
      out,
      "%llu schedules, %lld turns, %lld facts, %lld actions, %lld jobs, %lld links, %.0f virtual hours, hash %016llx\n",
      static_cast<unsigned long long>(account.schedules), static_cast<long long>(account.turns),
      static_cast<long long>(account.facts), static_cast<long long>(account.actions),
      static_cast<long long>(account.jobs), static_cast<long long>(account.links), account.virtual_hours,
      static_cast<unsigned long long>(account.hash));
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    std::fprintf(out, "  %-18s %10llu\n", std::string(Name(static_cast<Fault>(i))).c_str(),
                 static_cast<unsigned long long>(account.faults[i]));
  }
}

}  // namespace andiron::livekit_sim
