#include "tests/injection/calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <utility>

// Without sanitizers, as child_stub.cc: some of it runs between clone and exec.

namespace andiron::injection {
namespace {

constexpr int kNone = -1;

std::atomic<int> armed{kNone};
std::atomic<int> first_occurrence{0};
std::atomic<int> armed_error{0};
std::atomic<bool> armed_persists{false};
std::atomic<int> happened{0};
std::array<std::atomic<int>, kCalls> counts{};
std::atomic<bool> wall_clock_jumps{false};
std::atomic<int> wall_clock_read{0};
thread_local int exempt = 0;
std::function<void(int*)> at_failed_clone;

std::atomic<int> clones_into{0};
std::atomic<bool> next_dies_at_birth{false};
std::atomic<bool> next_halts_at_birth{false};
int (*after_the_halt)(void*) = nullptr;
std::function<void()> before_clone;

int DieAtBirth(void*) {
  kill(getpid(), SIGKILL);
  return 0;
}

int HaltAtBirth(void* argument) {
  kill(getpid(), SIGSTOP);
  return after_the_halt(argument);
}

// What the next process does first, instead of `function`.
int (*AtBirth(int (*function)(void*)))(void*) {
  if (before_clone) before_clone();
  if (next_dies_at_birth.exchange(false)) return DieAtBirth;
  if (!next_halts_at_birth.exchange(false)) return function;
  after_the_halt = function;
  return HaltAtBirth;
}

// As the kernel does it where pids.max forbids one more: the limit is looked at after the pidfd has been stored.
void LeaveStalePidfd(int* pidfd) {
  *pidfd = dup(STDERR_FILENO);
  close(*pidfd);
  if (at_failed_clone) at_failed_clone(pidfd);
}

void Prepare(int call, const Fault& fault) {
  armed = kNone;
  for (std::atomic<int>& count : counts) count = 0;
  happened = 0;
  first_occurrence = fault.occurrence;
  armed_error = fault.error;
  armed_persists = fault.persists;
  armed = call;
}

// 0 = it goes through.
int ErrorFor(Call call) {
  if (exempt > 0) return 0;
  const int number = ++counts[static_cast<std::size_t>(call)];
  const int wanted = first_occurrence;
  if (armed != static_cast<int>(call) || number < wanted || (number > wanted && !armed_persists)) return 0;
  ++happened;
  return armed_error;
}

// Sets errno; true = the caller returns -1.
bool Fails(Call call) {
  const int error = ErrorFor(call);
  if (error == 0) return false;
  errno = error;
  return true;
}

}  // namespace

const std::array<Site, kCalls>& Sites() {
  static const std::array<Site, kCalls> sites{{
      {Call::kClone, "clone", {EAGAIN, ENOMEM}},
      {Call::kCloneInto, "clone3", {ENOSYS, EPERM, EINVAL, EACCES, EBUSY}},
      {Call::kSocketpair, "socketpair", {EMFILE, ENFILE, ENOMEM}},
      {Call::kPipe2, "pipe2", {EMFILE, ENFILE, ENOMEM}},
      {Call::kFcntl, "fcntl", {EMFILE, EINVAL}},
      {Call::kOpen, "open", {EMFILE, ENFILE, ENOENT, EACCES, ENOMEM}},
      {Call::kMmap, "mmap", {ENOMEM}},
      {Call::kThread, "uv_thread_create_ex", {EAGAIN}},
      {Call::kPollInit, "uv_poll_init", {ENOSPC, ENOMEM}},
      {Call::kSignalInit, "uv_signal_init", {EMFILE}},
      {Call::kRecv, "recv", {EINTR, EAGAIN, ECONNRESET, ENOMEM}},
      {Call::kSend, "send", {EINTR, EAGAIN, ENOBUFS, EPIPE, ECONNRESET}},
      {Call::kRead, "read", {EINTR, EAGAIN, EIO, ENOMEM}},
      {Call::kWrite, "write", {EINTR, ENOSPC, EIO}},
      {Call::kPoll, "poll", {EINTR, ENOMEM, ETIMEDOUT}},
      {Call::kWaitid, "waitid", {EINTR, ECHILD}},
      {Call::kSetsid, "setsid", {EPERM}},
      {Call::kDup3, "dup3", {EBUSY, EMFILE}},
      {Call::kCloseRange, "close_range", {ENOSYS, EMFILE}},
      {Call::kPrctl, "prctl", {EINVAL, EPERM}},
      {Call::kExecve, "execve", {ENOMEM, EAGAIN, ETXTBSY, EIO, EMFILE}},
      {Call::kPidfdSignal, "pidfd_send_signal", {EPERM, EINVAL, ENOSYS}},
      {Call::kPidfdOpen, "pidfd_open", {EMFILE, ENOMEM}},
      {Call::kMkdir, "mkdir", {EACCES, EROFS, ENOSPC, ENOMEM, ENOENT}},
      {Call::kOpendir, "opendir", {EMFILE, ENOENT, ENOMEM}},
      {Call::kSocket, "socket", {EMFILE, ENFILE, ENOMEM}},
      {Call::kBind, "bind", {EACCES, EADDRINUSE, ENOSPC}},
      {Call::kListen, "listen", {EADDRINUSE}},
      {Call::kAccept4, "accept4", {EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR, EAGAIN, EPERM}},
      {Call::kGetsockopt, "getsockopt", {ENOBUFS}},
  }};
  return sites;
}

std::string Name(const Fault& fault) {
  return std::string(Sites().at(static_cast<std::size_t>(fault.call)).name) + ", " +
         (fault.persists ? "from number " : "number ") + std::to_string(fault.occurrence) + ": " +
         std::strerror(fault.error);
}

void Arm(const Fault& fault) { Prepare(static_cast<int>(fault.call), fault); }
void CountOnly() { Prepare(kNone, {}); }
void Disarm() { armed = kNone; }
int Count(Call call) { return counts.at(static_cast<std::size_t>(call)); }
int Happened() { return happened; }
int ClonesInto() { return clones_into; }

void AtFailedClone(std::function<void(int* pidfd)> then) { at_failed_clone = std::move(then); }

void BeforeClone(std::function<void()> then) { before_clone = std::move(then); }

void KillNextAtBirth() { next_dies_at_birth = true; }

void HaltNextAtBirth() { next_halts_at_birth = true; }

void JumpWallClock(bool on) { wall_clock_jumps = on; }

Exempt::Exempt() { ++exempt; }
Exempt::~Exempt() { --exempt; }

}  // namespace andiron::injection

using andiron::injection::at_failed_clone;
using andiron::injection::AtBirth;
using andiron::injection::Call;
using andiron::injection::clones_into;
using andiron::injection::ErrorFor;
using andiron::injection::Fails;
using andiron::injection::LeaveStalePidfd;
using andiron::injection::wall_clock_jumps;
using andiron::injection::wall_clock_read;

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {

int __real___clone(int (*function)(void*), void* stack, int flags, void* argument, int* pidfd, void* tls, pid_t* pid);
pid_t __real_AndironCloneIntoCgroup(int (*function)(void*), void* argument, std::byte* stack, std::size_t stack_bytes,
                                    int* pidfd, pid_t* pid, int directory);
int __real_socketpair(int domain, int type, int protocol, int* ends);
int __real_pipe2(int* ends, int flags);
int __real_fcntl(int descriptor, int command, long argument);
int __real_open(const char* path, int flags, mode_t mode);
void* __real_mmap(void* address, size_t bytes, int protection, int flags, int descriptor, off_t offset);
int __real_uv_thread_create_ex(uv_thread_t* thread, const uv_thread_options_t* options, uv_thread_cb entry, void* self);
int __real_uv_poll_init(uv_loop_t* loop, uv_poll_t* handle, int descriptor);
int __real_uv_signal_init(uv_loop_t* loop, uv_signal_t* handle);
ssize_t __real_recv(int descriptor, void* bytes, size_t count, int flags);
ssize_t __real_send(int descriptor, const void* bytes, size_t count, int flags);
ssize_t __real_read(int descriptor, void* bytes, size_t count);
ssize_t __real_write(int descriptor, const void* bytes, size_t count);
int __real_poll(pollfd* descriptors, nfds_t count, int timeout);
int __real_waitid(idtype_t type, id_t id, siginfo_t* status, int options);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
int __real_mkdir(const char* path, mode_t mode);
DIR* __real_opendir(const char* path);
int __real_socket(int domain, int type, int protocol);
int __real_bind(int descriptor, const sockaddr* address, socklen_t size);
int __real_listen(int descriptor, int backlog);
int __real_accept4(int descriptor, sockaddr* address, socklen_t* size, int flags);
int __real_getsockopt(int descriptor, int level, int name, void* value, socklen_t* size);

int __real_clock_gettime(clockid_t clock, timespec* time);

int __wrap_clock_gettime(clockid_t clock, timespec* time) {
  constexpr time_t kTenYears = 10L * 365 * 24 * 3600;
  const int result = __real_clock_gettime(clock, time);
  if (clock == CLOCK_REALTIME && wall_clock_jumps) {
    time->tv_sec += wall_clock_read++ % 2 == 0 ? kTenYears : -kTenYears;
  }
  return result;
}

int __wrap___clone(int (*function)(void*), void* stack, int flags, void* argument, int* pidfd, void* tls, pid_t* pid) {
  const int error = ErrorFor(Call::kClone);
  if (error == 0) return __real___clone(AtBirth(function), stack, flags, argument, pidfd, tls, pid);
  LeaveStalePidfd(pidfd);
  errno = error;
  return -1;
}

// One way to a process after the other: what forbids it says so at whichever is tried.
pid_t __wrap_AndironCloneIntoCgroup(int (*function)(void*), void* argument, std::byte* stack, std::size_t stack_bytes,
                                    int* pidfd, pid_t* pid, int directory) {
  if (const int refused = ErrorFor(Call::kCloneInto); refused != 0) {
    if (at_failed_clone) at_failed_clone(pidfd);
    errno = refused;
    return -1;
  }
  const int error = ErrorFor(Call::kClone);
  if (error == 0) {
    const pid_t made =
        __real_AndironCloneIntoCgroup(AtBirth(function), argument, stack, stack_bytes, pidfd, pid, directory);
    clones_into += made > 0 ? 1 : 0;
    return made;
  }
  LeaveStalePidfd(pidfd);
  errno = error;
  return -1;
}

int __wrap_socketpair(int domain, int type, int protocol, int* ends) {
  return Fails(Call::kSocketpair) ? -1 : __real_socketpair(domain, type, protocol, ends);
}

int __wrap_pipe2(int* ends, int flags) { return Fails(Call::kPipe2) ? -1 : __real_pipe2(ends, flags); }

int __wrap_fcntl(int descriptor, int command, ...) {
  va_list rest;
  va_start(rest, command);
  const long argument = command == F_GETFD || command == F_GETFL ? 0 : va_arg(rest, int);
  va_end(rest);
  return Fails(Call::kFcntl) ? -1 : __real_fcntl(descriptor, command, argument);
}

int __wrap_open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) == O_CREAT ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return Fails(Call::kOpen) ? -1 : __real_open(path, flags, mode);
}

void* __wrap_mmap(void* address, size_t bytes, int protection, int flags, int descriptor, off_t offset) {
  return Fails(Call::kMmap) ? MAP_FAILED : __real_mmap(address, bytes, protection, flags, descriptor, offset);
}

int __wrap_uv_thread_create_ex(uv_thread_t* thread, const uv_thread_options_t* options, uv_thread_cb entry,
                               void* self) {
  const int error = ErrorFor(Call::kThread);
  return error != 0 ? -error : __real_uv_thread_create_ex(thread, options, entry, self);
}

int __wrap_uv_poll_init(uv_loop_t* loop, uv_poll_t* handle, int descriptor) {
  const int error = ErrorFor(Call::kPollInit);
  return error != 0 ? -error : __real_uv_poll_init(loop, handle, descriptor);
}

int __wrap_uv_signal_init(uv_loop_t* loop, uv_signal_t* handle) {
  const int error = ErrorFor(Call::kSignalInit);
  return error != 0 ? -error : __real_uv_signal_init(loop, handle);
}

ssize_t __wrap_recv(int descriptor, void* bytes, size_t count, int flags) {
  return Fails(Call::kRecv) ? -1 : __real_recv(descriptor, bytes, count, flags);
}

ssize_t __wrap_send(int descriptor, const void* bytes, size_t count, int flags) {
  return Fails(Call::kSend) ? -1 : __real_send(descriptor, bytes, count, flags);
}

ssize_t __wrap_read(int descriptor, void* bytes, size_t count) {
  return Fails(Call::kRead) ? -1 : __real_read(descriptor, bytes, count);
}

ssize_t __wrap_write(int descriptor, const void* bytes, size_t count) {
  return Fails(Call::kWrite) ? -1 : __real_write(descriptor, bytes, count);
}

// ETIMEDOUT: the time is over at once, as where everything has stood still meanwhile.
int __wrap_poll(pollfd* descriptors, nfds_t count, int timeout) {
  if (!Fails(Call::kPoll)) return __real_poll(descriptors, count, timeout);
  return errno == ETIMEDOUT ? 0 : -1;
}

// "Somebody else has reaped it" is only ever said when that is so: here by us. Only a call that waits is interrupted.
int __wrap_waitid(idtype_t type, id_t id, siginfo_t* status, int options) {
  const int error = ErrorFor(Call::kWaitid);
  if (error == EINTR && (options & WNOHANG) != 0) return __real_waitid(type, id, status, options);
  if (error == ECHILD) {
    siginfo_t stolen{};
    if ((options & WEXITED) == 0 || __real_waitid(type, id, &stolen, WEXITED | (options & WNOHANG)) != 0 ||
        stolen.si_pid == 0) {
      return __real_waitid(type, id, status, options);
    }
  }
  if (error == 0) return __real_waitid(type, id, status, options);
  errno = error;
  return -1;
}

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  bool fails = false;
  if (number == SYS_setsid) fails = Fails(Call::kSetsid);
  if (number == SYS_dup3) fails = Fails(Call::kDup3);
  if (number == SYS_close_range) fails = Fails(Call::kCloseRange);
  if (number == SYS_prctl) fails = Fails(Call::kPrctl);
  if (number == SYS_execve) fails = Fails(Call::kExecve);
  if (number == SYS_pidfd_send_signal) fails = Fails(Call::kPidfdSignal);
  if (number == SYS_pidfd_open) fails = Fails(Call::kPidfdOpen);
  return fails ? -1 : __real_syscall(number, a, b, c, d, e, f);
}

int __wrap_mkdir(const char* path, mode_t mode) { return Fails(Call::kMkdir) ? -1 : __real_mkdir(path, mode); }

DIR* __wrap_opendir(const char* path) { return Fails(Call::kOpendir) ? nullptr : __real_opendir(path); }

int __wrap_socket(int domain, int type, int protocol) {
  return Fails(Call::kSocket) ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int descriptor, const sockaddr* address, socklen_t size) {
  return Fails(Call::kBind) ? -1 : __real_bind(descriptor, address, size);
}

int __wrap_listen(int descriptor, int backlog) {
  return Fails(Call::kListen) ? -1 : __real_listen(descriptor, backlog);
}

int __wrap_accept4(int descriptor, sockaddr* address, socklen_t* size, int flags) {
  return Fails(Call::kAccept4) ? -1 : __real_accept4(descriptor, address, size, flags);
}

int __wrap_getsockopt(int descriptor, int level, int name, void* value, socklen_t* size) {
  return Fails(Call::kGetsockopt) ? -1 : __real_getsockopt(descriptor, level, name, value, size);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
