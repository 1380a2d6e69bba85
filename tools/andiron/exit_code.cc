#include "tools/andiron/exit_code.h"

namespace andiron {

int ExitCodeFor(Outcome outcome, int signal) {
  switch (outcome) {
    case Outcome::kSucceeded:
      return kExitDone;
    case Outcome::kTimedOut:
    case Outcome::kQueueTimeout:
      return kExitTimedOut;
    case Outcome::kChildCrashed:
    case Outcome::kOomKilled:
      return signal > 0 ? kExitSignal + signal : kExitJobFailed;
    case Outcome::kFailed:
    case Outcome::kCancelled:
    case Outcome::kKilledShutdown:
    case Outcome::kLostBeforeStart:
      return kExitJobFailed;
  }
  return kExitInternal;
}

int ExitCodeFor(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
    case Refusal::kDraining:
    case Refusal::kBreakerOpen:
      return kExitRefused;
    case Refusal::kUnknownPool:
    case Refusal::kDuplicateId:
    case Refusal::kInvalidId:
      return kExitUsage;
    case Refusal::kTooLarge:
      return kExitInput;
  }
  return kExitInternal;
}

int ExitCodeFor(const absl::Status& status) {
  if (status.ok()) return kExitDone;
  if (absl::IsNotFound(status) || absl::IsUnavailable(status)) return kExitNoWorker;
  if (absl::IsAlreadyExists(status)) return kExitNoWorker;  // another one is there
  if (absl::IsPermissionDenied(status)) return kExitPermission;
  if (absl::IsDeadlineExceeded(status)) return kExitTimedOut;
  if (absl::IsResourceExhausted(status)) return kExitRefused;
  if (absl::IsInvalidArgument(status)) return kExitUsage;
  return kExitInternal;
}

}  // namespace andiron
