#include "worker/children/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "worker/children/cgroup.h"
#include "worker/children/child_stub.h"
#include "worker/children/clone_into.h"
#include "worker/children/oom_score.h"
#include "worker/children/reaping.h"
#include "worker/children/signals.h"

// clone() by the name that sanitizers don't intercept: ThreadSanitizer's takes what shares our memory for a fork, and
// from then on believes this thread to be that fork's.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);

namespace andiron {
namespace {

// How long a process that nobody wants may take to die.
constexpr int kUnwantedWaitMs = 500;

std::vector<char*> Pointers(const std::vector<std::string>& strings, const std::vector<std::string>& more = {}) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + more.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  for (const std::string& text : more) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// The same descriptor above those that the child will use itself, so that placing one never overwrites another.
bool Raise(UniqueFd& descriptor) {
  if (descriptor.get() >= kStubFdMin) return true;
  descriptor = UniqueFd(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kStubFdMin));
  return static_cast<bool>(descriptor);
}

// Only our end doesn't block: the child's is a plain pipe for its printf.
bool MakePipe(UniqueFd& ours, UniqueFd& theirs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  ours = UniqueFd(ends[0]);
  theirs = UniqueFd(ends[1]);
  return fcntl(ours.get(), F_SETFL, O_NONBLOCK) == 0 && Raise(theirs);
}

bool MakeChannel(UniqueFd& ours, UniqueFd& theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  ours = UniqueFd(ends[0]);
  theirs = UniqueFd(ends[1]);
  return fcntl(ours.get(), F_SETFL, O_NONBLOCK) == 0 && Raise(theirs);
}

// Of a process that has ended, or is about to.
void Reap(int pidfd) {
  siginfo_t status{};
  while (waitid(P_PIDFD, static_cast<id_t>(pidfd), &status, WEXITED) != 0 && errno == EINTR) {
  }
}

}  // namespace

// What the stub points into, and the child's ends, which close when the launch is over.
struct Launch::Surroundings {
  ChildStub stub;
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::vector<gid_t> groups;
  UniqueFd null_fd;
  UniqueFd stdout_fd;
  UniqueFd stderr_fd;
  UniqueFd channel_fd;
  UniqueFd cgroup;
  UniqueFd cgroup_procs;
};

Launch::Launch(Kind kind, ChildId child, const LaunchSpec& spec, std::string cgroup, std::int64_t memory_limit)
    : kind_(kind), child_(child), spec_(spec), cgroup_(std::move(cgroup)), memory_limit_(memory_limit) {}

Launch::~Launch() {
  const UniqueFd pidfd = TakePidfd();
  if (pid() == 0 || !pidfd) return;
  // Nobody has come for the process: it goes with the launch.
  SignalProcess(pidfd.get(), SIGKILL);
  ReapWithin(pidfd.get(), kUnwantedWaitMs);
}

bool Launch::Cancel() {
  // The kernel stores the process's pid before its first step, and the process looks at the flag before its exec:
  // whichever comes second sees the other. Until then the pidfd may be the number of a process that never came to be,
  // and somebody else's descriptor by now.
  cancelled_.store(true);
  const pid_t found = pid();
  const int pidfd = pidfd_.load();
  return found != 0 && pid() == found && SignalProcess(pidfd, SIGKILL);
}

void Launch::Run(std::span<std::byte> stack) {
  Surroundings surroundings;
  if (!cancelled() && Prepare(surroundings) && !cancelled()) Clone(surroundings, stack);
  if (pid() == 0 && failure_.empty()) failure_ = "cancelled";
}

bool Launch::Prepare(Surroundings& surroundings) {
  ChildStub& stub = surroundings.stub;
  int error = ENOENT;
  if (spec_.command.empty()) return Fail("exec: no command", 0);
  surroundings.program = FindProgram(spec_.command.front(), spec_.search_path, error);
  if (surroundings.program.empty()) {
    return Fail("exec " + spec_.command.front() + " (looked up in " + spec_.search_path + ")", error);
  }
  if (!OpenDescriptors(surroundings) || !FindUser(surroundings)) return false;
  MakeCgroup(surroundings);

  surroundings.argv = Pointers(spec_.command);
  surroundings.envp = Pointers(spec_.environment, variables_);
  stub.program = surroundings.program.c_str();
  stub.argv = surroundings.argv.data();
  stub.envp = surroundings.envp.data();
  stub.cwd = spec_.cwd.empty() ? nullptr : spec_.cwd.c_str();
  stub.parent = getpid();
  stub.cancelled = &cancelled_;
  return true;
}

bool Launch::OpenDescriptors(Surroundings& surroundings) {
  ChildStub& stub = surroundings.stub;
  surroundings.null_fd = UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!surroundings.null_fd || !Raise(surroundings.null_fd)) return Fail("open /dev/null", errno);
  stub.stdin_fd = stub.stdout_fd = stub.stderr_fd = surroundings.null_fd.get();
  if (kind_ == Kind::kStopCommand) return true;

  if (!MakePipe(stdout_, surroundings.stdout_fd) || !MakePipe(stderr_, surroundings.stderr_fd)) {
    return Fail("pipe", errno);
  }
  if (!MakeChannel(channel_, surroundings.channel_fd)) return Fail("socketpair", errno);
  stub.stdout_fd = surroundings.stdout_fd.get();
  stub.stderr_fd = surroundings.stderr_fd.get();
  stub.channel_fd = surroundings.channel_fd.get();
  return true;
}

bool Launch::FindUser(Surroundings& surroundings) {
  if (spec_.user.empty()) return true;
  char buffer[16384];
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(spec_.user.c_str(), &entry, buffer, sizeof buffer, &found);
  if (found == nullptr) return Fail("user " + spec_.user + (error == 0 ? ": no such user" : ""), error);

  int count = 64;
  surroundings.groups.resize(static_cast<std::size_t>(count));
  if (getgrouplist(spec_.user.c_str(), entry.pw_gid, surroundings.groups.data(), &count) < 0) {
    surroundings.groups.resize(static_cast<std::size_t>(count));
    if (getgrouplist(spec_.user.c_str(), entry.pw_gid, surroundings.groups.data(), &count) < 0) {
      return Fail("groups of user " + spec_.user, errno);
    }
  }
  ChildStub& stub = surroundings.stub;
  stub.change_user = true;
  stub.uid = entry.pw_uid;
  stub.gid = entry.pw_gid;
  stub.groups = surroundings.groups.data();
  stub.group_count = static_cast<std::size_t>(count);
  return true;
}

void Launch::MakeCgroup(Surroundings& surroundings) {
  if (cgroup_.empty()) return;
  surroundings.cgroup = MakeChildCgroup(cgroup_);
  if (!surroundings.cgroup) return NoteCgroupFailure(errno);
  if (memory_limit_ > 0) limit_failure_ = LimitMemory(cgroup_, memory_limit_);
}

// The process enters it by itself, then, before its exec.
void Launch::OpenCgroupDoor(Surroundings& surroundings) {
  surroundings.cgroup_procs = UniqueFd(openat(surroundings.cgroup.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  if (surroundings.cgroup_procs && Raise(surroundings.cgroup_procs)) {
    surroundings.stub.cgroup_procs_fd = surroundings.cgroup_procs.get();
  } else {
    NoteCgroupFailure(errno);
  }
}

void Launch::NoteCgroupFailure(int error) {
  if (cgroup_failure_.empty()) cgroup_failure_ = cgroup_ + ": " + std::generic_category().message(error);
}

// Whether the process was killed before its first step, which nobody had asked for; it is reaped then. Linux since 6.14
// does that to all that are made in a cgroup by a process whose own cgroup has once been killed (cgroup.kill): it
// compares the one's count of kills with the other's.
bool Launch::DiedAtBirth(const Surroundings& surroundings) {
  if (surroundings.stub.began || cancelled()) return false;
  pid_.store(0);
  stillborn_ = TakePidfd();
  Reap(stillborn_.get());
  return true;
}

// Returns when the process has executed its program or ended. Until then its pidfd and its pid are there for Cancel():
// it may be stopped (SIGSTOP) before it could say a word of itself. -1 = none, with errno.
pid_t Launch::MakeProcess(Surroundings& surroundings, std::span<std::byte> stack) {
  static_assert(sizeof(pidfd_) == sizeof(int) && sizeof(pid_) == sizeof(pid_t));
  static_assert(std::atomic<int>::is_always_lock_free);
  static_assert(std::atomic<pid_t>::is_always_lock_free);
  int* const pidfd = reinterpret_cast<int*>(&pidfd_);
  pid_t* const pid_place = reinterpret_cast<pid_t*>(&pid_);
  if (surroundings.cgroup) {
    const pid_t pid = AndironCloneIntoCgroup(RunChildStub, &surroundings.stub, stack.data(), stack.size(), pidfd,
                                             pid_place, surroundings.cgroup.get());
    // Where there is no room for a process, there is none on the other way either.
    if (pid < 0 ? errno == EAGAIN || errno == ENOMEM : !DiedAtBirth(surroundings)) return pid;
    OpenCgroupDoor(surroundings);
  }
  constexpr int kFlags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CHILD_SETTID | SIGCHLD;
  return __clone(RunChildStub, stack.data() + stack.size(), kFlags, &surroundings.stub, pidfd, nullptr, pid_place);
}

void Launch::Clone(Surroundings& surroundings, std::span<std::byte> stack) {
  const pid_t pid = MakeProcess(surroundings, stack);
  if (pid < 0) {
    Fail("clone", errno);
    // A limit on processes (pids.max) is looked at after the pidfd has been stored: its number is free again.
    pidfd_.store(-1);
    return;
  }
  if (surroundings.stub.cgroup_error != 0) NoteCgroupFailure(surroundings.stub.cgroup_error);
  if (surroundings.stub.failed == StubStep::kNone) {
    pid_.store(pid);  // an emulated kernel may not have
    // Not before its exec: whoever shares the memory of a worker that is closed to its own user (PR_SET_DUMPABLE) is
    // so, too.
    if (spec_.oom_score) SetOomScore(pid, *spec_.oom_score);
    return;
  }
  Reap(pidfd_.load());
  pid_.store(0);
  Explain(surroundings);
}

void Launch::Explain(const Surroundings& surroundings) {
  const ChildStub& stub = surroundings.stub;
  switch (stub.failed) {
    case StubStep::kNone:
      break;
    case StubStep::kSession:
      Fail("setsid", stub.error);
      break;
    case StubStep::kDescriptors:
      Fail("place descriptors", stub.error);
      break;
    case StubStep::kUser:
      Fail(spec_.user.empty() ? "no_new_privs" : "become user " + spec_.user, stub.error);
      break;
    case StubStep::kChdir:
      Fail("chdir " + spec_.cwd, stub.error);
      break;
    case StubStep::kExec: {
      // The file may be there and its interpreter not: the same errno, and hard to guess.
      const bool there = stub.error == ENOENT && surroundings.program.front() == '/' &&
                         access(surroundings.program.c_str(), F_OK) == 0;
      Fail("exec " + surroundings.program, stub.error);
      if (there) failure_ += " (the file is there: its interpreter, in the first line, isn't)";
      break;
    }
  }
}

bool Launch::Fail(const std::string& what, int error) {
  failure_ = error == 0 ? what : what + ": " + std::generic_category().message(error);
  return false;
}

}  // namespace andiron
