// What the kernel says about processes and descriptors, for the checks at the end of a test.
#ifndef ANDIRON_TESTS_SUPPORT_PROCESS_TABLE_H_
#define ANDIRON_TESTS_SUPPORT_PROCESS_TABLE_H_

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace andiron {

// Live processes whose ANDIRON_CHILD begins with `prefix` ("" = any): children and their descendants, escaped ones too.
// Other workers run on this machine: name the test's pool after something that is its own.
std::vector<pid_t> ProcessesMarked(std::string_view prefix);

// Children of this process that have ended and weren't reaped.
std::vector<pid_t> Zombies();

// Children of this process, dead or alive, whichever thread started them.
std::vector<pid_t> ChildProcesses();

bool ProcessExists(pid_t pid);
// The letter in /proc/PID/stat: 'S', 'T', 'Z'; '?' = there is none.
char ProcessState(pid_t pid);
bool IgnoresSignal(pid_t pid, int number);

// Descriptors that this process has open.
int OpenDescriptors();

}  // namespace andiron

#endif  // ANDIRON_TESTS_SUPPORT_PROCESS_TABLE_H_
