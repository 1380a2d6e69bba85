// What Core::Status() tells: counted from the state at the moment of asking, never kept beside it.
#ifndef ANDIRON_JOBS_STATUS_H_
#define ANDIRON_JOBS_STATUS_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "jobs/action.h"
#include "jobs/ids.h"

namespace andiron {

enum class WorkerState { kRunning, kDraining, kDrained, kStopping, kStopped };
std::string_view Name(WorkerState state);

struct ChildStatus {
  ChildId child;
  std::int32_t pid = 0;  // 0 = not spawned yet
  SlotState state = SlotState::kVacant;
  TimePoint since{};  // it has been in this state
  std::string job;    // the id of its (first) job; "" = none
  int jobs = 0;       // jobs it has now
};

struct PoolStatus {
  std::string name;
  int warm = 0;
  int max_children = 0;
  std::array<int, kSlotStateCount> slots{};  // by SlotState; sums to max_children
  int quarantined = 0;
  int withheld = 0;  // dying slots that wait because the quarantine is full
  int queued = 0;
  int running = 0;
  int reserved = 0;
  int capacity = 0;
  BreakerState breaker = BreakerState::kClosed;
  std::int64_t spawned = 0;
  std::int64_t exited = 0;
  std::int64_t stale_facts = 0;  // late facts that were dropped
  std::int64_t contained = 0;    // impossible states that were reset; 0 in a healthy worker
  std::array<std::int64_t, kInitializeEndCount> initialize{};
  std::int64_t accepted = 0;
  std::int64_t refused = 0;
  std::array<std::int64_t, kOutcomeCount> outcomes{};
  std::vector<ChildStatus> children;  // every slot that isn't vacant, and the quarantined
};

struct CoreStatus {
  WorkerState state = WorkerState::kRunning;
  std::vector<PoolStatus> pools;
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_STATUS_H_
