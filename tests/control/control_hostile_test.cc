// Clients that mean harm: what they can cost, and that the others don't notice them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "ipc/frame.h"
#include "tests/control/server_rig.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;

// Field 15, which nobody knows, as the beginning and the end of a group.
constexpr char kGroupBegins = '\x7b';
constexpr char kGroupEnds = '\x7c';

std::string FramesOf(const std::vector<control::ToWorker>& messages) {
  std::string bytes;
  for (const control::ToWorker& message : messages) AppendFrame(bytes, message);
  return bytes;
}

control::ToWorker Hello() {
  control::ToWorker hello;
  hello.mutable_hello()->set_protocol_version(1);
  return hello;
}

// A Submit whose unknown groups are nested so deep.
std::string NestedSubmit(std::size_t depth) {
  std::string submit = SubmitMessage(1, "nested", "x").submit().SerializeAsString();
  submit += std::string(depth, kGroupBegins) + std::string(depth, kGroupEnds);
  std::string body(1, '\x12');
  AppendVarint(body, submit.size());
  body += submit;
  std::string frame;
  AppendVarint(frame, body.size());
  return frame + body;
}

// All that the kernel takes now, without waiting.
void SayWhatFits(int descriptor, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t count = send(descriptor, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count <= 0) return;
    at += static_cast<std::size_t>(count);
  }
}

// What the worker says until it hangs up; "" if it doesn't in time.
std::string LastWords(int descriptor) {
  std::string said;
  for (const TimePoint deadline = Now() + kTestDeadline; Now() < deadline;) {
    pollfd wait{descriptor, POLLIN, 0};
    poll(&wait, 1, 100);
    char bytes[4096];
    const ssize_t count = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return said;
    if (count > 0) said.append(bytes, static_cast<std::size_t>(count));
  }
  return "";
}

TEST(HostileClient, NestingIsRefusedBeyondProtobufsHundredHoweverDeep) {
  ServerRig rig(EchoPool());
  EXPECT_TRUE(rig.While([&] {
    for (const std::size_t depth : {std::size_t{200}, std::size_t{1'000'000}}) {
      const UniqueFd descriptor = ConnectRaw(rig.path());
      const std::string bytes = FramesOf({Hello()}) + NestedSubmit(depth);
      // The worker reads it in pieces, and hangs up as soon as it has read it all.
      for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t count = send(descriptor.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
        ASSERT_GT(count, 0);
        at += static_cast<std::size_t>(count);
      }
      EXPECT_THAT(LastWords(descriptor.get()), HasSubstr("can't be read")) << depth;
    }
    const auto client = ConnectTo(rig.path());
    EXPECT_EQ(EndOf(*client, SubmitMessage(1, "x", "y")).outcome().output(), "y");
  }));
}

TEST(HostileClient, WhatIsUnknownInAMessageIsNeitherReadNorPassedOn) {
  ServerRig rig(EchoPool());
  EXPECT_TRUE(rig.While([&] {
    // So many that no pid or time looks like them.
    constexpr std::size_t kDepth = 16;
    const UniqueFd descriptor = ConnectRaw(rig.path());
    const std::string bytes = FramesOf({Hello()}) + NestedSubmit(kDepth);
    ASSERT_EQ(send(descriptor.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    FrameReader reader(LimitsForControlClient());
    control::FromWorker message;
    for (const TimePoint deadline = Now() + kTestDeadline; Now() < deadline && !message.has_outcome();) {
      const auto space = reader.Space();
      const ssize_t count = recv(descriptor.get(), space.data(), space.size(), 0);
      ASSERT_GT(count, 0);
      reader.Commit(static_cast<std::size_t>(count));
      while (const auto frame = reader.Next()) {
        ASSERT_TRUE(message.ParseFromArray(frame->body.data(), static_cast<int>(frame->body.size())));
        EXPECT_EQ(message.SerializeAsString().find(std::string(kDepth, kGroupBegins)), std::string::npos);
      }
    }
    EXPECT_EQ(message.outcome().output(), "x");
  }));
}

// One of each kind of nuisance, again and again, on connections of their own: who says nothing, who stops within a
// frame, who announces the longest frame and sends a byte of it, who asks and never reads, who talks nonsense.
void Annoy(const std::string& path, std::vector<UniqueFd>& held) {
  std::string announced = FramesOf({Hello()});
  AppendVarint(announced, std::uint64_t{4} << 20);
  announced += '\x12';
  control::ToWorker status;
  status.mutable_status()->set_request(1);
  const std::string nuisances[] = {
      "",
      FramesOf({Hello()}) + "\x05",
      announced,
      FramesOf({Hello()}) + FramesOf(std::vector<control::ToWorker>(5000, status)),
      std::string(100'000, '\xff'),
  };
  for (const std::string& bytes : nuisances) {
    held.push_back(ConnectRaw(path));
    SayWhatFits(held.back().get(), bytes);
  }
}

long PeakKilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(HostileClient, FloodOfThemLeavesTheOthersServedAndMemoryBounded) {
  PoolSettings pool = EchoPool();
  pool.max_jobs_per_child = 0;
  ControlBounds bounds;
  bounds.unread_pause = std::size_t{1} << 20;
  ServerRig rig(pool, bounds);
  EXPECT_TRUE(rig.While([&] {
    const auto client = ConnectTo(rig.path());
    ASSERT_EQ(EndOf(*client, SubmitMessage(1, "first", "y")).outcome().output(), "y");
    const long before = PeakKilobytes();
    std::vector<UniqueFd> held;
    for (std::uint64_t round = 0; round < 40; ++round) {
      Annoy(rig.path(), held);
      EXPECT_EQ(EndOf(*client, SubmitMessage(round + 2, "", "y")).outcome().output(), "y") << round;
    }
    // The replies that nobody reads stop at 1 MiB for each of 40, in buffers that double: without a bound they are
    // 5000 for each. A sanitizer keeps up to 256 MiB of what was freed.
    EXPECT_LT(PeakKilobytes() - before, 400'000);
  }));
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 0; }));
}

}  // namespace
}  // namespace andiron
