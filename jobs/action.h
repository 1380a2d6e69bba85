// Actions: what the shell must do next, in list order, without deciding anything.
//
// An action may fail in the world. Then a fact says so (SpawnFailed, ChannelClosed); the action itself
// has no result. Every action about a child names a generation that has not been given up.
#ifndef ANDIRON_JOBS_ACTION_H_
#define ANDIRON_JOBS_ACTION_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jobs/ids.h"

namespace andiron {

enum class SlotState { kVacant, kStarting, kIdle, kBusy, kStopping, kDying };
inline constexpr int kSlotStateCount = 6;

// Why we ended a child. Recorded before the first signal; it alone decides whether an exit was expected.
enum class Intent {
  kNone,            // we didn't: it ended by itself
  kInitTimeout,     // no first message within init_timeout
  kInitStalled,     // no progress for init_stall_timeout
  kProtocol,        // it broke the protocol
  kChannelLost,     // it closed its channel and lives
  kAckTimeout,      // it didn't acknowledge a job
  kRunTimeout,      // a job ran out of time and didn't end when told
  kJobCancelled,    // a cancelled job didn't end
  kPingTimeout,     // idle and silent
  kHalted,          // busy and stopped by a signal
  kFrameTimeout,    // half a frame, then nothing
  kWriteTimeout,    // it doesn't read
  kRetired,         // enough jobs, old enough, or no longer needed
  kStopRequested,   // somebody asked for this child to stop
  kDrainTimeout,    // the drain's time was over
  kWorkerStopping,  // the worker ends
};
inline constexpr int kIntentCount = 16;

enum class BreakerState { kClosed, kOpen, kProbing };

std::string_view Name(SlotState state);
std::string_view Name(Intent intent);
std::string_view Name(BreakerState state);

// ---- to children ----

struct StartChild {
  ChildId child;
};

// Write a Run frame. The views end with the next step: copy what must live longer.
struct SendJob {
  ChildId child;
  JobNumber job;
  std::string_view id;
  std::string_view payload;
  Duration run_for;  // zero = unlimited
};

struct SendCancel {
  ChildId child;
  JobNumber job;
};

struct SendPing {
  ChildId child;
};

// The polite rung: the pool's stop command or signal, then SIGCONT, to the child's group.
struct AskToStop {
  ChildId child;
  Intent intent;
};

// SIGKILL to all that the child is and started. At most once for each child.
struct KillChild {
  ChildId child;
  Intent intent;
};

// Close our end (or stop waiting for theirs): a ChannelClosed follows.
struct CloseChannel {
  ChildId child;
};

// It didn't die of SIGKILL in time. Keep watching its pidfd: its ChildExited is still wanted. Whatever hangs with it,
// such as the helper that starts it, is to be replaced: the pool goes on.
struct AbandonChild {
  ChildId child;
  bool withheld = false;  // the quarantine is full, so its slot waits with it. Told again when it has found room
};

// Its process has ended (or could not be started): the summary for logs and the autopsy. Before the
// outcomes of its jobs, which refer to it.
struct ReportDeath {
  ChildId child;
  std::int32_t pid = 0;
  SlotState phase = SlotState::kStarting;  // the state in which its end began
  Intent intent = Intent::kNone;
  bool expected = false;  // planned (retired, stopped, exit after a Stop): information, not a warning
  bool quarantined = false;
  int code = 0;
  int signal = 0;
  bool out_of_memory = false;
  int jobs_done = 0;
  Duration age{};
  Duration cancel_grace{};  // kJobCancelled: what its job had to end in
  std::string what;         // SpawnFailed's or ChildMisbehaved's text, else ""
};

// ---- to job sources ----

struct Accepted {
  JobNumber job;
};

struct Refused {
  JobNumber job;
  Refusal reason;
  Duration retry_after;  // zero = don't
};

// The child has acknowledged it: its code runs.
struct ReportStarted {
  JobNumber job;
  ChildId child;
};

struct ReportOutcome {
  JobNumber job;
  Outcome outcome;
  std::string result;          // the output (SUCCEEDED) or the child's error text (FAILED); else ""
  ChildId child;               // the last that had it; generation 0 = none
  Intent intent;               // why its child was ended, where that decided the outcome
  Duration queued{};           // from acceptance to the hand-over (or to the end, if there was none)
  Duration ran{};              // from the hand-over to the end
  bool begun = false;          // that child had acknowledged it
  bool still_running = false;  // its child could not be killed
};

struct ReservationAnswered {
  ReservationNumber reservation;
  bool granted = false;
  Refusal reason = Refusal::kQueueFull;  // if not granted
  Duration retry_after{};
};

struct WaiterAnswered {
  WaiterNumber waiter;
  InitializeEnd end;  // kReady: a child is ready now. kTimedOut also when the waiter's patience ended
};

struct StopAnswered {
  WaiterNumber waiter;
  bool found = false;        // there was such a child
  bool quarantined = false;  // it could not be killed
};

// Told when any of it has changed.
struct CapacityChanged {
  std::uint32_t pool;
  int capacity;  // places that a job could take at once: free on ready children, less reserved, less queued; >= 0
  int ready;     // children that could take a job, promised or not
  int busy;      // children that run jobs
  bool failing;  // the breaker isn't closed: children fail to start

  bool operator==(const CapacityChanged&) const = default;
};

struct BreakerChanged {
  std::uint32_t pool;
  BreakerState state;
};

// The drain has come to its end: no job is left. (Once for each DrainRequested.)
struct Drained {};

// Stopped, every child gone or quarantined: nothing more will follow.
struct WorkerStopped {};

using Action = std::variant<StartChild, SendJob, SendCancel, SendPing, AskToStop, KillChild, CloseChannel, AbandonChild,
                            ReportDeath, Accepted, Refused, ReportStarted, ReportOutcome, ReservationAnswered,
                            WaiterAnswered, StopAnswered, CapacityChanged, BreakerChanged, Drained, WorkerStopped>;
using ActionList = std::vector<Action>;

}  // namespace andiron

#endif  // ANDIRON_JOBS_ACTION_H_
