// What one seed draws before its schedule begins: the pools, the load, and which faults exist how often.
//
// Swarm: each kind of fault is absent from half of all plans, so that rare interplays aren't drowned by the
// frequent ones. Waits are drawn around the latency of the fake children: some race with it, most are
// comfortable, some are practically endless.
#ifndef ANDIRON_TESTS_SIM_PLAN_H_
#define ANDIRON_TESTS_SIM_PLAN_H_

#include <andiron/settings.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace andiron::sim {

using Nanos = std::int64_t;

// What can go wrong or be asked for. The first group is decided when a child starts or while it lives, the
// second for each job of a child, the third belongs to the loop and to those who give the jobs.
enum class Fault : std::uint8_t {
  kSpawnError,        // in bursts
  kSpawnSlow,         // the helper thread is stuck for longer than it should
  kNeverReady,        // hangs before its first message
  kSlowReady,         // around init_timeout
  kEdgeReady,         // exactly at init_timeout, or one nanosecond beside it
  kProgressStall,     // reports progress, then nothing
  kGarbage,           // a frame that the protocol forbids, at any time
  kExitBeforeHello,   //
  kExitWithHello,     // both become visible at once
  kDoubleHello,       //
  kCrash,             // exits by itself at any time
  kOutOfMemory,       //
  kStatusLost,        // somebody else reaped it
  kCloseButLive,      // closes its channel and goes on
  kGrandchild,        // somebody it started holds the channel open
  kDeaf,              // doesn't read
  kHalfFrame,         // half a frame, then nothing
  kHalted,            // SIGSTOP
  kNoPong,            //
  kIgnoreCancel,      //
  kIgnoreStop,        //
  kSlowStop,          // around stop_grace
  kUnkillable,        // exits long after SIGKILL, or not while faults last
  kSlowKill,          // around kill_grace
  kFloodAtExit,       // more in the channel at its exit than one turn reads
  kSplitDeath,        // a long time between the end of its channel and its exit
  kExitUnacked,       // dies when it gets a job
  kNoAck,             // takes the job, says nothing
  kLateAck,           // around ack_timeout
  kResultUnacked,     // a result without an acknowledgement
  kExitAcked,         // dies while it runs the job
  kHang,              // runs for ever
  kEdgeResult,        // the result comes exactly at run_for
  kResultThenExit,    //
  kDoubleResult,      //
  kOtherJob,          // acknowledges or returns a job of somebody else, an old one, or none at all
  kFailedResult,      //
  kUnaskedCancelled,  // says "cancelled" though nobody asked
  kLateFacts,         // facts about generations that are gone
  kStall,             // our own loop sleeps
  kBurst,             // many jobs at once
  kUnknownPool,       //
  kTooLarge,          //
  kDuplicateId,       //
  kCancel,            // at every point of a job's life
  kCancelTwice,       //
  kCancelUnknown,     //
  kReservation,       //
  kReservationKept,   // asked for, never used
  kWaiter,            //
  kChildStop,         //
  kDrain,             //
  kResume,            //
  kStop,              //
  kStopNow,           //
};
inline constexpr std::size_t kFaultCount = 55;

std::string_view Name(Fault fault);

struct Plan {
  std::vector<PoolSettings> pools;
  Duration drain_timeout{};
  std::uint64_t jitter_seed = 0;
  std::array<std::uint32_t, kFaultCount> odds{};  // of 65536; 0 = this plan doesn't have it
  int jobs = 0;
  int slots = 0;           // of all pools
  Nanos start = 0;         // what the clock shows at the beginning
  Nanos latency = 0;       // a typical answer of a healthy child
  Nanos work = 0;          // a typical job
  Nanos arrival = 0;       // a typical time between two jobs
  int turns_max = 0;       // the safety phase ends here at the latest
  bool heals_all = false;  // in the liveness phase hung children recover; else the core has to end them
};

Plan DrawPlan(std::uint64_t seed);

// A time within which a healthy worker settles after the faults have stopped, whatever state they left.
Nanos SettleBound(const Plan& plan);

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_PLAN_H_
