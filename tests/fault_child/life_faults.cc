#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "tests/fault_child/faults.h"
#include "tests/fault_child/wire.h"

namespace andiron::fault {

// ---- with descendants ----

namespace {

// A fork of the child, which the kernel's lists tell from the child itself: tools/chaos looks for it.
pid_t ForkDescendant() {
  const pid_t pid = fork();
  if (pid == 0) prctl(PR_SET_NAME, "left-behind");
  return pid;
}

std::vector<char> Memory(int mebibytes) {
  std::vector<char> memory(static_cast<std::size_t>(mebibytes) << 20);
  if (!memory.empty()) std::memset(memory.data(), 1, memory.size());
  return memory;
}

// A process of its own session that nobody waits for. Returns its pid.
pid_t Escape(bool keep_channel, bool keep_output, int mebibytes = 0) {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  if (ForkDescendant() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    const pid_t self = getpid();
    if (write(ends[1], &self, sizeof self) < 0) _exit(1);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (!keep_channel) close(kChannel);
    if (!keep_output) {
      close(1);
      close(2);
    }
    const std::vector<char> memory = Memory(mebibytes);
    Hang();
  }
  pid_t pid = 0;
  if (read(ends[0], &pid, sizeof pid) != static_cast<ssize_t>(sizeof pid)) _exit(1);
  return pid;
}

void LeaveEscapee(bool keep_channel, bool keep_output, bool stay) {
  const pid_t pid = Escape(keep_channel, keep_output);
  Say(1, "escapee " + std::to_string(pid) + "\n");
  Put(Hello());
  if (stay) Serve();
  _exit(0);
}

}  // namespace

void Escapee(int) { LeaveEscapee(false, false, true); }
void HoldChannel(int) { LeaveEscapee(true, false, false); }
void HoldOutput(int) { LeaveEscapee(false, true, false); }

void StoppedEscapee(int) {
  const pid_t pid = Escape(false, false);
  kill(pid, SIGSTOP);
  Say(1, "escapee " + std::to_string(pid) + "\n");
  Good(0);
}

// At most `count` processes besides the child, each in a session of its own, deaf to SIGTERM, holding the output, and
// making more of its kind until the number is reached.
void ForkBomb(int count) {
  void* memory = mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) _exit(1);
  auto* left = new (memory) std::atomic<int>(count);
  if (ForkDescendant() != 0) return Good(0);
  close(kChannel);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  for (;;) {
    setsid();
    Say(1, "escapee " + std::to_string(getpid()) + "\n");
    do {
      if (left->fetch_sub(1) <= 1) Hang();
      poll(nullptr, 0, 1);
    } while (fork() != 0);
  }
}

void GroupMember(int) {
  const pid_t pid = ForkDescendant();
  if (pid == 0) Hang();
  Say(1, "member " + std::to_string(pid) + "\n");
  Put(Hello());
  _exit(0);
}

// It ends when it is asked to; a process of its group doesn't.
void StubbornMember(int) {
  signal(SIGTERM, SIG_IGN);
  const pid_t pid = fork();
  if (pid == 0) Hang();
  signal(SIGTERM, SIG_DFL);
  Say(1, "member " + std::to_string(pid) + "\n");
  Good(0);
}

// ---- output ----

void Flood(int) {
  Put(Hello());
  if (ForkDescendant() == 0) {
    const std::string lines(4096, 'x');
    for (;;) Say(1, lines + "\n");
  }
  Serve();
}

void FloodWithoutNewline(int) {
  Put(Hello());
  if (ForkDescendant() == 0) {
    const std::string bytes(4096, 'y');
    for (;;) Say(2, bytes);
  }
  Serve();
}

void PrintLine(int bytes) {
  Say(1, std::string(static_cast<std::size_t>(bytes), 'z') + "\nafter\n");
  Good(0);
}

// Its environment and descriptors, for a test to read in the log.
void Describe(int) {
  for (char** entry = environ; *entry != nullptr; ++entry) Say(1, "env " + std::string(*entry) + "\n");
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0) Say(1, "fd " + std::to_string(descriptor) + "\n");
  }
  char directory[4096];
  if (getcwd(directory, sizeof directory) != nullptr) Say(1, "cwd " + std::string(directory) + "\n");
  Say(1, "uid " + std::to_string(getuid()) + "\n");
  Say(1, "leader " + std::to_string(getsid(0) == getpid() && getpgid(0) == getpid() ? 1 : 0) + "\n");
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, nullptr, &blocked);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action{};
    if (sigismember(&blocked, number) == 1) Say(1, "blocked " + std::to_string(number) + "\n");
    if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
      Say(1, "ignored " + std::to_string(number) + "\n");
    }
  }
  Say(1, "described\n");
  Good(0);
}

// ---- jobs ----

void ResultThenDeath(int code) {
  Put(Hello());
  const std::uint64_t job = NextJob();
  Put(Ack(job) + Succeeded(job, "done"));
  _exit(code);
}

void LargeResultThenDeath(int bytes) {
  Put(Hello());
  const std::uint64_t job = NextJob();
  Put(Ack(job) + Succeeded(job, std::string(static_cast<std::size_t>(bytes), 'r')));
  _exit(0);
}

void AckOther(int) {
  Put(Hello());
  Put(Ack(NextJob() + 1000));
  Hang();
}

void ResultTwice(int) {
  Put(Hello());
  const std::uint64_t job = NextJob();
  Put(Ack(job) + Succeeded(job, "once") + Succeeded(job, "twice"));
  Serve();
}

void NoAck(int) {
  Put(Hello());
  NextJob();
  Hang();
}

void ResultUnacked(int) {
  Put(Hello());
  const std::uint64_t job = NextJob();
  Put(Succeeded(job, "done"));
  Serve();
}

void HangInJob(int) {
  Put(Hello());
  Put(Ack(NextJob()));
  Hang();
}

void SpinInJob(int) {
  Put(Hello());
  Put(Ack(NextJob()));
  for (;;) getppid();  // busy, but not in a way that a compiler may remove
}

void DieInJob(int number) {
  Put(Hello());
  Put(Ack(NextJob()));
  DieOf(number);
}

void UseMemory(int mebibytes) {
  Put(Hello());
  const std::vector<char> memory = Memory(mebibytes);
  Serve();
}

// In the third of a line of processes.
void DescendantUsesMemory(int mebibytes) {
  if (ForkDescendant() != 0) return Good(0);
  Say(1, "member " + std::to_string(getpid()) + "\n");
  if (fork() != 0) Hang();
  const std::vector<char> memory = Memory(mebibytes);
  Say(1, "holder " + std::to_string(getpid()) + "\n");
  Hang();
}

void EscapeeUsesMemory(int mebibytes) {
  Say(1, "escapee " + std::to_string(Escape(false, false, mebibytes)) + "\n");
  Good(0);
}

// Three processes, one memory.
void ShareMemory(int mebibytes) {
  const std::vector<char> memory = Memory(mebibytes);
  for (int i = 0; i < 2; ++i) {
    const pid_t pid = ForkDescendant();
    if (pid == 0) Hang();
    Say(1, "member " + std::to_string(pid) + "\n");
  }
  Good(0);
}

}  // namespace andiron::fault
