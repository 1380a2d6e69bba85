// A fake child process and what the driver has read from it and not yet told the core.
//
// Plain state; World moves it. What the child says goes through one line of pending facts, in the order in which the
// driver would read it, so the promises of jobs/fact.h hold by construction: Spawned first, frames in the order of
// writing, ChildExited behind them (but for what lies beyond the cap of one turn), exactly one ChannelClosed.
#ifndef ANDIRON_TESTS_SIM_FAKE_CHILD_H_
#define ANDIRON_TESTS_SIM_FAKE_CHILD_H_

#include <cstdint>

#include "jobs/ids.h"
#include "tests/sim/plan.h"

namespace andiron::sim {

inline constexpr std::uint32_t kNobody = UINT32_MAX;

// The facts that a stream can hold, without their text.
enum class Said : std::uint8_t {
  kSpawned,
  kSpawnFailed,
  kProgressed,
  kReady,
  kMisbehaved,
  kAcked,
  kReturned,  // detail: JobReturned::End
  kPonged,
  kHalted,   // detail: 1 = halted
  kHalf,     // detail: 1 = half
  kBlocked,  // detail: 1 = blocked
  kExited,   // detail: HowItEnds
  kClosed,
  // From those who give jobs and orders.
  kSubmitted,
  kCancelled,
  kAsked,
  kReleased,
  kAwaited,
  kDrain,
  kResume,
  kStop,
  kStopNow,
  kStopChild,  // detail: 1 = force
};

enum class HowItEnds : std::uint8_t { kClean, kError, kSegfault, kKilled, kOutOfMemory, kStatusLost, kTerminated };

struct Pending {
  Nanos at = 0;  // readable since
  std::uint64_t number = 0;
  std::uint32_t next = kNobody;
  Said said = Said::kSpawned;
  std::uint8_t detail = 0;
};

// One line of pending facts: a child's, or that of those who give the jobs.
struct Stream {
  std::uint32_t first = kNobody;
  std::uint32_t last = kNobody;
  bool listed = false;  // in World's list of streams that hold something
};

struct FakeChild {
  ChildId id;
  std::int32_t pid = 0;
  Stream stream;

  // ---- the process ----
  bool alive = false;         // spawned and not exited
  bool over = false;          // its exit is in the stream, or it never was
  bool channel_open = false;  // somebody can still write into it
  bool closed_said = false;
  bool frozen = false;
  bool deaf = false;
  bool mid_frame = false;  // it has written half a frame and hangs there
  bool hello_sent = false;
  bool kill_came = false;
  bool stop_came = false;
  bool close_came = false;

  // ---- drawn at its start ----
  bool ignores_stop = false;
  bool slow_stop = false;
  bool ignores_cancel = false;
  bool unkillable = false;
  bool slow_kill = false;
  bool grandchild = false;
  bool no_pong = false;

  // ---- as the core has been told: for the table of fault x state ----
  bool ready_told = false;
  bool exit_told = false;
  bool close_told = false;
  bool abandoned = false;
  int jobs = 0;
};

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_FAKE_CHILD_H_
