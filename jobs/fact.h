// Facts: what happened. The shell posts them, the core records them, in order, one batch per loop turn.
//
// A fact is a plain value in the past tense. Nothing in it asks for anything to be done: what follows
// from a fact is decided in one place (Core::Step). Facts about a child carry its full ChildId; a fact
// about a generation that is no longer the slot's is stale, dropped and counted.
//
// What the driver promises about the facts of one child (the fake child of the simulator promises the same):
//   - after StartChild, either one SpawnFailed and nothing else, or one Spawned, then any number of
//     other facts, exactly one ChannelClosed and exactly one ChildExited, and nothing after both;
//   - ChildExited and ChannelClosed come in either order;
//   - everything that the child had written before it exited is read before ChildExited is posted,
//     up to a cap per turn: what lies beyond the cap comes after it and before ChannelClosed.
#ifndef ANDIRON_JOBS_FACT_H_
#define ANDIRON_JOBS_FACT_H_

#include <andiron/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "jobs/ids.h"

namespace andiron {

// ---- time ----

// The clock, read when the turn began to handle its facts. New deadlines are counted from here; only
// Step's `as_of`, which is earlier, expires old ones. First in each batch.
struct TimeRead {
  TimePoint now;
  // The clock when the actions of the last step had been carried out. Whoever is to answer one of them has its time
  // from here: it heard nothing before, however long the loop stood still between its decision and its deed.
  TimePoint performed{};
};

// ---- from job sources ----

// Answered by Accepted or Refused in the same step.
struct JobSubmitted {
  JobNumber job;
  std::string pool;
  std::string id;
  std::string payload;
  std::optional<Duration> start_by;  // none = the pool's
  std::optional<Duration> run_for;   // none = the pool's; zero = unlimited
  int priority = 0;                  // higher first
  // The place promised to this job by ReservationAnswered; 0 = none. An unknown or expired one counts as none.
  ReservationNumber reservation{};
};

// Harmless for a job that has ended or never was.
struct JobCancelled {
  JobNumber job;
  std::optional<Duration> grace{};  // to end in when told; none = the pool's cancel_grace
};

// Asks for a place for one job to come: on a ready child, or in the queue, if such a job would surely start within the
// pool's start_by. Answered by ReservationAnswered in the same step.
struct ReservationAsked {
  ReservationNumber reservation;
  std::string pool;
};

struct ReservationReleased {
  ReservationNumber reservation;
};

// Somebody waits until a child of the pool is ready. Answered by WaiterAnswered: at once if one is, else
// by the end of the start that all such waiters share, or when `patience` has passed.
struct ReadyAwaited {
  WaiterNumber waiter;
  std::string pool;
  Duration patience;
};

// ---- from the operator ----

struct DrainRequested {};
struct ResumeRequested {};

// Drain, then stop every child; `now`: kill them instead. A second one is harmless; `now` after a graceful one
// escalates.
struct StopRequested {
  bool now = false;
};

// Stop one child. Answered by StopAnswered when its process has ended (or is quarantined); at once if it isn't there.
struct ChildStopRequested {
  WaiterNumber waiter;
  ChildId child;
  bool force = false;  // kill; escalates a graceful stop
};

// ---- about a child ----

struct Spawned {
  ChildId child;
  std::int32_t pid = 0;
};

// There is no process: counts as exit and close.
struct SpawnFailed {
  ChildId child;
  std::string what;  // "chdir /srv: No such file or directory"
};

// It reported progress while it warms up.
struct ChildProgressed {
  ChildId child;
};

// Its first good message.
struct ChildReady {
  ChildId child;
};

// It sent something that the protocol forbids, or closed half of it.
struct ChildMisbehaved {
  ChildId child;
  std::string what;  // "frame of 70000 bytes, Hello may have 4096"
};

struct JobAcked {
  ChildId child;
  JobNumber job;
};

struct JobReturned {
  enum class End { kSucceeded, kFailed, kCancelled };
  ChildId child;
  JobNumber job;
  End end = End::kSucceeded;
  std::string result;  // the output, or the error's text
};

struct ChildPonged {
  ChildId child;
};

// The kernel says that it is stopped (SIGSTOP, a debugger), or goes on again.
struct ChildHalted {
  ChildId child;
  bool halted = false;
};

// A frame from it has begun to arrive and isn't whole yet; or has become whole. (Both, in that order, where another
// has begun behind it.)
struct FrameHalfRead {
  ChildId child;
  bool half = false;
};

// It doesn't read: bytes for it wait on our side; or it has read them all. (Both where it has read some, and the rest
// waits anew.)
struct WriteBlocked {
  ChildId child;
  bool blocked = false;
};

struct ChildExited {
  ChildId child;
  int code = 0;    // exit code, if signal is 0
  int signal = 0;  // the signal that ended it; -1 = the status was lost (somebody else reaped it)
  bool out_of_memory = false;
};

struct ChannelClosed {
  ChildId child;
};

using Fact = std::variant<TimeRead, JobSubmitted, JobCancelled, ReservationAsked, ReservationReleased, ReadyAwaited,
                          DrainRequested, ResumeRequested, StopRequested, ChildStopRequested, Spawned, SpawnFailed,
                          ChildProgressed, ChildReady, ChildMisbehaved, JobAcked, JobReturned, ChildPonged, ChildHalted,
                          FrameHalfRead, WriteBlocked, ChildExited, ChannelClosed>;

}  // namespace andiron

#endif  // ANDIRON_JOBS_FACT_H_
