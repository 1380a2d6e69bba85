// Each switch of fault-child does the act that its name says: tried on the bare program, without a worker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/child/child_under_test.h"
#include "tests/support/loop.h"
#include "tests/support/process_table.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kTrapped = 128;  // and the signal: how ChildUnderTest tells a death by it

// What /proc/PID/status says behind "Name:".
std::string StatusOf(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return "";
}

bool Holds(pid_t pid, int mebibytes) { return std::atoi(StatusOf(pid, "VmRSS").c_str()) >= mebibytes * 1024; }

// It has done what it does and waits for a signal or for its channel.
void ExpectAsleep(ChildUnderTest& child) {
  EXPECT_TRUE(WaitUntil([&] {
    return StatusOf(child.pid(), "Name") == "fault-child" && StatusOf(child.pid(), "State").starts_with("S");
  }));
}

void ExpectError(ChildUnderTest& child, std::string_view text) {
  EXPECT_THAT(child.Expect<ProtocolError>().what, HasSubstr(std::string(text)));
}

// One job with its answers: acknowledged, and a result.
void ExpectService(ChildUnderTest& child) {
  child.Send(RunFrame(7, "work"));
  EXPECT_EQ(child.Expect<AckMessage>().job, 7U);
  const auto result = child.Expect<ResultMessage>();
  EXPECT_EQ(result.job, 7U);
  EXPECT_EQ(result.text, "work");
}

// "word 4711" on its stdout. A process that the child has left is this test's to end.
class Left {
 public:
  Left(ChildUnderTest& child, const std::string& word) {
    const std::string line = child.StdoutLine();
    EXPECT_THAT(line, StartsWith(word + " "));
    pid_ = std::atoi(line.substr(line.find(' ') + 1).c_str());
    EXPECT_TRUE(pid_ > 0 && ProcessExists(pid_));
  }
  ~Left() { End(); }
  Left(const Left&) = delete;
  Left& operator=(const Left&) = delete;
  void End() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    // It comes to this process, or stays a child of a parent that the test ends.
    EXPECT_TRUE(WaitUntil([&] {
      waitpid(pid_, nullptr, WNOHANG);
      return !ProcessExists(pid_) || ProcessState(pid_) == 'Z';
    }));
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

struct Act {
  std::vector<std::string> arguments;
  std::function<void(ChildUnderTest&)> check;
};

std::vector<Act> WithoutAHello() {
  return {
      {{"never-ready"},
       [](ChildUnderTest& child) {
         ExpectAsleep(child);
         EXPECT_EQ(child.ReceiveRaw(), "");
       }},
      {{"deaf-start"},
       [](ChildUnderTest& child) {
         EXPECT_TRUE(WaitUntil([&] { return IgnoresSignal(child.pid(), SIGTERM); }));
         kill(child.pid(), SIGTERM);
         ExpectAsleep(child);
         EXPECT_EQ(child.ReceiveRaw(), "");
       }},
      {{"half-frame", "3"},
       [](ChildUnderTest& child) {
         ExpectAsleep(child);
         const std::string bytes = child.ReceiveRaw();
         ASSERT_EQ(bytes.size(), 3U);
         EXPECT_GT(bytes[0], 2) << "more was promised";
       }},
      {{"half-frame-then-exit", "3"},
       [](ChildUnderTest& child) {
         EXPECT_EQ(child.WaitExit(), 0);
         EXPECT_EQ(child.ReceiveRaw().size(), 3U);
       }},
      {{"garbage"}, [](ChildUnderTest& child) { ExpectError(child, "frame"); }},
      {{"wrong-version", "7"}, [](ChildUnderTest& child) { ExpectError(child, "7"); }},
      {{"oversized-hello", "70000"}, [](ChildUnderTest& child) { ExpectError(child, "70000 bytes, Hello"); }},
      {{"zero-length"},
       [](ChildUnderTest& child) {
         ExpectAsleep(child);
         EXPECT_EQ(child.ReceiveRaw(), std::string(1, '\0'));
       }},
      {{"endless-length"},
       [](ChildUnderTest& child) {
         ExpectAsleep(child);
         EXPECT_EQ(child.ReceiveRaw(), std::string(11, '\xff'));
       }},
  };
}

std::vector<Act> BeforeTheHello() {
  return {
      {{"ack-first"}, [](ChildUnderTest& child) { EXPECT_EQ(child.Expect<AckMessage>().job, 1U); }},
      {{"exit", "42"},
       [](ChildUnderTest& child) {
         EXPECT_EQ(child.WaitExit(), 42);
         EXPECT_EQ(child.ReceiveRaw(), "");
       }},
      {{"die-of", "6"}, [](ChildUnderTest& child) { EXPECT_EQ(child.WaitExit(), kTrapped + SIGABRT); }},
      {{"complain-and-exit", "3"},
       [](ChildUnderTest& child) {
         EXPECT_EQ(child.WaitExit(), 3);
         EXPECT_THAT(child.Stderr(), HasSubstr("complaint 100\nno model at /models/large"));
       }},
      {{"progress-then-hello", "2"},
       [](ChildUnderTest& child) {
         EXPECT_EQ(child.Expect<ProgressMessage>().percent, 0);
         EXPECT_EQ(child.Expect<ProgressMessage>().percent, 1);
         child.Expect<HelloMessage>();
         ExpectService(child);
       }},
      {{"endless-progress"},
       [](ChildUnderTest& child) {
         // More than any buffer holds.
         for (int i = 0; i < 100'000 && !testing::Test::HasFailure(); ++i) child.Expect<ProgressMessage>();
       }},
      {{"close-channel-first"},
       [](ChildUnderTest& child) {
         ExpectError(child, "ended");
         ExpectAsleep(child);
       }},
  };
}

std::vector<Act> AfterTheHello() {
  return {
      {{"good"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         ExpectService(child);
         child.Send(PingFrame(5));
         EXPECT_EQ(child.Expect<PongMessage>().sequence, 5U);
         child.Send(StopFrame());
         EXPECT_EQ(child.WaitExit(), 0);
       }},
      {{"hello-then-exit", "5"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         EXPECT_EQ(child.WaitExit(), 5);
       }},
      {{"hello-twice"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         child.Expect<HelloMessage>();
       }},
      {{"progress-after"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         child.Expect<ProgressMessage>();
       }},
      {{"half-frame-later"},
       [](ChildUnderTest& child) {
         ExpectAsleep(child);
         const std::string bytes = child.ReceiveRaw();
         ASSERT_FALSE(bytes.empty());
         EXPECT_EQ(bytes.size(), 1U + static_cast<unsigned char>(bytes[0]) + 2U);
       }},
      {{"unasked-pong"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         EXPECT_EQ(child.Expect<PongMessage>().sequence, 99U);
       }},
      {{"ignore-term"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         kill(child.pid(), SIGTERM);
         ExpectService(child);
         child.CloseChannel();
         ExpectAsleep(child);
       }},
  };
}

std::vector<Act> WithABadChannel() {
  return {
      {{"stop-self"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         EXPECT_TRUE(WaitUntil([&] { return ProcessState(child.pid()) == 'T'; }));
       }},
      {{"close-channel"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         ExpectError(child, "ended");
         ExpectAsleep(child);
       }},
      {{"close-channel-unread"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         child.Send(PingFrame(1));
         ExpectError(child, "ended");
         ExpectAsleep(child);
       }},
      {{"shut-reading"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         EXPECT_TRUE(WaitUntil([&] { return !child.TrySend(PingFrame(1)); }));
         ExpectAsleep(child);
       }},
      {{"never-read"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         const std::string payload(10'000, 'x');
         EXPECT_TRUE(WaitUntil([&] { return !child.TrySend(RunFrame(1, payload)); }));
         ExpectAsleep(child);
       }},
      {{"no-pong"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         child.Send(PingFrame(1));
         ExpectService(child);  // and nothing before it
       }},
  };
}

std::vector<Act> WithDescendants() {
  return {
      {{"escapee"},
       [](ChildUnderTest& child) {
         const Left escapee(child, "escapee");
         EXPECT_NE(getsid(escapee.pid()), getsid(child.pid()));
         child.Expect<HelloMessage>();
         ExpectService(child);
         EXPECT_TRUE(ProcessExists(escapee.pid()));
       }},
      {{"hold-channel"},
       [](ChildUnderTest& child) {
         Left escapee(child, "escapee");
         child.Expect<HelloMessage>();
         EXPECT_EQ(child.WaitExit(), 0);
         EXPECT_FALSE(child.Readable(Wait(0))) << "it hasn't ended";
         escapee.End();
         ExpectError(child, "ended");
       }},
      {{"hold-output"},
       [](ChildUnderTest& child) {
         Left escapee(child, "escapee");
         child.Expect<HelloMessage>();
         EXPECT_EQ(child.WaitExit(), 0);
         ExpectError(child, "ended");
         EXPECT_TRUE(ProcessExists(escapee.pid()));
         escapee.End();
         EXPECT_EQ(child.Stdout(), "");
       }},
      {{"group-member"},
       [](ChildUnderTest& child) {
         const Left member(child, "member");
         EXPECT_EQ(getpgid(member.pid()), getpgid(0)) << "that of its parent, whom this test has started";
         child.Expect<HelloMessage>();
         EXPECT_EQ(child.WaitExit(), 0);
         EXPECT_TRUE(ProcessExists(member.pid()));
       }},
      {{"stubborn-member"},
       [](ChildUnderTest& child) {
         const Left member(child, "member");
         child.Expect<HelloMessage>();
         kill(member.pid(), SIGTERM);
         kill(child.pid(), SIGTERM);
         EXPECT_EQ(child.WaitExit(), kTrapped + SIGTERM);
         EXPECT_TRUE(IgnoresSignal(member.pid(), SIGTERM));
         EXPECT_NE(ProcessState(member.pid()), 'Z');
       }},
  };
}

std::vector<Act> WithDescendantsThatResist() {
  return {
      {{"stopped-escapee"},
       [](ChildUnderTest& child) {
         const Left escapee(child, "escapee");
         EXPECT_TRUE(WaitUntil([&] { return ProcessState(escapee.pid()) == 'T'; }));
         child.Expect<HelloMessage>();
         ExpectService(child);
       }},
      {{"fork-bomb", "3"},
       [](ChildUnderTest& child) {
         const Left first(child, "escapee");
         const Left second(child, "escapee");
         const Left third(child, "escapee");
         EXPECT_NE(getsid(second.pid()), getsid(first.pid()));
         child.Expect<HelloMessage>();
         ExpectService(child);
         EXPECT_TRUE(ProcessExists(third.pid()));
       }},
  };
}

std::vector<Act> WithOutput() {
  return {
      {{"flood"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         for (int line = 0; line < 100; ++line) EXPECT_EQ(child.StdoutLine(), std::string(4096, 'x'));
         ExpectService(child);
       }},
      {{"flood-without-newline"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         EXPECT_EQ(child.StderrBytes(100'000), std::string(100'000, 'y'));
         ExpectService(child);
       }},
      {{"print-line", "5"},
       [](ChildUnderTest& child) {
         EXPECT_EQ(child.StdoutLine(), "zzzzz");
         EXPECT_EQ(child.StdoutLine(), "after");
         child.Expect<HelloMessage>();
       }},
      {{"describe"},
       [](ChildUnderTest& child) {
         std::set<std::string> words;
         for (std::string line = child.StdoutLine(); line != "described" && !line.empty(); line = child.StdoutLine()) {
           words.insert(line.substr(0, line.find(' ')));
         }
         EXPECT_THAT(words, testing::IsSupersetOf({"env", "fd", "cwd", "uid", "leader"}));
         child.Expect<HelloMessage>();
       }},
      {{"use-memory", "64"},
       [](ChildUnderTest& child) {
         child.Expect<HelloMessage>();
         EXPECT_TRUE(WaitUntil([&] { return Holds(child.pid(), 64); }));
       }},
  };
}

std::vector<Act> WithMemoryInDescendants() {
  return {
      {{"descendant-uses-memory", "64"},
       [](ChildUnderTest& child) {
         const Left member(child, "member");
         const Left holder(child, "holder");
         EXPECT_TRUE(Holds(holder.pid(), 64));
         child.Expect<HelloMessage>();
         ExpectService(child);
         EXPECT_FALSE(Holds(child.pid(), 64));
       }},
      {{"escapee-uses-memory", "64"},
       [](ChildUnderTest& child) {
         const Left escapee(child, "escapee");
         EXPECT_TRUE(WaitUntil([&] { return Holds(escapee.pid(), 64); }));
         child.Expect<HelloMessage>();
         ExpectService(child);
       }},
      {{"share-memory", "64"},
       [](ChildUnderTest& child) {
         const Left first(child, "member");
         const Left second(child, "member");
         child.Expect<HelloMessage>();
         for (const pid_t pid : {child.pid(), first.pid(), second.pid()}) EXPECT_TRUE(Holds(pid, 64));
       }},
  };
}

// A child that has got job 1.
Act WithJob(std::vector<std::string> arguments, std::function<void(ChildUnderTest&)> check) {
  return {std::move(arguments), [check = std::move(check)](ChildUnderTest& child) {
            child.Expect<HelloMessage>();
            child.Send(RunFrame(1, "work"));
            check(child);
          }};
}

std::vector<Act> WithJobs() {
  const auto result = [](ChildUnderTest& child) { return child.Expect<ResultMessage>().text; };
  return {
      WithJob({"result-then-death", "3"},
              [=](ChildUnderTest& child) {
                EXPECT_EQ(child.Expect<AckMessage>().job, 1U);
                EXPECT_EQ(result(child), "done");
                EXPECT_EQ(child.WaitExit(), 3);
              }),
      WithJob({"large-result-then-death", "100000"},
              [=](ChildUnderTest& child) {
                child.Expect<AckMessage>();
                EXPECT_EQ(result(child), std::string(100'000, 'r'));
                EXPECT_EQ(child.WaitExit(), 0);
              }),
      WithJob({"ack-other"}, [](ChildUnderTest& child) { EXPECT_EQ(child.Expect<AckMessage>().job, 1001U); }),
      WithJob({"result-twice"},
              [=](ChildUnderTest& child) {
                child.Expect<AckMessage>();
                EXPECT_EQ(result(child), "once");
                EXPECT_EQ(result(child), "twice");
              }),
      WithJob({"no-ack"},
              [](ChildUnderTest& child) {
                ExpectAsleep(child);
                EXPECT_TRUE(child.TrySend(PingFrame(1)));
                EXPECT_EQ(child.ReceiveRaw(), "");
              }),
      WithJob({"result-unacked"}, [=](ChildUnderTest& child) { EXPECT_EQ(result(child), "done"); }),
      WithJob({"hang-in-job"},
              [](ChildUnderTest& child) {
                child.Expect<AckMessage>();
                ExpectAsleep(child);
              }),
      WithJob({"spin-in-job"},
              [](ChildUnderTest& child) {
                child.Expect<AckMessage>();
                EXPECT_TRUE(WaitUntil([&] { return ProcessState(child.pid()) == 'R'; }));
              }),
      WithJob({"die-in-job", "11"},
              [](ChildUnderTest& child) {
                child.Expect<AckMessage>();
                EXPECT_EQ(child.WaitExit(), kTrapped + SIGSEGV);
              }),
  };
}

std::vector<Act> Acts() {
  std::vector<Act> acts;
  for (const auto& part : {WithoutAHello(), BeforeTheHello(), AfterTheHello(), WithABadChannel(), WithDescendants(),
                           WithDescendantsThatResist(), WithMemoryInDescendants(), WithOutput(), WithJobs()}) {
    acts.insert(acts.end(), part.begin(), part.end());
  }
  return acts;
}

class FaultChildTest : public testing::TestWithParam<Act> {};

TEST_P(FaultChildTest, DoesWhatItsNameSays) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // what it leaves behind comes here
  {
    ChildUnderTest child({.program = "fault-child", .arguments = GetParam().arguments});
    GetParam().check(child);
  }
  EXPECT_TRUE(WaitUntil([] {
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
    return ChildProcesses().empty();
  })) << "a process is left";
}

INSTANTIATE_TEST_SUITE_P(All, FaultChildTest, testing::ValuesIn(Acts()), [](const auto& values) {
  std::string name = values.param.arguments.front();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(FaultChild, HasNoSwitchThatIsNotTried) {
  ChildUnderTest child({.program = "fault-child", .arguments = {"no-such-fault"}});
  EXPECT_EQ(child.WaitExit(), 64);
  const std::string usage = child.Stderr();
  const std::string mark = "faults:";
  ASSERT_THAT(usage, HasSubstr(mark));
  std::istringstream list(usage.substr(usage.find(mark) + mark.size()));
  std::set<std::string> offered;
  for (std::string name; list >> name;) offered.insert(name);
  std::set<std::string> tried;
  for (const Act& act : Acts()) tried.insert(act.arguments.front());
  EXPECT_EQ(offered, tried);
}

}  // namespace
}  // namespace andiron
