// What the command's exit codes mean; scripts rely on them.
#ifndef ANDIRON_TOOLS_ANDIRON_EXIT_CODE_H_
#define ANDIRON_TOOLS_ANDIRON_EXIT_CODE_H_

#include <absl/status/status.h>
#include <andiron/outcome.h>

namespace andiron {

inline constexpr int kExitDone = 0;         // done, or drained
inline constexpr int kExitUsage = 64;       // the command line makes no sense
inline constexpr int kExitInput = 65;       // bad job input
inline constexpr int kExitNoWorker = 69;    // no worker there
inline constexpr int kExitInternal = 70;    // our fault, or the system's
inline constexpr int kExitRefused = 75;     // refused for now: queue full, draining, breaker
inline constexpr int kExitPermission = 77;  // not yours
inline constexpr int kExitConfig = 78;      // configuration
inline constexpr int kExitTimedOut = 124;   // a job, or our own waiting, ran out of time
inline constexpr int kExitJobFailed = 125;  // a job failed
inline constexpr int kExitSignal = 128;     // + N: a signal ended the child, or us

// For one job's outcome. `signal` is the one that ended its child, 0 if none did.
int ExitCodeFor(Outcome outcome, int signal);

int ExitCodeFor(Refusal refusal);

// For a failure to talk to a worker (worker/control/control_client.h and worker_address.h say what statuses mean).
int ExitCodeFor(const absl::Status& status);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_EXIT_CODE_H_
