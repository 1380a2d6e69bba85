// What one client may ask in one turn of the loop, and what of it may be without an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/control/server_rig.h"
#include "worker/base/clock.h"
#include "worker/base/uv_handle.h"

namespace andiron {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;
using Kind = control::FromWorker::KindCase;

constexpr std::uint64_t kBudget = kControlMessagesPerTurn;

// How many resumes the server hears in each turn that hears any. Each turn is looked at before the worker's own part
// of it: prepares run last-started-first.
class ResumesPerTurn {
 public:
  explicit ResumesPerTurn(ServerRig& rig) : control_(rig.rig().worker().control()) {
    prepare_.Init(this, [&](uv_prepare_t* handle) { return uv_prepare_init(rig.rig().loop(), handle); });
    uv_prepare_start(prepare_.get(), [](uv_prepare_t* handle) { static_cast<ResumesPerTurn*>(handle->data)->Look(); });
  }
  // The loop may have been left before the turn was.
  const std::vector<std::uint64_t>& heard() {
    Look();
    return heard_;
  }

 private:
  void Look() {
    const std::uint64_t before = std::exchange(resumes_, control_.resumes());
    if (resumes_ > before) heard_.push_back(resumes_ - before);
  }

  const Operator& control_;
  UvHandle<uv_prepare_t> prepare_;
  std::uint64_t resumes_ = 0;
  std::vector<std::uint64_t> heard_;
};

control::ToWorker ResumeMessage(std::uint64_t request) {
  control::ToWorker message;
  message.mutable_resume()->set_request(request);
  return message;
}

control::ToWorker StatusMessage(std::uint64_t request) {
  control::ToWorker message;
  message.mutable_status()->set_request(request);
  return message;
}

control::ToWorker DrainMessage(std::uint64_t request) {
  control::ToWorker message;
  message.mutable_drain()->set_request(request);
  message.mutable_drain()->set_wait(true);
  return message;
}

control::ToWorker StopMessage(std::uint64_t request, bool now) {
  control::ToWorker message;
  message.mutable_stop()->set_request(request);
  message.mutable_stop()->set_now(now);
  message.mutable_stop()->set_wait(true);
  return message;
}

// Says all of them at once, as far as the kernel takes them.
void SayAll(ControlClient& client, const std::vector<control::ToWorker>& messages) {
  for (const control::ToWorker& message : messages) ASSERT_TRUE(client.Queue(message).ok());
  ASSERT_TRUE(client.Pump().ok());
}

// Resumes, all at once, and the answer to each.
void Flood(ControlClient& client, std::uint64_t count) {
  std::vector<control::ToWorker> messages;
  for (std::uint64_t request = 1; request <= count; ++request) messages.push_back(ResumeMessage(request));
  SayAll(client, messages);
  for (std::uint64_t request = 1; request <= count; ++request) ASSERT_EQ(NextOf(client).done().request(), request);
}

TEST(ControlTurn, FloodIsHeardInPiecesAndEveryMessageIsAnswered) {
  ServerRig rig(EchoPool());
  ResumesPerTurn resumes(rig);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) { Flood(client, 20 * kBudget + 1); }));
  EXPECT_THAT(resumes.heard(), Each(Le(kBudget)));
  EXPECT_GE(resumes.heard().size(), 21U);
}

TEST(ControlTurn, AsManyAsATurnHearsAreHeardInOne) {
  ServerRig rig(EchoPool());
  ResumesPerTurn resumes(rig);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) { Flood(client, kBudget); }));
  EXPECT_THAT(resumes.heard(), ElementsAre(kBudget));
}

// It has been read with the others: no new byte wakes the loop for it.
TEST(ControlTurn, OneMoreIsHeardInTheNextWithoutANewByte) {
  ServerRig rig(EchoPool());
  ResumesPerTurn resumes(rig);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) { Flood(client, kBudget + 1); }));
  EXPECT_THAT(resumes.heard(), ElementsAre(kBudget, 1U));
}

TEST(ControlTurn, WhatWaitsForItsTurnIsNotHalfAMessage) {
  ControlBounds bounds;
  bounds.look = 1ms;
  bounds.frame_looks = 0;
  ServerRig rig(EchoPool(), bounds);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) { Flood(client, 20 * kBudget); }));
}

TEST(ControlTurn, WhoGoesInTheMiddleOfItsFloodIsForgotten) {
  ServerRig rig(EchoPool());
  EXPECT_TRUE(rig.WithClient(
      [](ControlClient& client) { SayAll(client, std::vector<control::ToWorker>(10 * kBudget, ResumeMessage(1))); }));
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 0; }));
}

TEST(ControlTurn, JobsBeyondATurnsMessagesAllEnd) {
  PoolSettings pool = EchoPool();
  pool.max_jobs_per_child = 0;
  pool.start_by = 2 * kTestDeadline;
  ServerRig rig(pool);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    std::vector<control::ToWorker> messages;
    for (std::uint64_t request = 1; request <= 2 * kBudget + 1; ++request)
      messages.push_back(SubmitMessage(request, "", "x"));
    SayAll(client, messages);
    std::size_t succeeded = 0;
    for (std::size_t answers = 0; answers < 2 * messages.size(); ++answers) {
      if (NextOf(client).outcome().outcome() == control::Outcome::SUCCEEDED) ++succeeded;
    }
    EXPECT_EQ(succeeded, messages.size());
  }));
}

// A rig whose worker has a job that doesn't end, and few places for what is undecided.
class ControlWaits : public testing::Test {
 protected:
  static ControlBounds Bounds() {
    ControlBounds bounds;
    bounds.undecided = 10;
    return bounds;
  }

  // Runs `work` with the client of that job and with another.
  void Run(const std::function<void(ControlClient& owner, ControlClient& waiter)>& work) {
    EXPECT_TRUE(rig_.WithClient([&](ControlClient& owner) {
      ASSERT_TRUE(owner.Send(SubmitMessage(1, "long"), kTestDeadline).ok());
      ASSERT_EQ(NextOf(owner).kind_case(), Kind::kAccepted);
      if (const auto waiter = ConnectTo(rig_.path())) work(owner, *waiter);
    }));
  }

  // `waits` waits for a drain, and behind them the question for the status.
  static void AskAndAwaitDraining(ControlClient& owner, ControlClient& waiter, std::uint64_t waits) {
    std::vector<control::ToWorker> messages;
    for (std::uint64_t request = 1; request <= waits; ++request) messages.push_back(DrainMessage(request));
    messages.push_back(StatusMessage(waits + 1));
    SayAll(waiter, messages);
    const TimePoint deadline = Now() + kTestDeadline;
    while (Now() < deadline && StatusOf(owner).find(R"("state":"draining")") == std::string::npos) continue;
  }

  ServerRig rig_{EchoPool({"--sleep-ms", "600000"}), Bounds()};
};

TEST_F(ControlWaits, WhoWaitsForTooMuchIsHeardAgainWhenThatIsOver) {
  Run([](ControlClient& owner, ControlClient& waiter) {
    AskAndAwaitDraining(owner, waiter, 10);
    ASSERT_TRUE(owner.Send(ResumeMessage(2), kTestDeadline).ok());
    EXPECT_EQ(NextOf(owner).done().request(), 2U);
    for (std::uint64_t request = 1; request <= 10; ++request) {
      EXPECT_EQ(NextOf(waiter).error().request(), request);
    }
    EXPECT_EQ(NextOf(waiter).status().request(), 11U);
  });
}

TEST_F(ControlWaits, WhoMayStillWaitIsHeardMeanwhile) {
  Run([](ControlClient& owner, ControlClient& waiter) {
    AskAndAwaitDraining(owner, waiter, 9);
    EXPECT_EQ(NextOf(waiter).status().request(), 10U);
  });
}

TEST_F(ControlWaits, WaitsForTheWorkersEndCountAsWell) {
  Run([](ControlClient&, ControlClient& waiter) {
    std::vector<control::ToWorker> messages;
    for (std::uint64_t request = 1; request < 10; ++request) messages.push_back(StopMessage(request, false));
    messages.push_back(StopMessage(10, true));
    messages.push_back(StatusMessage(11));
    SayAll(waiter, messages);
    for (std::uint64_t request = 1; request <= 10; ++request) {
      EXPECT_EQ(NextOf(waiter).done().request(), request);
    }
    EXPECT_EQ(NextOf(waiter).status().request(), 11U);
  });
}

TEST_F(ControlWaits, WhoGoesWaitsNoMore) {
  Run([](ControlClient& owner, ControlClient& waiter) { AskAndAwaitDraining(owner, waiter, 9); });
  EXPECT_TRUE(rig_.rig().RunUntil([&] { return rig_.server().clients() == 0; }));
}

}  // namespace
}  // namespace andiron
