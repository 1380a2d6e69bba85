// The one place that decides: pools of children, their jobs, and what to do next.
//
// Pure: no I/O, no clock, no threads, no libuv. The same settings, seed and facts give the same actions.
//
// One loop turn is one Step: (a) every fact is recorded in order, (b) the deadlines that are <= as_of
// expire, (c) Reconcile() runs once and is the only code that starts children and dispatches jobs.
// O(log n) for each fact in slots and jobs; no pass over all of either.
//
// The caller promises what jobs/fact.h says about facts, and that `as_of` is the clock as it was before
// the facts were collected: then no verdict falls while its refutation lies unread in the kernel.
#ifndef ANDIRON_JOBS_CORE_H_
#define ANDIRON_JOBS_CORE_H_

#include <andiron/settings.h>
#include <andiron/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/action.h"
#include "jobs/fact.h"
#include "jobs/status.h"

namespace andiron {

class Core {
 public:
  // `settings` must be resolved and free of contradictions (see Contradictions() in jobs/settings_rules.h).
  // `jitter_seed` decides the back-off's jitter. With `strict` an impossible state aborts (tests, simulator); without,
  // the slot is reset, counted and reported.
  Core(std::vector<PoolSettings> settings, Duration drain_timeout, std::uint64_t jitter_seed, bool strict);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Facts are consumed: strings are moved out of them. Appends to `actions`.
  void Step(TimePoint as_of, std::span<Fact> facts, ActionList& actions);

  // When to step again if no fact comes before; kNever if nothing waits.
  TimePoint NextDeadline() const;

  CoreStatus Status() const;

  // The job that is queued or running under this id.
  std::optional<JobNumber> FindJob(std::string_view pool, std::string_view id) const;

  // The first broken invariant in words, or "" if all hold. Looks at everything: for tests and the simulator.
  std::string CheckInvariants() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_CORE_H_
