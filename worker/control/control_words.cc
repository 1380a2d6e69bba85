#include "worker/control/control_words.h"

namespace andiron {

control::Outcome::Kind ToWire(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSucceeded:
      return control::Outcome::SUCCEEDED;
    case Outcome::kFailed:
      return control::Outcome::FAILED;
    case Outcome::kCancelled:
      return control::Outcome::CANCELLED;
    case Outcome::kTimedOut:
      return control::Outcome::TIMED_OUT;
    case Outcome::kQueueTimeout:
      return control::Outcome::QUEUE_TIMEOUT;
    case Outcome::kChildCrashed:
      return control::Outcome::CHILD_CRASHED;
    case Outcome::kOomKilled:
      return control::Outcome::OOM_KILLED;
    case Outcome::kKilledShutdown:
      return control::Outcome::KILLED_SHUTDOWN;
    case Outcome::kLostBeforeStart:
      return control::Outcome::LOST_BEFORE_START;
  }
  return control::Outcome::KIND_UNSPECIFIED;
}

control::Refused::Reason ToWire(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return control::Refused::QUEUE_FULL;
    case Refusal::kDraining:
      return control::Refused::DRAINING;
    case Refusal::kBreakerOpen:
      return control::Refused::BREAKER_OPEN;
    case Refusal::kUnknownPool:
      return control::Refused::UNKNOWN_POOL;
    case Refusal::kDuplicateId:
      return control::Refused::DUPLICATE_ID;
    case Refusal::kTooLarge:
      return control::Refused::TOO_LARGE;
    case Refusal::kInvalidId:
      return control::Refused::INVALID_ID;
  }
  return control::Refused::REASON_UNSPECIFIED;
}

std::optional<Outcome> FromWire(control::Outcome::Kind kind) {
  for (int i = 0; i < kOutcomeCount; ++i) {
    if (const auto outcome = static_cast<Outcome>(i); ToWire(outcome) == kind) return outcome;
  }
  return std::nullopt;
}

std::optional<Refusal> FromWire(control::Refused::Reason reason) {
  for (int i = 0; i < kRefusalCount; ++i) {
    if (const auto refusal = static_cast<Refusal>(i); ToWire(refusal) == reason) return refusal;
  }
  return std::nullopt;
}

}  // namespace andiron
