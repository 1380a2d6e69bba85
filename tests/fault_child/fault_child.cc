// fault-child FAULT [ARGUMENT]: a child that misbehaves in one chosen way. Without a fault to show ("good") it warms up
// at once and answers each job with its payload. Every fault ends with its worker: nothing here outlives a closed
// channel but what is meant to.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fault_child/wire.h"

namespace andiron::fault {
namespace {

[[noreturn]] void Hang() {
  for (;;) pause();
}

// Serves until the channel ends or a Stop comes.
void Serve() {
  for (;;) {
    const Message message = Get();
    if (message.type == Message::kEnd || message.type == Message::kStop) return;
    if (message.type == Message::kPing) Put(Pong(message.number));
    if (message.type == Message::kRun) Put(Ack(message.number) + Succeeded(message.number, message.payload));
  }
}

std::uint64_t NextJob() {
  for (;;) {
    const Message message = Get();
    if (message.type == Message::kRun) return message.number;
    if (message.type == Message::kEnd || message.type == Message::kStop) _exit(0);
    if (message.type == Message::kPing) Put(Pong(message.number));
  }
}

void Say(int descriptor, std::string_view text) {
  if (write(descriptor, text.data(), text.size()) < 0) _exit(1);
}

// ---- before or during the first message ----

void Good(int) {
  Put(Hello());
  Serve();
}

void NeverReady(int) { Hang(); }

void HalfFrame(int bytes) {
  Put(Hello().substr(0, static_cast<std::size_t>(bytes)));
  Hang();
}

void HalfFrameThenExit(int bytes) { Put(Hello().substr(0, static_cast<std::size_t>(bytes))); }

void Garbage(int) {
  Put("GET / HTTP/1.1\r\n\r\n");
  Hang();
}

void WrongVersion(int version) {
  Put(Hello(static_cast<std::uint64_t>(version)));
  Hang();
}

void OversizedHello(int bytes) {
  Put(Varint(static_cast<std::uint64_t>(bytes)) + "\x12");
  Hang();
}

void ZeroLength(int) {
  Put(std::string(1, '\0'));
  Hang();
}

void EndlessLength(int) {
  Put(std::string(11, '\xff'));
  Hang();
}

void AckFirst(int) {
  Put(Ack(1));
  Hang();
}

void Exit(int code) { _exit(code); }

void DieOf(int number) {
  signal(number, SIG_DFL);
  raise(number);
}

void ComplainAndExit(int code) {
  for (int line = 1; line <= 100; ++line) Say(2, "complaint " + std::to_string(line) + "\n");
  Say(2, "no model at /models/large");
  _exit(code);
}

void ProgressThenHello(int count) {
  for (int i = 0; i < count; ++i) Put(Progress(static_cast<std::uint64_t>(i)));
  Good(0);
}

// ---- after it ----

void HelloThenExit(int code) {
  Put(Hello());
  _exit(code);
}

void HelloTwice(int) {
  Put(Hello() + Hello());
  Hang();
}

void HalfFrameLater(int) {
  Put(Hello() + Ack(1).substr(0, 2));
  Hang();
}

void UnaskedPong(int) {
  Put(Hello() + Pong(99));
  Hang();
}

void IgnoreTerm(int) {
  signal(SIGTERM, SIG_IGN);
  Put(Hello());
  for (;;) {
    Serve();
    Hang();
  }
}

void StopSelf(int) {
  Put(Hello());
  raise(SIGSTOP);
  Serve();
}

void CloseChannel(int) {
  Put(Hello());
  close(kChannel);
  Hang();
}

void CloseChannelUnread(int) {
  Put(Hello());
  // Until something has come that is then left unread: the worker's side sees a reset.
  char byte = 0;
  recv(kChannel, &byte, 1, MSG_PEEK);
  close(kChannel);
  Hang();
}

void ShutReading(int) {
  Put(Hello());
  shutdown(kChannel, SHUT_RD);
  Hang();
}

void NeverRead(int) {
  Put(Hello());
  Hang();
}

// ---- with descendants ----

// A process of its own session that nobody waits for. Returns its pid.
pid_t Escape(bool keep_channel, bool keep_output) {
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  if (fork() == 0) {
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

void Escapee(int) { LeaveEscapee(false, false, true); }
void HoldChannel(int) { LeaveEscapee(true, false, false); }
void HoldOutput(int) { LeaveEscapee(false, true, false); }

void GroupMember(int) {
  const pid_t pid = fork();
  if (pid == 0) Hang();
  Say(1, "member " + std::to_string(pid) + "\n");
  Put(Hello());
  _exit(0);
}

// ---- output ----

void Flood(int) {
  Put(Hello());
  if (fork() == 0) {
    const std::string lines(4096, 'x');
    for (;;) Say(1, lines + "\n");
  }
  Serve();
}

void FloodWithoutNewline(int) {
  Put(Hello());
  if (fork() == 0) {
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

void HangInJob(int) {
  Put(Hello());
  Put(Ack(NextJob()));
  Hang();
}

void SpinInJob(int) {
  Put(Hello());
  Put(Ack(NextJob()));
  for (volatile unsigned turns = 0;; ++turns) {
  }
}

void DieInJob(int number) {
  Put(Hello());
  Put(Ack(NextJob()));
  DieOf(number);
}

void UseMemory(int mebibytes) {
  Put(Hello());
  std::vector<char> memory(static_cast<std::size_t>(mebibytes) << 20);
  std::memset(memory.data(), 1, memory.size());
  Serve();
}

struct Fault {
  std::string_view name;
  void (*show)(int argument);
  int argument;  // if none is given
};

constexpr Fault kFaults[] = {
    {"good", Good, 0},
    {"never-ready", NeverReady, 0},
    {"half-frame", HalfFrame, 3},
    {"half-frame-then-exit", HalfFrameThenExit, 3},
    {"garbage", Garbage, 0},
    {"wrong-version", WrongVersion, 7},
    {"oversized-hello", OversizedHello, 70000},
    {"zero-length", ZeroLength, 0},
    {"endless-length", EndlessLength, 0},
    {"ack-first", AckFirst, 0},
    {"exit", Exit, 0},
    {"die-of", DieOf, SIGSEGV},
    {"complain-and-exit", ComplainAndExit, 3},
    {"progress-then-hello", ProgressThenHello, 3},
    {"hello-then-exit", HelloThenExit, 0},
    {"hello-twice", HelloTwice, 0},
    {"half-frame-later", HalfFrameLater, 0},
    {"unasked-pong", UnaskedPong, 0},
    {"ignore-term", IgnoreTerm, 0},
    {"stop-self", StopSelf, 0},
    {"close-channel", CloseChannel, 0},
    {"close-channel-unread", CloseChannelUnread, 0},
    {"shut-reading", ShutReading, 0},
    {"never-read", NeverRead, 0},
    {"escapee", Escapee, 0},
    {"hold-channel", HoldChannel, 0},
    {"hold-output", HoldOutput, 0},
    {"group-member", GroupMember, 0},
    {"flood", Flood, 0},
    {"flood-without-newline", FloodWithoutNewline, 0},
    {"print-line", PrintLine, 100},
    {"describe", Describe, 0},
    {"result-then-death", ResultThenDeath, 3},
    {"large-result-then-death", LargeResultThenDeath, 1 << 20},
    {"ack-other", AckOther, 0},
    {"result-twice", ResultTwice, 0},
    {"no-ack", NoAck, 0},
    {"hang-in-job", HangInJob, 0},
    {"spin-in-job", SpinInJob, 0},
    {"die-in-job", DieInJob, SIGSEGV},
    {"use-memory", UseMemory, 64},
};

int Main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "good";
  for (const Fault& fault : kFaults) {
    if (fault.name != wanted) continue;
    fault.show(argc > 2 ? std::atoi(argv[2]) : fault.argument);
    return 0;
  }
  std::fprintf(stderr, "usage: fault-child FAULT [NUMBER], a child of andiron; faults:");
  for (const Fault& fault : kFaults) std::fprintf(stderr, " %s", std::string(fault.name).c_str());
  std::fprintf(stderr, "\n");
  return 64;
}

}  // namespace
}  // namespace andiron::fault

int main(int argc, char** argv) { return andiron::fault::Main(argc, argv); }
