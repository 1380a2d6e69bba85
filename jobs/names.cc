#include <andiron/outcome.h>

#include <string_view>

#include "jobs/action.h"
#include "jobs/status.h"

namespace andiron {

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSucceeded:
      return "SUCCEEDED";
    case Outcome::kFailed:
      return "FAILED";
    case Outcome::kCancelled:
      return "CANCELLED";
    case Outcome::kTimedOut:
      return "TIMED_OUT";
    case Outcome::kQueueTimeout:
      return "QUEUE_TIMEOUT";
    case Outcome::kChildCrashed:
      return "CHILD_CRASHED";
    case Outcome::kOomKilled:
      return "OOM_KILLED";
    case Outcome::kKilledShutdown:
      return "KILLED_SHUTDOWN";
    case Outcome::kLostBeforeStart:
      return "LOST_BEFORE_START";
  }
  return "?";
}

std::string_view Name(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return "QUEUE_FULL";
    case Refusal::kDraining:
      return "DRAINING";
    case Refusal::kBreakerOpen:
      return "BREAKER_OPEN";
    case Refusal::kUnknownPool:
      return "UNKNOWN_POOL";
    case Refusal::kDuplicateId:
      return "DUPLICATE_ID";
    case Refusal::kTooLarge:
      return "TOO_LARGE";
    case Refusal::kInvalidId:
      return "INVALID_ID";
  }
  return "?";
}

std::string_view Name(InitializeEnd end) {
  switch (end) {
    case InitializeEnd::kReady:
      return "ready";
    case InitializeEnd::kExited:
      return "exited";
    case InitializeEnd::kTimedOut:
      return "timed_out";
    case InitializeEnd::kSpawnFailed:
      return "spawn_failed";
    case InitializeEnd::kProtocolError:
      return "protocol_error";
    case InitializeEnd::kCancelled:
      return "cancelled";
  }
  return "?";
}

std::string_view Name(SlotState state) {
  switch (state) {
    case SlotState::kVacant:
      return "vacant";
    case SlotState::kStarting:
      return "starting";
    case SlotState::kIdle:
      return "idle";
    case SlotState::kBusy:
      return "busy";
    case SlotState::kStopping:
      return "stopping";
    case SlotState::kDying:
      return "dying";
  }
  return "?";
}

std::string_view Name(Intent intent) {
  switch (intent) {
    case Intent::kNone:
      return "none";
    case Intent::kInitTimeout:
      return "init_timeout";
    case Intent::kInitStalled:
      return "init_stalled";
    case Intent::kProtocol:
      return "protocol";
    case Intent::kChannelLost:
      return "channel_lost";
    case Intent::kAckTimeout:
      return "ack_timeout";
    case Intent::kRunTimeout:
      return "run_timeout";
    case Intent::kJobCancelled:
      return "job_cancelled";
    case Intent::kPingTimeout:
      return "ping_timeout";
    case Intent::kHalted:
      return "halted";
    case Intent::kFrameTimeout:
      return "frame_timeout";
    case Intent::kWriteTimeout:
      return "write_timeout";
    case Intent::kRetired:
      return "retired";
    case Intent::kStopRequested:
      return "stop_requested";
    case Intent::kDrainTimeout:
      return "drain_timeout";
    case Intent::kWorkerStopping:
      return "worker_stopping";
  }
  return "?";
}

std::string_view Name(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return "closed";
    case BreakerState::kOpen:
      return "open";
    case BreakerState::kProbing:
      return "probing";
  }
  return "?";
}

std::string_view Name(WorkerState state) {
  switch (state) {
    case WorkerState::kRunning:
      return "running";
    case WorkerState::kDraining:
      return "draining";
    case WorkerState::kDrained:
      return "drained";
    case WorkerState::kStopping:
      return "stopping";
    case WorkerState::kStopped:
      return "stopped";
  }
  return "?";
}

}  // namespace andiron
