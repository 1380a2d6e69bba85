// One place for a child, and what is known about the child in it.
#ifndef ANDIRON_JOBS_SLOT_H_
#define ANDIRON_JOBS_SLOT_H_

#include <andiron/time.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "jobs/action.h"
#include "jobs/deadlines.h"
#include "jobs/job.h"

namespace andiron {

// The list that a slot stands in: what Reconcile() could do with it without a search.
enum class SlotList : std::uint8_t {
  kNone,
  kStartable,   // vacant, no back-off
  kBackingOff,  // vacant, its back-off runs
  kIdle,        // ready, no job, may take one; the newest first
  kPartlyBusy,  // busy with places left
};
inline constexpr int kSlotListCount = 5;

struct Slot {
  static constexpr std::uint32_t kNobody = UINT32_MAX;

  // ---- of the slot ----
  std::uint32_t index = 0;
  std::uint32_t generation = 1;  // of the child that is or will be in it
  SlotState state = SlotState::kVacant;
  TimePoint since{};  // in this state
  int failures = 0;   // children in a row that failed early: length of the back-off
  Deadlines::Handle deadline = 0;
  SlotList list = SlotList::kNone;
  std::uint32_t before = kNobody;  // neighbours in its list
  std::uint32_t behind = kNobody;
  int places = 0;                // counted in the pool's free places
  bool counted_old = false;      // counted among the idle children past max_child_age
  bool counted_serving = false;  // counted among the busy children that take another job, now or later
  bool withheld = false;         // its child can't be killed and the quarantine is full

  // ---- of the child; reset when it is vacant ----
  std::int32_t pid = 0;
  bool exited = false;
  bool closed = false;
  bool kill_sent = false;
  bool condemned = false;  // its kill was decided (the dead need no signal): what it says counts no more
  bool close_sent = false;
  bool hello = false;     // its first message has come; ready once the batch has shown no exit behind it
  bool ready = false;     // initialize() ended with ready
  bool reported = false;  // its death has been reported
  bool retiring = false;  // takes no more jobs
  bool too_old = false;   // past max_child_age
  bool halted = false;    // the kernel says stopped
  bool half_frame = false;
  bool blocked = false;  // it doesn't read
  bool pinged = false;   // a ping is out
  Intent intent = Intent::kNone;
  SlotState phase = SlotState::kVacant;  // where its end began; kVacant = it hasn't
  std::string what;                      // the text of its failure
  int code = 0;
  int signal = 0;
  bool out_of_memory = false;
  TimePoint drain_until = kNever;  // exited: its channel is read until then
  Duration cancel_grace{};         // what the job had for which it is ended, kJobCancelled
  int jobs_begun = 0;
  int jobs_done = 0;
  TimePoint started_at{};
  std::vector<Job*> jobs;
  std::vector<WaiterNumber> stop_waiters;

  // ---- what it waits for; the slot's deadline is the earliest ----
  TimePoint state_until = kNever;   // back-off, init_timeout, stop_grace, kill_grace, drain_until
  TimePoint stall_until = kNever;   // init_stall_timeout
  TimePoint ping_until = kNever;    // next ping, or its answer
  TimePoint halt_until = kNever;    // halted for ping_timeout
  TimePoint frame_until = kNever;   // frame_timeout
  TimePoint write_until = kNever;   // write_timeout
  TimePoint age_until = kNever;     // max_child_age
  TimePoint unused_until = kNever;  // idle_timeout

  // How far its child has come: two waits of different stages are different, also where they end at the same time.
  struct Stage {
    std::uint32_t generation = 0;
    SlotState state = SlotState::kVacant;
    bool exited = false;
    bool close_sent = false;
    bool operator==(const Stage&) const = default;
  };
  Stage stage() const { return {generation, state, exited, close_sent}; }

  // Its child is history: ready for the next generation.
  void Reset() {
    pid = 0;
    exited = closed = kill_sent = condemned = close_sent = hello = ready = reported = false;
    retiring = too_old = halted = half_frame = blocked = pinged = false;
    intent = Intent::kNone;
    phase = SlotState::kVacant;
    what.clear();
    code = signal = 0;
    out_of_memory = false;
    jobs_begun = jobs_done = 0;
    jobs.clear();
    stop_waiters.clear();
    drain_until = kNever;
    cancel_grace = Duration{};
    state_until = stall_until = ping_until = halt_until = kNever;
    frame_until = write_until = age_until = unused_until = kNever;
    ++generation;
  }

  TimePoint Earliest() const {
    return std::min(
        {state_until, stall_until, ping_until, halt_until, frame_until, write_until, age_until, unused_until});
  }

  bool CanTakeJobs() const {
    return (state == SlotState::kIdle || state == SlotState::kBusy) && !exited && !closed && !retiring && !halted;
  }
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_SLOT_H_
