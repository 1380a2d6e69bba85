// How much memory a child and its descendants hold, where the kernel doesn't limit it.
//
// A look reads some files of /proc for each process and a list of children for each of its threads (about 10 us each);
// where processes share memory, the kernel walks through all their pages (about 30 ms for a GiB). It happens on the
// loop, so a dear look says for how long to look no more.
#ifndef ANDIRON_WORKER_CHILDREN_MEMORY_LOOK_H_
#define ANDIRON_WORKER_CHILDREN_MEMORY_LOOK_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace andiron {

// Processes, and how many threads have been looked at to find them.
struct Family {
  std::vector<pid_t> members;
  std::size_t threads = 0;
};

// Bounds both. Those nearest to the roots come first.
inline constexpr std::size_t kFamilyMax = 2048;

// The roots with their descendants, from parent to child. A process that has lost its parent is found by its new one:
// a subreaper, or process 1. Only the roots if the kernel has no lists of children.
Family FamilyOf(std::vector<pid_t> roots, std::size_t most = kFamilyMax);

struct MemoryLook {
  std::int64_t bytes = 0;
  bool over = false;    // the limit
  bool shared = false;  // within it, but only since what they share is counted once
  int rest = 0;         // rounds for which not to look again: 50 at most
};
MemoryLook LookAtMemory(const Family& family, std::int64_t limit);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_MEMORY_LOOK_H_
