// A server that doesn't read, reads slowly, stands still, or floods: what the link keeps, and what the kernel says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <string>

#include "tests/livekit/link_certificates.h"
#include "tests/livekit/link_rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"

namespace andiron::livekit {
namespace {

using testing::HasSubstr;

// Sends until the link takes no more; how many bytes it took.
std::size_t Fill(LinkRig& rig, std::size_t size) {
  std::size_t taken = 0;
  // The kernel's buffers grow while they are filled: full is when nothing has gone out for a while.
  for (int rounds = 0; rounds < 200; ++rounds) {
    const std::size_t before = rig.link().unsent();
    while (rig.link().Send(std::string(size, 'x'))) taken += size;
    RunFor(rig.loop(), std::chrono::milliseconds(10));
    if (rounds > 3 && before != 0 && rig.link().unsent() >= before) break;
  }
  return taken;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kGrowthMax = std::size_t{320} << 20;  // it keeps what is freed
#else
constexpr std::size_t kGrowthMax = std::size_t{32} << 20;
#endif

std::size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

TEST(LinkPressure, SendSaysNoPastTheBoundAndTheLinkClosesAtOnce) {
  Shows("R100");
  ScriptedServer server(R"([[["upgrade"], ["hold"]]])");
  LinkRig rig;
  LinkTarget target = Plain(server.port());
  target.max_unsent = std::size_t{1} << 20;
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  EXPECT_GT(Fill(rig, 30000), target.max_unsent);
  EXPECT_LE(rig.link().unsent(), target.max_unsent);
  EXPECT_FALSE(rig.link().Send(std::string(30000, 'x')));
  EXPECT_TRUE(rig.link().open());
  rig.link().Close("it does not read");
  EXPECT_EQ(rig.link().unsent(), 0u);
  const TimePoint begin = Now();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_LT(Now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(rig.what(), "it does not read");
}

TEST(LinkPressure, TheBoundCountsExactly) {
  ScriptedServer server(R"([[["upgrade"], ["hold"]]])");
  LinkRig rig;
  LinkTarget target = Plain(server.port());
  target.max_unsent = 1000;
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  EXPECT_FALSE(rig.link().Send(std::string(1001, 'x')));
  EXPECT_TRUE(rig.link().Send(std::string(999, 'x')));
  EXPECT_TRUE(rig.link().Send("x"));
  EXPECT_FALSE(rig.link().Send("x"));
  EXPECT_EQ(rig.link().unsent(), 1000u);
  EXPECT_TRUE(rig.Until([&] { return rig.link().unsent() == 0; }));
}

// A large message that has gone out in part is the library's; its memory must go with the link.
TEST(LinkPressure, AHalfWrittenMessageIsNoReasonToWait) {
  Certificates certificates;
  const std::string tls = certificates.Step({"DNS:localhost"});
  for (const bool secure : {false, true}) {
    ScriptedServer server("[[" + (secure ? tls + ", " : "") + R"(["upgrade"], ["hold"]]])");
    LinkRig rig;
    rig.Make(secure ? Secure("localhost", server.port(), certificates.authority()) : Plain(server.port()));
    rig.Open();
    ASSERT_TRUE(rig.UntilOpened()) << rig.what();
    ASSERT_GT(Fill(rig, std::size_t{2} << 20), 0u);
    ASSERT_GT(rig.link().unsent(), 0u);
    const TimePoint begin = Now();
    rig.Drop();
    bool gone = false;
    rig.links().Close([&gone] { gone = true; });
    ASSERT_TRUE(rig.Until([&gone] { return gone; }));
    EXPECT_LT(Now() - begin, std::chrono::seconds(2));
  }
}

TEST(LinkPressure, AcknowledgedBytesGrowWithAReadingServer) {
  ScriptedServer server(R"([[["upgrade"], ["echo"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  EXPECT_FALSE(rig.link().Sample().established);
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  const LinkSample before = rig.link().Sample();
  EXPECT_TRUE(before.established);
  ASSERT_TRUE(rig.link().Send(std::string(100000, 'x')));
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == 1; }));
  ASSERT_TRUE(rig.Until([&] { return rig.link().Sample().unacknowledged == 0; }));
  const LinkSample after = rig.link().Sample();
  EXPECT_GE(after.acknowledged, before.acknowledged + 100000);
  EXPECT_GE(after.received, before.received + 100000);
  rig.link().Close("done");
  EXPECT_FALSE(rig.link().Sample().established);
}

TEST(LinkPressure, AStoppedServerStillAcknowledgesUntilItsKernelIsFull) {
  ScriptedServer server(R"([[["upgrade"], ["sink"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  server.Send(SIGSTOP);
  const std::uint64_t before = rig.link().Sample().acknowledged;
  ASSERT_TRUE(rig.link().Send(std::string(1000, 'x')));
  // A small message: its machine takes it, so nothing is unacknowledged. Only a ping of its program would tell.
  ASSERT_TRUE(rig.Until([&] { return rig.link().Sample().acknowledged >= before + 1000; }));
  EXPECT_EQ(rig.link().Sample().unacknowledged, 0);
  // Many: its buffer is full, and no progress is made.
  Fill(rig, 100000);
  const LinkSample full = rig.link().Sample();
  EXPECT_GT(full.unacknowledged, 0);
  EXPECT_TRUE(full.established);
  server.Send(SIGCONT);
  EXPECT_TRUE(rig.Until([&] { return rig.link().unsent() == 0 && rig.link().Sample().unacknowledged == 0; }));
  EXPECT_GT(rig.link().Sample().acknowledged, full.acknowledged);
}

TEST(LinkPressure, ACloseOfTheServerShowsInTheSampleOrEndsTheLink) {
  ScriptedServer server(R"([[["upgrade"], ["wait"], ["close"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  server.Signal();
  // The loop stands: the kernel knows it before we do.
  ASSERT_TRUE(WaitUntil([&] { return !rig.link().Sample().established; }));
  EXPECT_EQ(rig.closed(), 0);
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("without a goodbye"));
}

TEST(LinkPressure, AFloodCostsTheMemoryOfOneMessage) {
  ScriptedServer server(R"([[["upgrade"], ["flood", 80, 1048576], ["flood", 50000, 40], ["frames", 1]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.CountMessagesOnly();
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  const std::size_t before = ResidentBytes();
  std::size_t peak = before;
  rig.on_message = [&] { peak = std::max(peak, ResidentBytes()); };
  ASSERT_TRUE(rig.Until([&] { return rig.message_count() >= 80; })) << rig.what();
  rig.on_message = nullptr;
  ASSERT_TRUE(rig.Until([&] { return rig.message_count() >= 50080; })) << rig.what();
  EXPECT_LT(peak - before, kGrowthMax);
}

TEST(LinkPressure, AFloodOfPingsIsAnsweredWithoutGrowing) {
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += "\\u0089\\u0001p";
  ScriptedServer server(R"([[["upgrade"], ["raw", ")" + pings + R"("], ["frame", 2, "after"], ["frames"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == 1; })) << rig.what();
  EXPECT_TRUE(rig.Until([&] { return server.Count("frame 10 1") >= 1; }));
}

}  // namespace
}  // namespace andiron::livekit
