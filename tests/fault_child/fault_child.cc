// fault-child FAULT [ARGUMENT]: a child that misbehaves in one chosen way. Without a fault to show ("good") it warms up
// at once and answers each job with its payload. Every fault ends with its worker: nothing here outlives a closed
// channel but what is meant to.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/fault_child/faults.h"

namespace andiron::fault {
namespace {

struct Fault {
  std::string_view name;
  void (*show)(int argument);
  int argument;  // if none is given
};

constexpr Fault kFaults[] = {
    {"good", Good, 0},
    {"never-ready", NeverReady, 0},
    {"deaf-start", DeafStart, 0},
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
    {"endless-progress", EndlessProgress, 0},
    {"close-channel-first", CloseChannelFirst, 0},
    {"hello-then-exit", HelloThenExit, 0},
    {"hello-twice", HelloTwice, 0},
    {"progress-after", ProgressAfterHello, 0},
    {"half-frame-later", HalfFrameLater, 0},
    {"unasked-pong", UnaskedPong, 0},
    {"ignore-term", IgnoreTerm, 0},
    {"stop-self", StopSelf, 0},
    {"close-channel", CloseChannel, 0},
    {"close-channel-unread", CloseChannelUnread, 0},
    {"shut-reading", ShutReading, 0},
    {"never-read", NeverRead, 0},
    {"no-pong", NoPong, 0},
    {"escapee", Escapee, 0},
    {"hold-channel", HoldChannel, 0},
    {"hold-output", HoldOutput, 0},
    {"stopped-escapee", StoppedEscapee, 0},
    {"fork-bomb", ForkBomb, 16},
    {"group-member", GroupMember, 0},
    {"stubborn-member", StubbornMember, 0},
    {"flood", Flood, 0},
    {"flood-without-newline", FloodWithoutNewline, 0},
    {"print-line", PrintLine, 100},
    {"describe", Describe, 0},
    {"result-then-death", ResultThenDeath, 3},
    {"large-result-then-death", LargeResultThenDeath, 1 << 20},
    {"ack-other", AckOther, 0},
    {"result-twice", ResultTwice, 0},
    {"no-ack", NoAck, 0},
    {"result-unacked", ResultUnacked, 0},
    {"hang-in-job", HangInJob, 0},
    {"spin-in-job", SpinInJob, 0},
    {"die-in-job", DieInJob, SIGSEGV},
    {"use-memory", UseMemory, 64},
    {"descendant-uses-memory", DescendantUsesMemory, 64},
    {"escapee-uses-memory", EscapeeUsesMemory, 64},
    {"share-memory", ShareMemory, 24},
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
