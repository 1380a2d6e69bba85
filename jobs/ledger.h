// What the pools of one core share: the time of this step, the actions, the deadlines and the accepted jobs.
#ifndef ANDIRON_JOBS_LEDGER_H_
#define ANDIRON_JOBS_LEDGER_H_

#include <andiron/time.h>

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "jobs/action.h"
#include "jobs/deadlines.h"
#include "jobs/job.h"

namespace andiron {

struct Ledger {
  TimePoint now{};  // new deadlines count from here
  ActionList* actions = nullptr;
  Deadlines deadlines;
  std::unordered_map<std::uint64_t, Job> jobs;  // accepted and without an outcome; looked up, never walked to decide
  std::unordered_map<std::string_view, Job*> jobs_by_id;  // the keys are the jobs' own ids
  bool draining = false;                                  // admit nothing
  bool ending = false;                                    // a stop was asked for: keep nothing warm
  bool stopping = false;                                  // stop every child
  std::uint64_t random = 0;
  bool strict = false;

  template <typename T>
  void Emit(T action) {
    actions->emplace_back(std::move(action));
  }

  Job* Find(JobNumber number) {
    const auto found = jobs.find(static_cast<std::uint64_t>(number));
    return found == jobs.end() ? nullptr : &found->second;
  }

  // The next number of a splitmix64 sequence.
  std::uint64_t Random() {
    std::uint64_t z = (random += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_LEDGER_H_
