// Channels: what a child sends becomes facts, what it must not send becomes one, and nothing it does costs the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "ipc/child_messages.h"
#include "tests/children/crew.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;

// The place of the first fact of kind F about the child; -1 = there is none.
template <typename F>
int PlaceOf(const Crew& crew, ChildId child) {
  for (std::size_t i = 0; i < crew.facts().size(); ++i) {
    const F* const fact = std::get_if<F>(&crew.facts()[i]);
    if (fact != nullptr && fact->child == child) return static_cast<int>(i);
  }
  return -1;
}

struct BadChild {
  std::vector<std::string> arguments;
  std::string complaint;
};

class MisbehaviourTest : public testing::TestWithParam<BadChild> {};

TEST_P(MisbehaviourTest, IsSaidOnceAndEndsTheReading) {
  Shows("A8", "A10", "A11", "R101");
  Crew crew(FaultPool(GetParam().arguments));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await<ChildMisbehaved>(child));
  EXPECT_THAT(crew.Last<ChildMisbehaved>(child)->what, HasSubstr(GetParam().complaint));
  crew.Kill(child, Intent::kProtocol);
  // Nobody has to close the channel: nothing more is wanted from it.
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Count<ChildMisbehaved>(child), 1);
  EXPECT_EQ(crew.Count<ChannelClosed>(child), 1);
  EXPECT_EQ(crew.Count<ChildExited>(child), 1);
}

INSTANTIATE_TEST_SUITE_P(
    All, MisbehaviourTest,
    testing::Values(BadChild{{"garbage"}, ""}, BadChild{{"wrong-version"}, "7"},
                    BadChild{{"oversized-hello"}, "frame of 70000 bytes, Hello may have 4096"},
                    BadChild{{"oversized-hello", "4097"}, "frame of 4097 bytes, Hello may have 4096"},
                    BadChild{{"oversized-hello", "2147483647"}, "2147483647"}, BadChild{{"zero-length"}, ""},
                    BadChild{{"endless-length"}, "5 bytes"}, BadChild{{"ack-first"}, "Ack before Hello"},
                    BadChild{{"hello-twice"}, "Hello after Hello"}, BadChild{{"unasked-pong"}, "Pong"},
                    BadChild{{"progress-after"}, "Progress after Hello"}),
    [](const auto& values) {
      std::string name;
      for (const std::string& argument : values.param.arguments) name += argument;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(ProtocolTest, MisbehaviourIsNotReadOn) {
  std::string frames;
  for (std::uint64_t job = 1; job <= 3; ++job) AppendAck(frames, job);  // each of them too early
  std::string octal;
  for (const char byte : frames) {
    char digits[8];
    std::snprintf(digits, sizeof digits, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    octal += digits;
  }
  PoolSettings pool;
  pool.command = {"/bin/sh", "-c", "printf '" + octal + "' >&3; read line <&3"};
  Crew crew(pool);
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await<ChildMisbehaved>(child));
  crew.Kill(child, Intent::kProtocol);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Count<ChildMisbehaved>(child), 1);
  EXPECT_EQ(crew.Count<JobAcked>(child), 0);
}

TEST(ProtocolTest, ProgressComesBeforeReady) {
  Crew crew(FaultPool({"progress-then-hello", "3"}));
  const ChildId child = crew.StartReady();
  EXPECT_EQ(crew.Count<ChildProgressed>(child), 3);
  EXPECT_LT(PlaceOf<Spawned>(crew, child), PlaceOf<ChildProgressed>(crew, child));
  EXPECT_LT(PlaceOf<ChildProgressed>(crew, child), PlaceOf<ChildReady>(crew, child));
}

TEST(ProtocolTest, HalfAFrameIsSaidWhenItBegins) {
  Shows("A9");
  Crew crew(FaultPool({"half-frame"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.Await<FrameHalfRead>(child));
  EXPECT_TRUE(crew.Last<FrameHalfRead>(child)->half);
  EXPECT_EQ(crew.Count<ChildMisbehaved>(child), 0);
}

TEST(ProtocolTest, HalfAFrameAfterHelloIsSaidToo) {
  Crew crew(FaultPool({"half-frame-later"}));
  const ChildId child = crew.StartReady();
  ASSERT_TRUE(crew.Await<FrameHalfRead>(child));
  EXPECT_TRUE(crew.Last<FrameHalfRead>(child)->half);
}

TEST(ProtocolTest, HalfAFrameOfADeadChildIsNoMisbehaviour) {
  Crew crew(FaultPool({"half-frame-then-exit"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Count<ChildMisbehaved>(child), 0);
  EXPECT_EQ(crew.Last<ChildExited>(child)->signal, 0);
}

TEST(ProtocolTest, LargeResultArrivesWhole) {
  PoolSettings pool = FaultPool({"good"});
  pool.max_payload = pool.max_result = 8 << 20;
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  const std::string payload(8 << 20, 'p');
  crew.Run(child, 1, payload);
  ASSERT_TRUE(crew.Await<JobReturned>(child));
  EXPECT_EQ(crew.Last<JobReturned>(child)->result, payload);
  // The socket holds far less than 8 MiB: both sides had to wait, and said so.
  EXPECT_GE(crew.Count<WriteBlocked>(child), 2);
  EXPECT_FALSE(crew.Last<WriteBlocked>(child)->blocked);
  EXPECT_FALSE(crew.Last<FrameHalfRead>(child)->half);
}

PoolSettings LargeResultPool(std::size_t bytes) {
  PoolSettings pool = FaultPool({"large-result-then-death", std::to_string(bytes)});
  pool.max_result = 100'000;
  return pool;
}

TEST(ProtocolTest, ResultAtTheLimitPasses) {
  Shows("B18");
  Crew crew(LargeResultPool(100'000));
  const ChildId child = crew.StartReady();
  crew.Run(child, 1);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Count<JobReturned>(child), 1);
}

TEST(ProtocolTest, ResultBeyondTheLimitDoesNotPass) {
  Shows("B18");
  // The message has 4 KiB of its own beside the output.
  Crew crew(LargeResultPool(100'000 + 4096));
  const ChildId child = crew.StartReady();
  crew.Run(child, 1);
  ASSERT_TRUE(crew.Await<ChildMisbehaved>(child));
  EXPECT_THAT(crew.Last<ChildMisbehaved>(child)->what, HasSubstr("Result may have 104096"));
}

TEST(ProtocolTest, ChildThatDoesNotReadBlocksOnlyItself) {
  Shows("B16", "R57");
  PoolSettings pool = FaultPool({"never-read"});
  Crew crew({pool, FaultPool({"good"})}, {});
  const ChildId deaf = crew.StartReady(0, 0);
  const ChildId good = crew.StartReady(0, 1);
  crew.Run(deaf, 1, std::string(2 << 20, 'x'));
  ASSERT_TRUE(crew.Await<WriteBlocked>(deaf));
  EXPECT_TRUE(crew.Last<WriteBlocked>(deaf)->blocked);
  crew.Run(good, 2);
  EXPECT_TRUE(crew.Await<JobReturned>(good));
}

TEST(ProtocolTest, ClosedChannelIsSaidOnceWhileTheChildLives) {
  Shows("A17", "R102");
  Crew crew(FaultPool({"close-channel"}));
  const ChildId child = crew.StartReady();
  ASSERT_TRUE(crew.Await<ChannelClosed>(child));
  EXPECT_EQ(crew.Count<ChildExited>(child), 0);
  crew.Run(child, 1);
  crew.Kill(child, Intent::kChannelLost);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Count<ChannelClosed>(child), 1);
}

TEST(ProtocolTest, ChannelClosedWithFramesUnreadIsAnOrdinaryClose) {
  Crew crew(FaultPool({"close-channel-unread"}));
  const ChildId child = crew.StartReady();
  crew.children().Send(SendPing{child});
  EXPECT_TRUE(crew.Await<ChannelClosed>(child));
  EXPECT_EQ(crew.Count<ChildMisbehaved>(child), 0);
}

TEST(ProtocolTest, HalfClosedChannelIsMisbehaviour) {
  Crew crew(FaultPool({"shut-reading"}));
  const ChildId child = crew.StartReady();
  // Pings until the shutdown has happened: then the next one can't be written.
  ASSERT_TRUE(crew.Await([&] {
    crew.children().Send(SendPing{child});
    return crew.Count<ChildMisbehaved>(child) > 0;
  }));
  EXPECT_THAT(crew.Last<ChildMisbehaved>(child)->what, HasSubstr("reading half"));
}

TEST(ProtocolTest, PingIsAnswered) {
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  crew.children().Send(SendPing{child});
  crew.children().Send(SendPing{child});
  EXPECT_TRUE(crew.Await<ChildPonged>(child, 2));
}

TEST(ProtocolTest, ResultThatWasWrittenBeforeDeathComesBeforeTheExit) {
  Shows("B4");
  Crew crew(FaultPool({"result-then-death"}));
  const ChildId child = crew.StartReady();
  crew.Run(child, 1);
  ASSERT_TRUE(crew.AwaitEnd(child));
  ASSERT_EQ(crew.Count<JobReturned>(child), 1);
  EXPECT_LT(PlaceOf<JobReturned>(crew, child), PlaceOf<ChildExited>(crew, child));
  EXPECT_EQ(crew.Last<ChildExited>(child)->code, 3);
}

TEST(ProtocolTest, HelloThatWasWrittenBeforeDeathComesBeforeTheExit) {
  Shows("A12");
  Crew crew(FaultPool({"hello-then-exit", "5"}));
  for (std::uint32_t slot = 0; slot < 20; ++slot) {
    const ChildId child = crew.Start(slot);
    ASSERT_TRUE(crew.AwaitEnd(child));
    ASSERT_EQ(crew.Count<ChildReady>(child), 1);
    EXPECT_LT(PlaceOf<ChildReady>(crew, child), PlaceOf<ChildExited>(crew, child));
    EXPECT_EQ(crew.Last<ChildExited>(child)->code, 5);
  }
}

TEST(ProtocolTest, JobFactsAreHandedOnAsTheyCome) {
  Crew crew({FaultPool({"ack-other"}), FaultPool({"result-twice"})}, {});
  const ChildId other = crew.StartReady(0, 0);
  crew.Run(other, 5);
  ASSERT_TRUE(crew.Await<JobAcked>(other));
  EXPECT_EQ(crew.Last<JobAcked>(other)->job, JobNumber{1005}) << "whether it has that job is for the core to say";
  const ChildId twice = crew.StartReady(0, 1);
  crew.Run(twice, 6);
  EXPECT_TRUE(crew.Await<JobReturned>(twice, 2));
}

}  // namespace
}  // namespace andiron
