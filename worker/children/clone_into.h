// A process that shares our memory until its exec, in a cgroup from its first moment on.
//
// It could also enter by itself, by writing to cgroup.procs, and does so where this call is refused. But there the
// kernel waits for all cores (an RCU grace period) with the lock of all cgroups in its hand, and who removes a
// directory or kills a cgroup meanwhile, on the loop's thread for one, waits too. Measured on Linux 6.18, two cores,
// one start every 20 ms: 19.3 ms for the write, 0.2 ms for this whole call.
#ifndef ANDIRON_WORKER_CHILDREN_CLONE_INTO_H_
#define ANDIRON_WORKER_CHILDREN_CLONE_INTO_H_

#include <sys/types.h>

#include <cstddef>

// clone3() with CLONE_VM, CLONE_VFORK, CLONE_PIDFD, CLONE_CHILD_SETTID and CLONE_INTO_CGROUP: runs `function` on
// `stack` (aligned to 16 bytes at both ends) and returns when it has executed a program or ended. `directory`: the
// cgroup's, open. First the pidfd is stored, then the pid, and only then does the process take a step or a signal.
//
// -1 with errno: ENOSYS from an old kernel, an unknown architecture or a container's filter, which may also say EPERM;
// EAGAIN and ENOMEM where there is no room for a process; else what forbids it to be in that cgroup.
//
// C linkage, so that tests can put themselves in its place.
extern "C" pid_t AndironCloneIntoCgroup(int (*function)(void*), void* argument, std::byte* stack,
                                        std::size_t stack_bytes, int* pidfd, pid_t* pid, int directory);

#endif  // ANDIRON_WORKER_CHILDREN_CLONE_INTO_H_
