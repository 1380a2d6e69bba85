// The control server while its system calls fail: clients may be disconnected, but the next is served, each job has one
// end, and a server that can't start says why and leaves nothing in the way.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/control/server_rig.h"
#include "tests/injection/calls.h"
#include "tests/injection/cases.h"
#include "worker/base/clock.h"

namespace andiron::injection {
namespace {

constexpr int kTries = 5;
constexpr Duration kSiege = std::chrono::milliseconds(200);

PoolSettings Pool() {
  PoolSettings pool = EchoPool();
  pool.max_children = 2;
  pool.backoff_min = 5ms;
  pool.backoff_max = 20ms;
  return pool;
}

ControlBounds Bounds() {
  ControlBounds bounds;
  bounds.look = 20ms;
  bounds.accept_pause = 10ms;
  return bounds;
}

// Connects, has a job done, asks for the status. Whether all of it went well.
bool Exchange(const std::string& path, Duration patience) {
  const auto client = ControlClient::Connect(path, patience, "test");
  if (!client.ok() || !(*client)->Send(SubmitMessage(1, "", "payload"), patience).ok()) return false;
  for (;;) {
    const auto message = (*client)->Next(patience);
    if (!message.ok() || message->has_refused()) return false;
    if (!message->has_outcome()) continue;
    if (message->outcome().outcome() != control::Outcome::SUCCEEDED) return false;
    EXPECT_EQ(message->outcome().output(), "payload");
    break;
  }
  control::ToWorker ask;
  ask.mutable_status()->set_request(2);
  return (*client)->Send(ask, patience).ok() && (*client)->Next(patience).ok();
}

// A server that clients come to; the fault, if any, begins with the first of them.
void Serve(const Fault* fault) {
  ServerRig rig(Pool(), Bounds());
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.rig().Slots(SlotState::kIdle) > 0; }));
  if (fault == nullptr) {
    CountOnly();
  } else {
    Arm(*fault);
  }
  bool served = false;
  ASSERT_TRUE(rig.While([&] {
    const Exempt client;
    if (fault != nullptr && fault->persists) {
      Exchange(rig.path(), kSiege);
      Disarm();
    }
    for (int i = 0; i < kTries && !served; ++i) served = Exchange(rig.path(), kTestDeadline);
  }));
  EXPECT_TRUE(served);
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 0; }));
  EXPECT_TRUE(rig.rig().Stop(false)) << rig.rig().worker().StatusJson();
  const PoolStatus pool = rig.rig().Pool();
  std::int64_t ends = 0;
  for (const std::int64_t outcomes : pool.outcomes) ends += outcomes;
  EXPECT_EQ(pool.accepted, ends);
  EXPECT_EQ(pool.contained, 0);
}

class ControlInjection : public testing::TestWithParam<Call> {};

TEST_P(ControlInjection, TheNextClientIsServed) {
  const Site& site = Sites().at(static_cast<std::size_t>(GetParam()));
  Serve(nullptr);
  const int made = Count(site.call);
  ASSERT_GT(made, 0) << "the run never makes this call";
  for (const Fault& fault : CasesOf(site, made)) {
    SCOPED_TRACE(Name(fault));
    Serve(&fault);
    Disarm();
    if (HasFailure()) return;
  }
}

std::string NameOfCall(const testing::TestParamInfo<Call>& call) {
  return std::string(Sites().at(static_cast<std::size_t>(call.param)).name);
}

INSTANTIATE_TEST_SUITE_P(Calls, ControlInjection,
                         testing::Values(Call::kAccept4, Call::kGetsockopt, Call::kPollInit, Call::kRecv, Call::kSend),
                         NameOfCall);

class ControlStart : public testing::TestWithParam<Call> {};

TEST_P(ControlStart, FailsWithAReasonAndTheNextOneSucceeds) {
  const Site& site = Sites().at(static_cast<std::size_t>(GetParam()));
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  Rig rig(Pool());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) > 0; }));
  for (const int error : site.errors) {
    SCOPED_TRACE(Name({site.call, 1, error, false}));
    Arm({site.call, 1, error, false});
    const auto failed = ControlServer::Create(rig.worker(), path);
    EXPECT_EQ(Happened(), 1);
    Disarm();
    EXPECT_FALSE(failed.ok());
    EXPECT_GT(failed.status().message().size(), site.name.size());
    const auto server = ControlServer::Create(rig.worker(), path);
    EXPECT_TRUE(server.ok()) << server.status().ToString();
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, ControlStart,
                         testing::Values(Call::kSocket, Call::kBind, Call::kListen, Call::kPollInit), NameOfCall);

// A connection that can't be taken, for whatever reason, stays readable: the loop must not spin on it.
TEST(ControlAccept, ErrorThatNobodyExpectsDoesNotSpinTheLoop) {
  ServerRig rig(Pool(), Bounds());
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.rig().Slots(SlotState::kIdle) > 0; }));
  Arm({Call::kAccept4, 1, EPERM, true});
  const UniqueFd waiting = ConnectRaw(rig.path());
  const TimePoint end = Now() + kSiege;
  rig.rig().RunUntil([&] { return Now() >= end; }, 2 * kSiege);
  EXPECT_GT(Happened(), 0);
  EXPECT_LT(Happened(), 100);
  Disarm();
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 1; }));
}

}  // namespace
}  // namespace andiron::injection
