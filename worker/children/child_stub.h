// What runs in a new process between clone and exec.
//
// It shares its parent's memory (CLONE_VM), so it may make raw system calls and write to the ChildStub, and nothing
// else: no allocation, no lock, no libc function with state, no sanitizer. The parent's thread sleeps meanwhile.
#ifndef ANDIRON_WORKER_CHILDREN_CHILD_STUB_H_
#define ANDIRON_WORKER_CHILDREN_CHILD_STUB_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>

namespace andiron {

// The descriptor on which a child finds its channel.
inline constexpr int kChildChannelFd = 3;

// The lowest number of a descriptor that is handed to the stub: those below it are the child's own.
inline constexpr int kStubFdMin = 10;

enum class StubStep { kNone, kSession, kDescriptors, kUser, kChdir, kExec };

struct ChildStub {
  // Prepared by the parent; all of it stays valid until exec or exit.
  const char* program = nullptr;
  char* const* argv = nullptr;
  char* const* envp = nullptr;
  const char* cwd = nullptr;  // null = stay
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int channel_fd = -1;       // -1 = none
  int cgroup_procs_fd = -1;  // -1 = none
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;
  std::size_t group_count = 0;
  pid_t parent = 0;
  const std::atomic<bool>* cancelled = nullptr;

  // Written by the child.
  bool began = false;  // before anything else
  StubStep failed = StubStep::kNone;
  int error = 0;         // errno of the failed step
  int cgroup_error = 0;  // errno of entering the cgroup, which is no reason not to start
};

// For clone: `stub` is a ChildStub. Returns only after a failure, with the exit code.
int RunChildStub(void* stub) noexcept;

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHILD_STUB_H_
