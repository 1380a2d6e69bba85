// What becomes of a job: the words that users, scripts and servers see.
//
// Each accepted job ends in exactly one Outcome. A job that was refused was never accepted and has none.
#ifndef ANDIRON_OUTCOME_H_
#define ANDIRON_OUTCOME_H_

#include <cstddef>
#include <string_view>

namespace andiron {

enum class Outcome {
  kSucceeded,        // the child returned a result
  kFailed,           // the child returned an error
  kCancelled,        // somebody asked for it, and it hadn't ended before
  kTimedOut,         // it ran longer than run_for
  kQueueTimeout,     // no child could take it within start_by
  kChildCrashed,     // its child died, or had to be killed, while the job ran
  kOomKilled,        // its child was killed because memory ran out
  kKilledShutdown,   // the worker stopped before the job had ended
  kLostBeforeStart,  // handed over twice, and neither child acknowledged it: it never ran
};
inline constexpr int kOutcomeCount = 9;

enum class Refusal {
  kQueueFull,
  kDraining,
  kBreakerOpen,  // the pool's children fail to start and none is ready
  kUnknownPool,
  kDuplicateId,  // a job of this id is queued or running
  kTooLarge,     // payload over max_payload
  kInvalidId,    // empty, over kJobIdBytesMax, or not UTF-8
};
inline constexpr int kRefusalCount = 7;

// Bytes of a job's id.
inline constexpr std::size_t kJobIdBytesMax = 256;

// How one initialize() of a child ended.
enum class InitializeEnd {
  kReady,
  kExited,
  kTimedOut,
  kSpawnFailed,
  kProtocolError,
  kCancelled,
};
inline constexpr int kInitializeEndCount = 6;

// The name in JSON and on the wire: SUCCEEDED, QUEUE_FULL, ready ...
std::string_view Name(Outcome outcome);
std::string_view Name(Refusal refusal);
std::string_view Name(InitializeEnd end);

}  // namespace andiron

#endif  // ANDIRON_OUTCOME_H_
