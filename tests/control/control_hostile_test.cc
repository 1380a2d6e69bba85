// Clients that mean harm: what they can cost, and that the others don't notice them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <regex>
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

// ---- who submits and reads no outcome ----

// A pool whose child warms up when something is written to the FIFO: until then all jobs are accepted and none ends.
PoolSettings GatedPool(const std::string& fifo) {
  PoolSettings pool = EchoPool();
  pool.command = {"/bin/sh", "-c", "read -r line <\"$0\" && exec \"$1\"", fifo, Program("echo-child")};
  pool.start_by = kTestDeadline;
  return pool;
}

// How many bytes the log says had waited when the client was disconnected for them.
std::size_t WaitedBytes(int log) {
  std::string text(100'000, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(pread(log, text.data(), text.size(), 0), 0)));
  std::smatch found;
  EXPECT_TRUE(std::regex_search(text, found, std::regex("it did not read: ([0-9]+) bytes waited for it"))) << text;
  return found.empty() ? 0 : std::stoul(found[1]);
}

TEST(HostileClient, WhoReadsNoOutcomeIsCutOffPastTheBoundByOneAnswerAtMost) {
  constexpr std::size_t kAnswer = 64 << 10;
  constexpr int kJobs = 60;
  const TempDirectory directory;
  const std::string fifo = directory.path() + "/gate";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd gate(open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  const UniqueFd log(memfd_create("log", MFD_CLOEXEC));
  ControlBounds bounds;
  bounds.unread_pause = 2 * kAnswer;
  bounds.unread = 8 * kAnswer;
  bounds.write_looks = 1'000'000;  // it isn't the time that ends it
  WorkerSettings settings = SettingsOf(GatedPool(fifo));
  settings.log_level = LogLevel::kInfo;
  ServerRig rig(settings, bounds, log.get());
  const UniqueFd deaf = ConnectRaw(rig.path());
  std::string words = FramesOf({Hello()});
  for (std::uint64_t job = 1; job <= kJobs; ++job) {
    AppendFrame(words, SubmitMessage(job, "", std::string(kAnswer, 'p')));
  }
  ASSERT_TRUE(rig.While([&] {
    EXPECT_EQ(send(deaf.get(), words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
  }));
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.rig().Pool().queued == kJobs; }));
  // A line for the child, and some for successors that it doesn't need.
  ASSERT_EQ(write(gate.get(), "\n\n\n\n", 4), 4);
  // It reads nothing that it is told, and it isn't read from past the first bound: the outcomes come all the same.
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 0; }));
  const std::size_t waited = WaitedBytes(log.get());
  EXPECT_GT(waited, bounds.unread);
  EXPECT_LE(waited, bounds.unread + kAnswer + kControlOutcomeEnvelope);
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.rig().Pool().queued + rig.rig().Pool().running == 0; }));
  EXPECT_GT(rig.rig().Pool().outcomes[static_cast<std::size_t>(Outcome::kCancelled)], 0) << "the rest is its loss";
  EXPECT_TRUE(rig.WithClient(
      [](ControlClient& client) { EXPECT_EQ(EndOf(client, SubmitMessage(1, "x", "y")).outcome().output(), "y"); }));
}

}  // namespace
}  // namespace andiron
