// Our end of a channel, without a child: what becomes a fact, and what is kept.
#include "worker/children/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ipc/child_messages.h"
#include "tests/support/loop.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

constexpr std::size_t kMaxResult = std::size_t{4} << 20;

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    uv_loop_init(&loop_);
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    child_ = UniqueFd(ends[1]);
    const int small = 64 << 10;
    EXPECT_EQ(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    EXPECT_EQ(channel_.Open(&loop_, UniqueFd(ends[0])), 0);
  }
  ~ChannelTest() override {
    channel_.Discard();
    EXPECT_EQ(CloseLoop(&loop_), 0);
  }

  // A turn, as the driver makes it; the names of its facts.
  std::string Turn() {
    uv_run(&loop_, UV_RUN_NOWAIT);
    channel_.Flush();
    rounds_.EndTurn();
    inbox_.Take(facts_);
    std::string names;
    for (const Fact& fact : facts_) {
      if (std::holds_alternative<ChildReady>(fact)) names += "ready ";
      if (std::holds_alternative<JobAcked>(fact)) names += "acked ";
      if (const auto* half = std::get_if<FrameHalfRead>(&fact)) names += half->half ? "half " : "whole ";
      if (const auto* blocked = std::get_if<WriteBlocked>(&fact)) names += blocked->blocked ? "blocked " : "free ";
    }
    return names;
  }

  void Say(std::string_view bytes) {
    ASSERT_EQ(send(child_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  // Reads so much as the child, or what there is.
  std::size_t Hear(std::size_t bytes_max) {
    std::string buffer(bytes_max, '\0');
    const ssize_t count = recv(child_.get(), buffer.data(), buffer.size(), 0);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  uv_loop_t loop_{};
  Inbox inbox_{[] {}};
  std::vector<Fact> facts_;
  ReadRounds rounds_;
  UniqueFd child_;
  Channel channel_{ChildId{0, 0, 1}, kMaxResult, rounds_, inbox_};
};

TEST_F(ChannelTest, KnowsWhichJobsAreUnanswered) {
  channel_.NoteJob(1, "first");
  channel_.NoteJob(2, "second");
  std::string bytes;
  AppendHello(bytes, "test", "1", 7);
  AppendAck(bytes, 1);
  AppendAck(bytes, 2);
  AppendResult(bytes, 2, ResultMessage::End::kSucceeded, "r");
  Say(bytes);
  EXPECT_EQ(Turn(), "ready acked acked ");
  ASSERT_EQ(channel_.open_jobs().size(), 1U);
  EXPECT_EQ(channel_.open_jobs().at(1), "first");
}

TEST_F(ChannelTest, EachFrameHasItsOwnTimeToBecomeWhole) {
  Shows("A9");
  std::string bytes;
  AppendHello(bytes, "test", "1", 7);
  const std::size_t hello = bytes.size();
  AppendAck(bytes, 1);
  const std::size_t first = bytes.size();
  AppendAck(bytes, 2);
  const std::string_view all = bytes;
  Say(all.substr(0, hello + 1));
  EXPECT_EQ(Turn(), "ready half ");
  Say(all.substr(hello + 1, first - hello));
  EXPECT_EQ(Turn(), "acked whole half ") << "half of the next lies behind it";
  Say(all.substr(first + 1, 1));
  EXPECT_EQ(Turn(), "") << "more of the same";
  Say(all.substr(first + 2));
  EXPECT_EQ(Turn(), "acked whole ");
}

TEST_F(ChannelTest, ChildThatReadsIsNotSilentHoweverMuchWaits) {
  Shows("B16", "R94");
  channel_.out().append(std::size_t{4} << 20, 'x');
  EXPECT_EQ(Turn(), "blocked ");
  EXPECT_EQ(Turn(), "") << "it hasn't read";
  for (int i = 0; i < 10; ++i) {
    ASSERT_GT(Hear(std::size_t{1} << 20), 0U);
    EXPECT_EQ(Turn(), "free blocked ");
  }
  ASSERT_TRUE(RunUntil(&loop_, [&] { return Hear(std::size_t{1} << 20) == 0 && channel_.out().empty(); }));
  EXPECT_TRUE(Turn().ends_with("free "));
}

TEST_F(ChannelTest, WhatHasBeenWrittenIsNotKept) {
  Shows("B16");
  const std::string frame(std::size_t{256} << 10, 'x');
  channel_.out() += frame;
  Turn();
  // As a busy stream of jobs: the next comes before the last has been read.
  std::size_t kept = 0;
  for (int i = 0; i < 200; ++i) {
    channel_.out() += frame;
    for (std::size_t heard = 0; heard < frame.size();) {
      const std::size_t count = Hear(frame.size() - heard);
      heard += count;
      Turn();
    }
    kept = std::max(kept, channel_.out().size());
  }
  EXPECT_LT(kept, 4 * frame.size());
}

}  // namespace
}  // namespace andiron
