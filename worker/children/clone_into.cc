#include "worker/children/clone_into.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>

// Compiled without sanitizers, as child_stub.cc is: the process runs in memory that isn't its own.

namespace {

// clone3 returns twice, the second time on the other stack, where nothing can be returned to: so no function of C can
// make the call. libc has one, but keeps it for itself.
#if defined(__x86_64__)
long Clone3(const clone_args& arguments, int (*function)(void*), void* argument) {
  long result = SYS_clone3;
  asm volatile(
      "syscall\n\t"
      "testq %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      // The new process: it has a stack with nothing on it, and all other registers.
      "xorl %%ebp, %%ebp\n\t"
      "movq %%rdx, %%rdi\n\t"
      "callq *%%rbx\n\t"
      "movl %%eax, %%edi\n\t"
      "movl %[exit], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(&arguments), "S"(sizeof arguments), "b"(function), "d"(argument), [exit] "i"(SYS_exit)
      : "rcx", "r11", "memory", "cc");
  return result;
}
#else
long Clone3(const clone_args&, int (*)(void*), void*) { return -ENOSYS; }
#endif

}  // namespace

pid_t AndironCloneIntoCgroup(int (*function)(void*), void* argument, std::byte* stack, std::size_t stack_bytes,
                             int* pidfd, pid_t* pid, int directory) {
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_INTO_CGROUP;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(pidfd);
  arguments.child_tid = reinterpret_cast<std::uintptr_t>(pid);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<std::uintptr_t>(stack);
  arguments.stack_size = stack_bytes;
  arguments.cgroup = static_cast<std::uint64_t>(directory);
  const long result = Clone3(arguments, function, argument);
  if (result >= 0) return static_cast<pid_t>(result);
  errno = static_cast<int>(-result);
  return -1;
}
