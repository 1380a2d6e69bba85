// System calls that fail when a test wants it: at the k-th time, once or from then on, with an errno of its choice.
//
// The linker does it (--wrap, see CMakeLists.txt): in this test program alone, the product's calls of these functions
// arrive at wrappers that count them and, if armed, fail. What isn't armed goes through. Calls of libraries (libuv's
// own read, for example) are not touched: libuv fails as it would, by uv_poll_init's error. Any thread counts, those
// that say Exempt don't. Left out: openat of a cgroup's door (a test removes the cgroup instead), uv_async_init, the
// keeper's fork, and what commands read and write themselves.
#ifndef ANDIRON_TESTS_INJECTION_CALLS_H_
#define ANDIRON_TESTS_INJECTION_CALLS_H_

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace andiron::injection {

enum class Call {
  kClone,      // of either way to a process
  kCloneInto,  // of the first: refused, there is another
  kSocketpair,
  kPipe2,
  kFcntl,
  kOpen,
  kMmap,
  kThread,    // uv_thread_create_ex
  kPollInit,  // uv_poll_init: registration with epoll
  kSignalInit,
  kRecv,
  kSend,
  kRead,
  kWrite,
  kPoll,
  kWaitid,
  // Those that the product makes by number; the first five between clone and exec.
  kSetsid,
  kDup3,
  kCloseRange,
  kPrctl,
  kExecve,
  kPidfdSignal,
  kPidfdOpen,
  // Those for a cgroup.
  kMkdir,
  kOpendir,
  // The control server's.
  kSocket,
  kBind,
  kListen,
  kAccept4,
  kGetsockopt,
};
inline constexpr int kCalls = 30;

// A call and what the kernel may say to it.
struct Site {
  Call call;
  std::string_view name;
  std::vector<int> errors;
};
// By Call.
const std::array<Site, kCalls>& Sites();

struct Fault {
  Call call{};
  int occurrence = 1;     // the first that fails, from 1
  int error = 0;          // errno
  bool persists = false;  // all that follow fail, too
};
std::string Name(const Fault& fault);

// Counts from zero again; from now on this fault happens.
void Arm(const Fault& fault);
// Counts from zero again, and nothing fails.
void CountOnly();
// Nothing fails any more; the counts stay.
void Disarm();

int Count(Call call);
// How often the armed fault has happened.
int Happened();
// How many processes the kernel has made in their cgroup since the program began.
int ClonesInto();

// A clone() that fails may have stored a pidfd before: of a process that never came to be, its number free again. The
// wrapper does the same; `then` happens in between. On the thread that calls. Empty = nothing.
void AtFailedClone(std::function<void(int* pidfd)> then);

// Happens on the thread that is about to make a process, just before. Empty = nothing.
void BeforeClone(std::function<void()> then);

// The next process is killed, or stopped by SIGSTOP, before it takes a step.
void KillNextAtBirth();
void HaltNextAtBirth();

// From now on each reading of the wall clock is ten years off, to this side and to that by turns; or no longer.
void JumpWallClock(bool on);

// This thread's calls neither count nor fail, while there is one.
class Exempt {
 public:
  Exempt();
  ~Exempt();
  Exempt(const Exempt&) = delete;
  Exempt& operator=(const Exempt&) = delete;
};

}  // namespace andiron::injection

#endif  // ANDIRON_TESTS_INJECTION_CALLS_H_
