// The contract of andiron/child.h, held by a real process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "ipc/limits.h"
#include "tests/child/child_under_test.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

using testing::HasSubstr;

constexpr Wait kPromptly{1000};

// How often the child's second thread has been woken.
std::uint64_t WakesOfAttendant(pid_t pid) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream status(task.path() / "status");
    bool found = false;
    for (std::string line; std::getline(status, line);) {
      if (line == "Name:\tattendant") found = true;
      if (found && line.starts_with("voluntary_ctxt_switches:")) return std::stoull(line.substr(line.find(':') + 1));
    }
  }
  ADD_FAILURE() << "there is no attendant";
  return 0;
}

TEST(Child, SaysHelloWithItsProtocolAndSdk) {
  ChildUnderTest child({});
  const auto hello = child.Expect<HelloMessage>();
  EXPECT_EQ(hello.sdk_name, "cpp");
  EXPECT_EQ(hello.pid, child.pid());
  EXPECT_THAT(hello.sdk_version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST(Child, ReportsProgressBeforeHelloAndMakesItFit) {
  ChildUnderTest child({.arguments = {"--prewarm", "progress"}});
  EXPECT_EQ(child.Expect<ProgressMessage>().text, "first");
  const auto second = child.Expect<ProgressMessage>();
  EXPECT_EQ(second.percent, 100);
  EXPECT_EQ(second.text, "bad \xef\xbf\xbd text");
  EXPECT_EQ(child.Expect<ProgressMessage>().text.size(), 2048u);
  child.Expect<HelloMessage>();
}

TEST(Child, RunsOneJobAfterTheOther) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  for (std::uint64_t job = 1; job <= 100; ++job) {
    child.Send(RunFrame(job, "payload"));
    EXPECT_EQ(child.Expect<AckMessage>().job, job);
    const auto result = child.Expect<ResultMessage>();
    EXPECT_EQ(result.job, job);
    EXPECT_EQ(result.end, ResultMessage::End::kSucceeded);
    EXPECT_EQ(result.text, "j" + std::to_string(job) + ":payload");
  }
}

TEST(Child, AcknowledgesBeforeTheJobRuns) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "wait"));
  EXPECT_EQ(child.Expect<AckMessage>().job, 1u);
  EXPECT_FALSE(child.Readable(Wait(50)));
}

TEST(Child, AnswersPingsWhenIdleAndWhileAJobRuns) {
  Shows("R87");
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(PingFrame(1));
  EXPECT_EQ(child.Expect<PongMessage>().sequence, 1u);
  child.Send(RunFrame(1, "poll"));
  child.Expect<AckMessage>();
  for (std::uint64_t sequence = 2; sequence < 10; ++sequence) {
    child.Send(PingFrame(sequence));
    EXPECT_EQ(child.Expect<PongMessage>().sequence, sequence);
  }
}

TEST(Child, EndsACancelledJobWithin100Milliseconds) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  auto best = std::chrono::steady_clock::duration::max();
  for (std::uint64_t job = 1; job <= 5; ++job) {
    child.Send(RunFrame(job, job % 2 == 0 ? "wait" : "wait-forever"));
    child.Expect<AckMessage>();
    const auto begin = std::chrono::steady_clock::now();
    child.Send(CancelFrame(job));
    const auto result = child.Expect<ResultMessage>();
    best = std::min(best, std::chrono::steady_clock::now() - begin);
    EXPECT_EQ(result.end, ResultMessage::End::kCancelled);
  }
  // The best of five: the machine may be busy with other things, but not five times.
  EXPECT_LT(best, Wait(100));
}

TEST(Child, RunsJobsInAnyMixtureOfShortAndLong) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  for (std::uint64_t job = 1; job <= 60; ++job) {
    const bool is_long = job % 3 == 0;
    child.Send(RunFrame(job, is_long ? "wait" : "short") + PingFrame(job) + (is_long ? CancelFrame(job) : ""));
    // Who answers the ping, and so its place among the other answers, depends on when it is read.
    int acks = 0;
    int results = 0;
    int pongs = 0;
    for (int i = 0; i < 3; ++i) {
      const FromChildMessage message = child.Receive();
      if (const auto* ack = std::get_if<AckMessage>(&message)) acks += ack->job == job && results == 0;
      if (const auto* result = std::get_if<ResultMessage>(&message)) results += result->job == job;
      if (const auto* pong = std::get_if<PongMessage>(&message)) pongs += pong->sequence == job;
    }
    ASSERT_THAT((std::vector{acks, results, pongs}), testing::Each(1)) << "job " << job;
  }
}

TEST(Child, KeepsAResultThatBeatsItsCancel) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "stubborn"));
  child.Expect<AckMessage>();
  child.Send(CancelFrame(1));
  const auto result = child.Expect<ResultMessage>();
  EXPECT_EQ(result.end, ResultMessage::End::kSucceeded);
  EXPECT_EQ(result.text, "done all the same");
}

TEST(Child, IgnoresTheCancelOfAJobThatHasEnded) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "x"));
  child.Expect<AckMessage>();
  child.Expect<ResultMessage>();
  child.Send(CancelFrame(1) + RunFrame(2, "y"));
  child.Expect<AckMessage>();
  EXPECT_EQ(child.Expect<ResultMessage>().text, "j2:y");
}

TEST(Child, TurnsAnExceptionIntoAFailure) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "throw"));
  child.Expect<AckMessage>();
  const auto thrown = child.Expect<ResultMessage>();
  EXPECT_EQ(thrown.end, ResultMessage::End::kFailed);
  EXPECT_EQ(thrown.text, "boom");
  child.Send(RunFrame(2, "throw-number"));
  child.Expect<AckMessage>();
  EXPECT_THAT(child.Expect<ResultMessage>().text, HasSubstr("no std::exception"));
}

TEST(Child, CutsAnErrorTextThatIsTooLong) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "long-error"));
  child.Expect<AckMessage>();
  const std::string text = child.Expect<ResultMessage>().text;
  EXPECT_LE(text.size(), kErrorTextBytesMax);
  EXPECT_TRUE(text.ends_with("e... (cut)"));
  child.Send(RunFrame(2, "bad-error"));
  child.Expect<AckMessage>();
  EXPECT_EQ(child.Expect<ResultMessage>().text, "bad \xef\xbf\xbd byte");
}

TEST(Child, SendsABigResultWhole) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "big"));
  child.Expect<AckMessage>();
  EXPECT_EQ(child.Expect<ResultMessage>().text.size(), std::size_t{3} << 20);
}

TEST(Child, AnswersWithAnErrorWhereItsOutputIsLargerThanTheWorkerTakes) {
  constexpr std::size_t kBig = std::size_t{3} << 20;
  ChildUnderTest at({.max_result = std::to_string(kBig)});
  at.Expect<HelloMessage>();
  at.Send(RunFrame(1, "big"));
  at.Expect<AckMessage>();
  EXPECT_EQ(at.Expect<ResultMessage>().text.size(), kBig);

  ChildUnderTest past({.max_result = std::to_string(kBig - 1)});
  past.Expect<HelloMessage>();
  past.Send(RunFrame(1, "big"));
  past.Expect<AckMessage>();
  const auto result = past.Expect<ResultMessage>();
  EXPECT_EQ(result.end, ResultMessage::End::kFailed);
  EXPECT_EQ(result.text, "the job's output has 3145728 bytes, max_result is 3145727");
}

TEST(Child, RefusesAJobTooMany) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "wait"));
  EXPECT_EQ(child.Expect<AckMessage>().job, 1u);
  child.Send(RunFrame(2, "x"));
  EXPECT_EQ(child.Expect<AckMessage>().job, 2u);
  const auto refused = child.Expect<ResultMessage>();
  EXPECT_EQ(refused.job, 2u);
  EXPECT_EQ(refused.end, ResultMessage::End::kFailed);
  EXPECT_THAT(refused.text, HasSubstr("max_concurrent_jobs_per_child"));
}

TEST(Child, StopsAtOnceWhenIdle) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(StopFrame());
  EXPECT_EQ(child.WaitExit(), 0);
}

TEST(Child, FinishesItsJobBeforeItStops) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "wait") + StopFrame());
  child.Expect<AckMessage>();
  EXPECT_EQ(child.WaitExit(Wait(50)), -1);
  child.Send(CancelFrame(1));
  EXPECT_EQ(child.Expect<ResultMessage>().end, ResultMessage::End::kCancelled);
  EXPECT_EQ(child.WaitExit(), 0);
}

TEST(Child, EndsPromptlyWhenTheWorkerGoesAwayWhileItIsIdle) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.CloseChannel();
  EXPECT_EQ(child.WaitExit(kPromptly), 69);
}

TEST(Child, EndsPromptlyWhenTheWorkerGoesAwayInTheMiddleOfAJob) {
  Shows("R45");
  for (const char* job : {"wait", "poll"}) {
    ChildUnderTest child({});
    child.Expect<HelloMessage>();
    child.Send(RunFrame(1, job));
    child.Expect<AckMessage>();
    child.CloseChannel();
    EXPECT_EQ(child.WaitExit(kPromptly), 69) << job;
  }
}

TEST(Child, EndsWhenTheWorkerGoesAwayWhileItWarmsUp) {
  ChildUnderTest child({.arguments = {"--prewarm", "forever"}});
  child.Expect<ProgressMessage>();
  child.CloseChannel();
  EXPECT_EQ(child.WaitExit(), 69);
}

TEST(Child, SaysWhyItIsNotWarmAndExitsWith1) {
  ChildUnderTest fails({.arguments = {"--prewarm", "fail"}});
  EXPECT_EQ(fails.WaitExit(), 1);
  EXPECT_EQ(fails.Stderr(), "andiron-test-child: warming up failed: no model at /nowhere\n");
  ChildUnderTest throws({.arguments = {"--prewarm", "throw"}});
  EXPECT_EQ(throws.WaitExit(), 1);
  EXPECT_THAT(throws.Stderr(), HasSubstr("exception: cannot load"));
}

TEST(Child, StartedByHandSaysSoAndExitsWith64) {
  ChildUnderTest child({.channel_variable = ""});
  EXPECT_EQ(child.WaitExit(), 64);
  EXPECT_THAT(child.Stderr(), HasSubstr("is a child of an Andiron worker"));
}

TEST(Child, RefusesAChannelThatIsNoSocket) {
  for (const char* value : {"2", "99", "-1", "three", "3x"}) {
    ChildUnderTest child({.channel_variable = value});
    EXPECT_EQ(child.WaitExit(), 64) << value;
    EXPECT_THAT(child.Stderr(), HasSubstr("ANDIRON_CHANNEL_FD=" + std::string(value) + " doesn't name"));
  }
}

TEST(Child, EndsWhenTheWorkerBreaksTheProtocol) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send("\x02\x2a\x01");
  EXPECT_EQ(child.WaitExit(), 76);
  EXPECT_THAT(child.Stderr(), HasSubstr("the worker sent a frame that begins with byte 42"));
}

TEST(Child, ShowsLinesOfStdoutWhenTheyArePrinted) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "print"));
  EXPECT_EQ(child.StdoutLine(), "a line of the job");
}

TEST(Child, KeepsTheChannelFromTheProgramsItStarts) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "surroundings"));
  child.Expect<AckMessage>();
  // `ls` itself opens the folder as 3: more would be ours. The channel is told by its variable and by IsChild.
  EXPECT_THAT(child.Expect<ResultMessage>().text, HasSubstr("[] [test/0.1]\nno child"));
}

TEST(Child, ServesOnAChannelThatIsHandedOverNonBlocking) {
  ChildUnderTest child({.blocking = false});
  child.Expect<HelloMessage>();
  child.Send(RunFrame(1, "big"));
  child.Expect<AckMessage>();
  EXPECT_EQ(child.Expect<ResultMessage>().text.size(), std::size_t{3} << 20);
}

TEST(Child, WakesNoSecondThreadForShortJobsNorWhenIdle) {
  ChildUnderTest child({});
  child.Expect<HelloMessage>();
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t job = 1; job <= 1000; ++job) {
    child.Send(RunFrame(job, "x"));
    child.Expect<AckMessage>();
    child.Expect<ResultMessage>();
  }
  // Its timer may have run out once in 10 ms, and found the lock taken: it sleeps twice, then.
  const auto spent = std::chrono::duration_cast<Wait>(std::chrono::steady_clock::now() - begin);
  EXPECT_LE(WakesOfAttendant(child.pid()), 2 * (static_cast<std::uint64_t>(spent.count()) / 10 + 1) + 5);
  child.Readable(Wait(50));
  std::uint64_t before = WakesOfAttendant(child.pid());
  child.Readable(Wait(200));
  // The last timer may have run out as late as that.
  if (WakesOfAttendant(child.pid()) == before + 1) {
    ++before;
    child.Readable(Wait(200));
  }
  EXPECT_EQ(WakesOfAttendant(child.pid()), before);
}

TEST(EchoChild, EchoesFailsAndSleepsAsItIsTold) {
  ChildUnderTest echo({.program = "echo-child", .arguments = {"--prewarm-ms", "20"}});
  for (int step = 0; step < 10; ++step) echo.Expect<ProgressMessage>();
  echo.Expect<HelloMessage>();
  echo.Send(RunFrame(1, "payload"));
  echo.Expect<AckMessage>();
  EXPECT_EQ(echo.Expect<ResultMessage>().text, "payload");

  ChildUnderTest fails({.program = "echo-child", .arguments = {"--sleep-ms", "60000", "--fail"}});
  fails.Expect<HelloMessage>();
  fails.Send(RunFrame(1, "why"));
  fails.Expect<AckMessage>();
  fails.Send(CancelFrame(1));
  EXPECT_EQ(fails.Expect<ResultMessage>().end, ResultMessage::End::kCancelled);

  ChildUnderTest wrong({.program = "echo-child", .arguments = {"--sleep-ms", "soon"}});
  EXPECT_EQ(wrong.WaitExit(), 64);
}

}  // namespace
}  // namespace andiron
