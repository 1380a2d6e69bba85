// Signals to children, only ever through the pidfd of one that hasn't been reaped.
#ifndef ANDIRON_WORKER_CHILDREN_SIGNALS_H_
#define ANDIRON_WORKER_CHILDREN_SIGNALS_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "worker/base/unique_fd.h"

namespace andiron {

// "TERM", "SIGTERM" or "15"; 0 = no such signal.
int SignalNumber(std::string_view name);

// "SIGSEGV"; "signal 70" for one without a name.
std::string SignalName(int number);

// A pidfd for a process that is known to be still the one meant: a child that only the caller reaps.
UniqueFd OpenPidfd(pid_t pid);

// False if the process has been reaped, or may not be signalled.
bool SignalProcess(int pidfd, int number);

// To all of the group that `leader` leads. Every child leads its own, and its number can't be given to others before
// the leader has been reaped: so this must come before that. False where there is nobody.
bool SignalGroup(int pidfd, pid_t leader, int number);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_SIGNALS_H_
