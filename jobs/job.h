// One accepted job, from acceptance to its outcome.
#ifndef ANDIRON_JOBS_JOB_H_
#define ANDIRON_JOBS_JOB_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <cstdint>
#include <optional>
#include <string>

#include "jobs/action.h"
#include "jobs/deadlines.h"
#include "jobs/ids.h"

namespace andiron {

enum class JobPhase : std::uint8_t {
  kQueued,   // waits for a place, until start_by
  kUnacked,  // written to its child; waits for the acknowledgement, until ack_timeout
  kRunning,  // acknowledged; waits for the result, until run_for
  kEnding,   // told to end; waits for its answer, until cancel_grace
  kDoomed,   // its child is being stopped or is dead; waits for the death to be confirmed, under the slot's deadline
};

struct Job {
  JobNumber number{};
  std::uint32_t pool = 0;
  std::string id;
  std::string payload;  // kept until the child has acknowledged the job
  Duration run_for{};   // zero = unlimited
  Duration cancel_grace{};
  TimePoint start_deadline = kNever;
  int priority = 0;
  bool promised = false;  // it came with a reservation on a ready child: goes before all others

  JobPhase phase = JobPhase::kQueued;
  bool acked = false;
  bool cancel_asked = false;
  int hand_overs = 0;
  std::optional<Outcome> verdict;  // decided; reported when its child has answered or is confirmed dead
  ChildId child;                   // that has or had it; generation 0 = none yet
  TimePoint accepted_at{};
  TimePoint dispatched_at{};
  Deadlines::Handle deadline = 0;

  // Neighbours in the queue, while queued.
  Job* before = nullptr;
  Job* behind = nullptr;
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_JOB_H_
