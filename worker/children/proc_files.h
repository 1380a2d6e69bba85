// What the kernel tells about processes in /proc. Only for diagnosis and for finding descendants: everything works
// without /proc, but says less. Each call reads one small file, with a bound.
#ifndef ANDIRON_WORKER_CHILDREN_PROC_FILES_H_
#define ANDIRON_WORKER_CHILDREN_PROC_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace andiron {

// The file's text, cut at `bytes_max`; "" = can't be read. `lacking`, where it is given, is set if that was for want of
// a descriptor or of memory: then it may be there, and another try may find it.
std::string ReadSmallFile(const std::string& path, std::size_t bytes_max = std::size_t{64} << 10,
                          bool* lacking = nullptr);

// The rest of the line that begins with `key`, without the blanks around it.
std::string LineAfter(std::string_view text, std::string_view key);

// The numbers of processes in a list of the kernel's, between blanks or lines.
std::vector<pid_t> PidsIn(const std::string& list);

// What a live process is doing, as far as the kernel tells.
struct ProcessLook {
  std::string state;       // "S (sleeping)"; "" = unknown
  std::string waiting_on;  // the kernel function in which it waits: "futex_wait_queue"; "" = it doesn't, or unknown
  std::int64_t memory_bytes = 0;  // resident now; 0 = unknown
  std::int64_t memory_peak = 0;   // the highest so far
};
ProcessLook LookAt(pid_t pid);

// Resident bytes of a process; 0 = unknown. Cheap.
std::int64_t ResidentBytes(pid_t pid);
// The same with what is shared divided among those who share it; 0 = unknown. Costs a walk through its pages.
std::int64_t ProportionalBytes(pid_t pid);

// The value of a variable in the environment that the process was started with; "" = none, or not readable. `lacking`
// as above.
std::string EnvironmentOf(pid_t pid, std::string_view name, bool& lacking);

// Processes that this process has adopted: orphaned descendants go to the first thread of a subreaper. (What it
// starts itself belongs to the thread that started it.) `lacking` as above.
std::vector<pid_t> AdoptedProcesses(bool& lacking);
// Whether there is such a list: /proc may be hidden, and a kernel may be built without it.
bool CanListAdopted();

// How often the kernel has killed a process of this machine because memory ran out; 0 = unknown.
std::int64_t MachineOomKills();

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_PROC_FILES_H_
