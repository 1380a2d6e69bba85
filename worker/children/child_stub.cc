#include "worker/children/child_stub.h"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

// The whole file is compiled without sanitizers (see CMakeLists.txt): it runs on the stack of a stopped thread, in
// memory that isn't its own. syscall() is the only function of libc that is called.

namespace andiron {
namespace {

constexpr int kFailedExitCode = 127;
constexpr int kSignalMax = 64;
constexpr std::size_t kSignalSetBytes = 8;

// As the kernel has it, not libc: handler, flags, restorer, mask. All zero is SIG_DFL.
struct KernelSignalAction {
  unsigned long words[4] = {};
};

// Handlers would run in the parent's memory, and ignored signals stay ignored through exec.
void ResetSignals() {
  const KernelSignalAction standard;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    syscall(SYS_rt_sigaction, signal, &standard, nullptr, kSignalSetBytes);
  }
}

void Unblock() {
  const unsigned long none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSignalSetBytes);
}

void EnterCgroup(ChildStub& stub) {
  if (stub.cgroup_procs_fd < 0) return;
  if (syscall(SYS_write, stub.cgroup_procs_fd, "0", 1) < 0) stub.cgroup_error = errno;
}

bool PlaceDescriptors(const ChildStub& stub) {
  const int from[] = {stub.stdin_fd, stub.stdout_fd, stub.stderr_fd, stub.channel_fd};
  int count = 0;
  for (const int descriptor : from) {
    if (descriptor >= 0 && syscall(SYS_dup3, descriptor, count, 0) < 0) return false;
    if (descriptor >= 0) ++count;
  }
  // An old kernel doesn't know it: then the rest closes at exec, as all of ours and most of others' do.
  if (syscall(SYS_close_range, count, ~0U, 0) < 0 && errno != ENOSYS) return false;
  return true;
}

// Raw calls: those of libc change all threads of the process, which here are the parent's.
bool ChangeUser(const ChildStub& stub) {
  if (!stub.change_user) return true;
  return syscall(SYS_setgroups, stub.group_count, stub.groups) == 0 &&
         syscall(SYS_setresgid, stub.gid, stub.gid, stub.gid) == 0 &&
         syscall(SYS_setresuid, stub.uid, stub.uid, stub.uid) == 0;
}

// Runs all steps; returns the one that failed.
StubStep Prepare(ChildStub& stub) {
  ResetSignals();
  if (syscall(SYS_setsid) < 0) return StubStep::kSession;
  EnterCgroup(stub);
  if (!PlaceDescriptors(stub)) return StubStep::kDescriptors;
  if (!ChangeUser(stub)) return StubStep::kUser;
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return StubStep::kUser;
  if (stub.cwd != nullptr && syscall(SYS_chdir, stub.cwd) < 0) return StubStep::kChdir;
  // After the change of user, which clears it. The parent may have died before it was set.
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (syscall(SYS_getppid) != stub.parent) syscall(SYS_exit_group, kFailedExitCode);
  // Who set `cancelled` too late for us finds our pid, and our pidfd is valid then.
  if (stub.cancelled->load()) syscall(SYS_exit_group, kFailedExitCode);
  Unblock();
  syscall(SYS_execve, stub.program, stub.argv, stub.envp);
  return StubStep::kExec;
}

}  // namespace

int RunChildStub(void* argument) noexcept {
  ChildStub& stub = *static_cast<ChildStub*>(argument);
  stub.began = true;
  const StubStep failed = Prepare(stub);
  stub.error = errno;
  stub.failed = failed;
  return kFailedExitCode;
}

}  // namespace andiron
