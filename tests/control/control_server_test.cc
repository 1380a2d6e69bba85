#include "worker/control/control_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ipc/frame.h"
#include "tests/control/server_rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/base/uv_handle.h"

namespace andiron {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using Kind = control::FromWorker::KindCase;

// Whether the worker hangs up on this connection in time; what it said before comes in `said`.
bool HangsUp(int descriptor, std::string* said = nullptr) {
  const TimePoint deadline = Now() + kTestDeadline;
  while (Now() < deadline) {
    pollfd wait{descriptor, POLLIN, 0};
    poll(&wait, 1, 100);
    char bytes[4096];
    const ssize_t count = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return true;
    if (count > 0 && said != nullptr) said->append(bytes, static_cast<std::size_t>(count));
  }
  return false;
}

void SayRaw(int descriptor, const std::string& bytes) {
  EXPECT_EQ(send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

std::string HelloFrame(std::uint32_t version = 1) {
  control::ToWorker hello;
  hello.mutable_hello()->set_protocol_version(version);
  std::string bytes;
  AppendFrame(bytes, hello);
  return bytes;
}

TEST(ControlServer, JobGoesThroughAllItsStations) {
  ServerRig rig(EchoPool());
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    EXPECT_EQ(client.worker().name(), "test");
    EXPECT_GT(client.worker().pid(), 0);
    ASSERT_TRUE(client.Send(SubmitMessage(7, "first", "hello"), kTestDeadline).ok());
    auto message = client.Next(kTestDeadline);
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(message->accepted().request(), 7U);
    EXPECT_EQ(message->accepted().id(), "first");
    message = client.Next(kTestDeadline);
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(message->started().request(), 7U);
    EXPECT_EQ(message->started().child(), "echo/0.1");
    message = client.Next(kTestDeadline);
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(message->outcome().request(), 7U);
    EXPECT_EQ(message->outcome().id(), "first");
    EXPECT_EQ(message->outcome().outcome(), control::Outcome::SUCCEEDED);
    EXPECT_EQ(message->outcome().output(), "hello");
    EXPECT_EQ(message->outcome().child(), "echo/0.1");
  }));
}

TEST(ControlServer, MadeUpIdsDiffer) {
  ServerRig rig(EchoPool());
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    const std::string first = EndOf(client, SubmitMessage(1, "")).outcome().id();
    const std::string second = EndOf(client, SubmitMessage(2, "")).outcome().id();
    EXPECT_NE(first, "");
    EXPECT_NE(first, second);
  }));
}

TEST(ControlServer, RefusalsSayWhy) {
  Shows("B23", "R62");
  PoolSettings pool = EchoPool();
  pool.max_payload = 1000;
  ServerRig rig(pool);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    control::ToWorker nowhere = SubmitMessage(1, "a");
    nowhere.mutable_submit()->set_pool("nowhere");
    EXPECT_EQ(EndOf(client, nowhere).refused().reason(), control::Refused::UNKNOWN_POOL);
    EXPECT_EQ(EndOf(client, SubmitMessage(2, "a", std::string(1000, 'x'))).outcome().outcome(),
              control::Outcome::SUCCEEDED);
    const auto refused = EndOf(client, SubmitMessage(3, "a", std::string(1001, 'x')));
    EXPECT_EQ(refused.refused().reason(), control::Refused::TOO_LARGE);
    EXPECT_THAT(refused.refused().text(), HasSubstr("max_payload"));
    // Far over the limit it doesn't even leave the client.
    EXPECT_TRUE(absl::IsInvalidArgument(client.Queue(SubmitMessage(4, "a", std::string(10000, 'x')))));
    EXPECT_EQ(EndOf(client, SubmitMessage(5, std::string(256, 'i'))).outcome().outcome(), control::Outcome::SUCCEEDED);
    const auto overlong = EndOf(client, SubmitMessage(6, std::string(257, 'i')));
    EXPECT_EQ(overlong.refused().reason(), control::Refused::INVALID_ID);
    EXPECT_THAT(overlong.refused().text(), HasSubstr("1 to 256 bytes"));
  }));
}

TEST(ControlServer, PoolsThatThereAreAreNamedButNotAThousandOfThem) {
  WorkerSettings settings = SettingsOf(EchoPool());
  for (int i = 1; i < 1000; ++i) {
    PoolSettings pool = EchoPool();
    pool.name = std::to_string(i) + std::string(60, 'p');
    pool.warm = 0;
    settings.pools.push_back(pool);
  }
  ServerRig rig(settings);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    control::ToWorker nowhere = SubmitMessage(1, "a");
    nowhere.mutable_submit()->set_pool("nowhere");
    const control::FromWorker refused = EndOf(client, nowhere);
    EXPECT_EQ(refused.refused().reason(), control::Refused::UNKNOWN_POOL);
    EXPECT_THAT(refused.refused().text(), HasSubstr(": it has 'echo', '1p"));
    EXPECT_THAT(refused.refused().text(), EndsWith(" and 990 more"));
    EXPECT_EQ(EndOf(client, SubmitMessage(2, "b", "y")).outcome().output(), "y");
  }));
}

TEST(ControlServer, RefusedRequestsMakeRoomForTheNext) {
  ControlBounds bounds;
  bounds.undecided = 2;
  ServerRig rig(EchoPool(), bounds);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    for (std::uint64_t request = 1; request <= 5; ++request) {
      control::ToWorker nowhere = SubmitMessage(request, "a");
      nowhere.mutable_submit()->set_pool("nowhere");
      ASSERT_EQ(EndOf(client, nowhere).refused().request(), request);
    }
  }));
}

TEST(ControlServer, LargeOutcomeReachesItsClientInPieces) {
  ServerRig rig(EchoPool());
  const std::string payload(std::size_t{3} << 20, 'p');
  EXPECT_TRUE(rig.WithClient([&](ControlClient& client) {
    EXPECT_TRUE(EndOf(client, SubmitMessage(1, "large", payload)).outcome().output() == payload);
  }));
}

// The files' modes keep others away; who is there nevertheless is looked at.
TEST(ControlServer, AnotherUserIsNotHeardThoughTheSocketLetsThemIn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ServerRig rig(EchoPool());
  ASSERT_EQ(chmod(rig.path().substr(0, rig.path().rfind('/')).c_str(), 0755), 0);
  ASSERT_EQ(chmod(rig.path().c_str(), 0666), 0);
  EXPECT_TRUE(rig.While([&] {
    // The call itself changes this thread only; the C library's would change them all.
    ASSERT_EQ(syscall(SYS_setresuid, -1, 65534, -1), 0);
    const UniqueFd stranger = ConnectRaw(rig.path());
    ASSERT_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
    const std::string hello = HelloFrame();
    send(stranger.get(), hello.data(), hello.size(), MSG_NOSIGNAL);  // the worker may have hung up already
    pollfd wait{stranger.get(), POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, static_cast<int>(kTestDeadline / 1ms)), 1);
    char byte = 0;
    EXPECT_LE(recv(stranger.get(), &byte, 1, MSG_DONTWAIT), 0) << "it was answered";
  }));
}

TEST(ControlServer, JobOfAnotherClientCanBeCancelled) {
  ServerRig rig(EchoPool({"--sleep-ms", "600000"}));
  EXPECT_TRUE(rig.WithClient([&](ControlClient& client) {
    ASSERT_TRUE(client.Send(SubmitMessage(1, "long"), kTestDeadline).ok());
    ASSERT_EQ(NextOf(client).kind_case(), Kind::kAccepted);
    const auto other = ConnectTo(rig.path());
    control::ToWorker cancel;
    cancel.mutable_cancel()->set_request(9);
    cancel.mutable_cancel()->set_id("none such");
    ASSERT_TRUE(other->Send(cancel, kTestDeadline).ok());
    EXPECT_EQ(NextOf(*other).error().code(), control::Error::NOT_FOUND);
    cancel.mutable_cancel()->set_id("long");
    cancel.mutable_cancel()->set_pool("another");
    ASSERT_TRUE(other->Send(cancel, kTestDeadline).ok());
    EXPECT_THAT(NextOf(*other).error().text(), HasSubstr("no job of this id is queued or running in the pool another"));
    cancel.mutable_cancel()->set_pool("echo");
    ASSERT_TRUE(other->Send(cancel, kTestDeadline).ok());
    EXPECT_EQ(NextOf(*other).done().request(), 9U);
    EXPECT_EQ(NextOf(client).outcome().outcome(), control::Outcome::CANCELLED);
  }));
}

TEST(ControlServer, JobThatIsNotDecidedYetCanBeCancelled) {
  ServerRig rig(EchoPool({"--sleep-ms", "600000"}));
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    control::ToWorker cancel;
    cancel.mutable_cancel()->set_request(2);
    cancel.mutable_cancel()->set_pool("another");
    cancel.mutable_cancel()->set_id("x");
    ASSERT_TRUE(client.Queue(SubmitMessage(1, "x")).ok());
    ASSERT_TRUE(client.Queue(cancel).ok());
    cancel.mutable_cancel()->set_request(3);
    cancel.mutable_cancel()->set_pool("echo");
    ASSERT_TRUE(client.Queue(cancel).ok());
    ASSERT_TRUE(client.Pump().ok());
    EXPECT_EQ(NextOf(client).error().request(), 2U);
    EXPECT_EQ(NextOf(client).done().request(), 3U);
    EXPECT_EQ(NextOf(client).accepted().request(), 1U);
    EXPECT_EQ(NextOf(client).outcome().outcome(), control::Outcome::CANCELLED);
  }));
  EXPECT_EQ(rig.rig().Pool().accepted, 1);
}

TEST(ControlServer, OfEqualIdsThatAreNotDecidedYetTheFirstIsCancelled) {
  ServerRig rig(EchoPool({"--sleep-ms", "600000"}));
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    control::ToWorker cancel;
    cancel.mutable_cancel()->set_request(3);
    cancel.mutable_cancel()->set_id("x");
    ASSERT_TRUE(client.Queue(SubmitMessage(1, "x")).ok());
    ASSERT_TRUE(client.Queue(SubmitMessage(2, "x")).ok());
    ASSERT_TRUE(client.Queue(cancel).ok());
    ASSERT_TRUE(client.Pump().ok());
    EXPECT_EQ(NextOf(client).done().request(), 3U);
    EXPECT_EQ(NextOf(client).accepted().request(), 1U);
    EXPECT_EQ(NextOf(client).refused().reason(), control::Refused::DUPLICATE_ID);
    EXPECT_EQ(NextOf(client).outcome().request(), 1U);
    // What was refused and what has ended is known no more.
    ASSERT_TRUE(client.Send(cancel, kTestDeadline).ok());
    EXPECT_EQ(NextOf(client).error().code(), control::Error::NOT_FOUND);
  }));
}

TEST(ControlServer, AttachedJobEndsWithItsClientAndADetachedOneGoesOn) {
  PoolSettings pool = EchoPool({"--sleep-ms", "600000"});
  pool.max_children = 2;
  ServerRig rig(pool);
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    ASSERT_TRUE(client.Send(SubmitMessage(1, "attached"), kTestDeadline).ok());
    control::ToWorker detached = SubmitMessage(2, "detached");
    detached.mutable_submit()->set_detach(true);
    ASSERT_TRUE(client.Send(detached, kTestDeadline).ok());
    EXPECT_EQ(NextOf(client).kind_case(), Kind::kAccepted);
    EXPECT_EQ(NextOf(client).kind_case(), Kind::kAccepted);
  }));
  const auto cancelled = [&] { return rig.rig().Pool().outcomes[static_cast<std::size_t>(Outcome::kCancelled)]; };
  EXPECT_TRUE(rig.rig().RunUntil([&] { return cancelled() == 1 && rig.rig().Pool().running == 1; }));
  EXPECT_TRUE(rig.rig().worker().desk().FindJob("echo", "detached").has_value());
}

TEST(ControlServer, StatusIsTheWorkersOwn) {
  ServerRig rig(EchoPool());
  EXPECT_TRUE(rig.WithClient(
      [](ControlClient& client) { EXPECT_THAT(StatusOf(client), HasSubstr(R"({"worker":{"name":"test")")); }));
}

TEST(ControlServer, DrainCanBeWaitedForAndCalledOff) {
  ServerRig rig(EchoPool({"--sleep-ms", "600000"}));
  EXPECT_TRUE(rig.WithClient([&](ControlClient& client) {
    ASSERT_TRUE(client.Send(SubmitMessage(1, "long"), kTestDeadline).ok());
    ASSERT_EQ(NextOf(client).kind_case(), Kind::kAccepted);
    const auto drainer = ConnectTo(rig.path());
    control::ToWorker drain;
    drain.mutable_drain()->set_request(1);
    drain.mutable_drain()->set_wait(true);
    ASSERT_TRUE(drainer->Send(drain, kTestDeadline).ok());
    // Another connection's request may be read later.
    const TimePoint deadline = Now() + kTestDeadline;
    while (Now() < deadline && StatusOf(client).find(R"("state":"draining")") == std::string::npos) continue;
    EXPECT_THAT(StatusOf(client), HasSubstr(R"("state":"draining")"));
    EXPECT_EQ(EndOf(client, SubmitMessage(2, "late")).refused().reason(), control::Refused::DRAINING);
    control::ToWorker resume;
    resume.mutable_resume()->set_request(3);
    ASSERT_TRUE(client.Send(resume, kTestDeadline).ok());
    EXPECT_EQ(NextOf(client).done().request(), 3U);
    EXPECT_EQ(NextOf(*drainer).error().code(), control::Error::CALLED_OFF);

    ASSERT_TRUE(drainer->Send(drain, kTestDeadline).ok());
    control::ToWorker cancel;
    cancel.mutable_cancel()->set_request(4);
    cancel.mutable_cancel()->set_id("long");
    ASSERT_TRUE(client.Send(cancel, kTestDeadline).ok());
    EXPECT_EQ(NextOf(*drainer).done().request(), 1U);
    // Drained already: at once.
    ASSERT_TRUE(drainer->Send(drain, kTestDeadline).ok());
    EXPECT_EQ(NextOf(*drainer).done().request(), 1U);
  }));
}

TEST(ControlServer, StopIsAnsweredWhenTheLastChildHasEnded) {
  ServerRig rig(EchoPool({"--sleep-ms", "600000"}));
  EXPECT_TRUE(rig.WithClient([](ControlClient& client) {
    ASSERT_TRUE(client.Send(SubmitMessage(1, "long"), kTestDeadline).ok());
    ASSERT_EQ(NextOf(client).kind_case(), Kind::kAccepted);
    control::ToWorker stop;
    stop.mutable_stop()->set_request(2);
    stop.mutable_stop()->set_now(true);
    stop.mutable_stop()->set_wait(true);
    ASSERT_TRUE(client.Send(stop, kTestDeadline).ok());
    EXPECT_EQ(NextOf(client).outcome().outcome(), control::Outcome::KILLED_SHUTDOWN);
    EXPECT_EQ(NextOf(client).done().request(), 2U);
  }));
  EXPECT_TRUE(rig.rig().worker().stopped());
}

bool LoopAlive(ServerRig& rig) {
  for (int turns = 0; turns < 10; ++turns) uv_run(rig.rig().loop(), UV_RUN_NOWAIT);
  return uv_loop_alive(rig.rig().loop()) != 0;
}

// The kernel holds only a part of it.
UniqueFd StopWithAnUnreadAnswer(ServerRig& rig, std::size_t bytes) {
  UniqueFd client = ConnectRaw(rig.path());
  std::string words = HelloFrame();
  AppendFrame(words, SubmitMessage(1, "large", std::string(bytes, 'p')));
  EXPECT_TRUE(rig.While([&] { SayRaw(client.get(), words); }));
  EXPECT_TRUE(rig.rig().RunUntil(
      [&] { return rig.rig().Pool().outcomes.at(static_cast<std::size_t>(Outcome::kSucceeded)) == 1; }));
  EXPECT_TRUE(rig.rig().Stop(false));
  return client;
}

TEST(ControlServer, StoppedWorkerKeepsTheLoopUntilTheLastAnswersAreRead) {
  Shows("R103");
  constexpr std::size_t kBytes = std::size_t{3} << 20;
  ServerRig rig(EchoPool());
  const UniqueFd client = StopWithAnUnreadAnswer(rig, kBytes);
  EXPECT_TRUE(LoopAlive(rig));
  EXPECT_TRUE(rig.While([&] {
    std::vector<char> said(kBytes);
    EXPECT_EQ(recv(client.get(), said.data(), said.size(), MSG_WAITALL), static_cast<ssize_t>(kBytes));
    // The rest: the answers before it, and its envelope.
    EXPECT_GT(recv(client.get(), said.data(), said.size(), 0), 0);
  }));
  EXPECT_FALSE(LoopAlive(rig));
  EXPECT_EQ(rig.server().clients(), 1U);
}

TEST(ControlServer, StoppedWorkerWaitsForNobodyLongerThanLastWords) {
  Shows("R103");
  ControlBounds bounds;
  bounds.last_words = 100ms;
  ServerRig rig(EchoPool(), bounds);
  const UniqueFd deaf = StopWithAnUnreadAnswer(rig, std::size_t{3} << 20);
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 0; }));
  EXPECT_FALSE(LoopAlive(rig));
}

TEST(ControlServer, WhoBreaksTheProtocolIsToldAndDisconnected) {
  ServerRig rig(EchoPool());
  control::ToWorker early = SubmitMessage(1, "early");
  std::string early_bytes;
  AppendFrame(early_bytes, early);
  control::ToWorker unnumbered = SubmitMessage(0, "x");
  std::string unnumbered_bytes = HelloFrame();
  AppendFrame(unnumbered_bytes, unnumbered);
  const std::map<std::string, std::string> offences = {
      {early_bytes, "before the hello"},
      {HelloFrame() + HelloFrame(), "second hello"},
      {HelloFrame(2), "version 2"},
      {unnumbered_bytes, "without a number"},
      {"GET / HTTP/1.1\r\n\r\n", "frame"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff", 7), "length"},
      {HelloFrame() + std::string("\x04\x12\x02\x08", 4) + "\xff", "can't be read"},
  };
  EXPECT_TRUE(rig.While([&] {
    for (const auto& [bytes, reason] : offences) {
      const UniqueFd descriptor = ConnectRaw(rig.path());
      SayRaw(descriptor.get(), bytes);
      std::string said;
      EXPECT_TRUE(HangsUp(descriptor.get(), &said)) << reason;
      EXPECT_THAT(said, HasSubstr(reason));
    }
    // The others aren't disturbed.
    const auto client = ConnectTo(rig.path());
    EXPECT_EQ(EndOf(*client, SubmitMessage(1, "x", "y")).outcome().output(), "y");
  }));
}

TEST(ControlServer, ClientsThatOweSomethingForTooLongAreDisconnected) {
  ControlBounds bounds;
  bounds.look = 20ms;
  ServerRig rig(EchoPool(), bounds);
  EXPECT_TRUE(rig.While([&] {
    const UniqueFd silent = ConnectRaw(rig.path());
    const UniqueFd half = ConnectRaw(rig.path());
    SayRaw(half.get(), HelloFrame() + "\x05");
    const auto client = ConnectTo(rig.path());  // owes nothing
    std::string said;
    EXPECT_TRUE(HangsUp(silent.get(), &said));
    EXPECT_THAT(said, HasSubstr("no hello"));
    EXPECT_TRUE(HangsUp(half.get()));
    EXPECT_THAT(StatusOf(*client), HasSubstr("pools"));
  }));
  EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 0; }));
}

TEST(ControlServer, ClientThatDoesNotReadIsDisconnectedAndTheOthersGoOn) {
  ControlBounds bounds;
  bounds.look = 20ms;
  bounds.unread_pause = 100'000;
  ServerRig rig(EchoPool(), bounds);
  EXPECT_TRUE(rig.While([&] {
    const UniqueFd deaf = ConnectRaw(rig.path());
    SayRaw(deaf.get(), HelloFrame());
    control::ToWorker status;
    status.mutable_status()->set_request(1);
    std::string asks;
    for (int i = 0; i < 2000; ++i) AppendFrame(asks, status);
    SayRaw(deaf.get(), asks);
    // It hears nothing of what is said to it, so it can't see the end either; the worker can.
    const auto client = ConnectTo(rig.path());
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(EndOf(*client, SubmitMessage(1, "x", "y")).outcome().output(), "y");
    }
    const TimePoint deadline = Now() + kTestDeadline;
    pollfd gone{deaf.get(), POLLRDHUP, 0};
    while (Now() < deadline && (gone.revents & (POLLRDHUP | POLLHUP)) == 0) poll(&gone, 1, 100);
    EXPECT_NE(gone.revents & (POLLRDHUP | POLLHUP), 0);
  }));
}

TEST(ControlServer, OneClientMoreThanItTakesIsToldSo) {
  ControlBounds bounds;
  bounds.clients = 2;
  ServerRig rig(EchoPool(), bounds);
  EXPECT_TRUE(rig.While([&] {
    auto first = ConnectTo(rig.path());
    auto second = ConnectTo(rig.path());
    const auto third = ControlClient::Connect(rig.path(), kTestDeadline, "third");
    EXPECT_TRUE(absl::IsResourceExhausted(third.status())) << third.status().ToString();
    first.reset();
    // The place is free as soon as the worker has seen it go.
    const TimePoint deadline = Now() + kTestDeadline;
    auto again = ControlClient::Connect(rig.path(), kTestDeadline, "again");
    while (!again.ok() && Now() < deadline) again = ControlClient::Connect(rig.path(), kTestDeadline, "again");
    EXPECT_TRUE(again.ok());
  }));
}

TEST(ControlServer, ConnectSaysWhetherThereIsNoSocketOrNobodyBehindIt) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  EXPECT_TRUE(absl::IsNotFound(ControlClient::Connect(path, 1s, "test").status()));
  {
    const auto socket = ControlSocket::Listen(path);
    ASSERT_TRUE(socket.ok());
    EXPECT_TRUE(absl::IsDeadlineExceeded(ControlClient::Connect(path, 50ms, "test").status()));
    ASSERT_EQ(link(path.c_str(), (directory.path() + "/left.sock").c_str()), 0);
  }
  EXPECT_TRUE(absl::IsUnavailable(ControlClient::Connect(directory.path() + "/left.sock", 1s, "test").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ControlClient::Connect(std::string(200, 'x'), 1s, "test").status()));
}

// Keeps all of the descriptors but `free` of them busy, as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t limit) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{limit, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    for (int descriptor = dup(0); descriptor >= 0; descriptor = dup(0)) held_.push_back(descriptor);
  }
  ~FewDescriptors() {
    for (const int descriptor : held_) close(descriptor);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  void Free() {
    close(held_.back());
    held_.pop_back();
  }

 private:
  rlimit before_{};
  std::vector<int> held_;
};

// How often the log in this file has the word.
int TimesSaid(const UniqueFd& log, std::string_view word) {
  std::string text(1 << 20, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, pread(log.get(), text.data(), text.size(), 0))));
  int times = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++times;
  return times;
}

TEST(ControlServer, WithoutDescriptorsClientsWaitAndTheLoopDoesNotSpin) {
  const UniqueFd log(memfd_create("log", MFD_CLOEXEC));
  ASSERT_TRUE(log);
  ControlBounds bounds;
  bounds.accept_pause = 20ms;
  WorkerSettings settings = SettingsOf(EchoPool());
  settings.log_level = LogLevel::kInfo;
  settings.log_format = LogFormat::kJson;
  ServerRig rig(settings, bounds, log.get());
  ASSERT_TRUE(rig.rig().RunUntil([&] { return rig.rig().Slots(SlotState::kIdle) == 1; }));
  int turns = 0;
  {
    UniqueFd waiting = ConnectRaw(rig.path());  // its connection is not accepted yet
    FewDescriptors few(256);
    const TimePoint end = Now() + 200ms;
    rig.rig().RunUntil([&] { return ++turns > 1000 || Now() > end; }, 300ms);
    EXPECT_EQ(rig.server().clients(), 0U);
    EXPECT_LT(turns, 200);
    // Each pause's end wakes the loop, and little else does.
    const int many = turns + 10;
    EXPECT_TRUE(rig.rig().RunUntil([&] { return ++turns > many; }));
    few.Free();
    EXPECT_TRUE(rig.rig().RunUntil([&] { return rig.server().clients() == 1; }));
    EXPECT_EQ(TimesSaid(log, "control_accept_resumed"), 0) << "that client has taken the only one";
  }
  EXPECT_TRUE(rig.WithClient(
      [](ControlClient& client) { EXPECT_EQ(EndOf(client, SubmitMessage(1, "x", "y")).outcome().output(), "y"); }));
  EXPECT_EQ(TimesSaid(log, "control_accept_resumed"), 1);
  EXPECT_EQ(TimesSaid(log, "control_accept_paused"), 1);
}

// One client, all its jobs at once: more than may be undecided, answered each exactly once.
void SubmitAll(const std::string& path, int jobs, std::set<std::uint64_t>& ended) {
  const auto client = ConnectTo(path);
  ASSERT_NE(client, nullptr);
  const TimePoint deadline = Now() + 2 * kTestDeadline;
  int queued = 0;
  while (ended.size() < static_cast<std::size_t>(jobs) && Now() < deadline) {
    while (queued < jobs && client->queued_bytes() < 100'000) {
      ASSERT_TRUE(client->Queue(SubmitMessage(static_cast<std::uint64_t>(++queued), "", "x")).ok());
    }
    ASSERT_TRUE(client->Pump().ok());
    while (const auto message = client->Take()) {
      ASSERT_NE(message->kind_case(), Kind::kRefused) << message->refused().text();
      if (message->kind_case() != Kind::kOutcome) continue;
      EXPECT_EQ(message->outcome().outcome(), control::Outcome::SUCCEEDED) << message->outcome().error();
      EXPECT_TRUE(ended.insert(message->outcome().request()).second);
    }
    ASSERT_TRUE(client->Wait(1s).ok());
  }
}

PoolSettings ManyJobsPool() {
  PoolSettings pool = EchoPool();
  pool.warm = 2;
  pool.max_children = 2;
  pool.max_concurrent_jobs_per_child = 1;
  pool.start_by = 2 * kTestDeadline;
  return pool;
}

TEST(ControlServer, ManyClientsWithManyJobsEachGetEveryOutcomeOnce) {
  constexpr int kClients = 100;
  constexpr int kJobs = 100;
  ServerRig rig(ManyJobsPool());
  std::vector<std::set<std::uint64_t>> ended(kClients);
  EXPECT_TRUE(rig.While([&] {
    std::vector<std::thread> threads;
    for (auto& mine : ended) threads.emplace_back([&rig, &mine] { SubmitAll(rig.path(), kJobs, mine); });
    for (auto& thread : threads) thread.join();
  }));
  for (const auto& mine : ended) EXPECT_EQ(mine.size(), static_cast<std::size_t>(kJobs));
  EXPECT_EQ(rig.rig().Pool().accepted, kClients * kJobs);
}

TEST(ControlServer, ReadingPausesWhileTooMuchIsUndecided) {
  ControlBounds bounds;
  bounds.undecided = 10;
  ServerRig rig(ManyJobsPool(), bounds);
  struct Turns {
    Rig& rig;
    std::int64_t accepted = 0;
    std::int64_t most = 0;  // in one turn
  } turns{rig.rig()};
  UvHandle<uv_check_t> check;
  check.Init(&turns, [&](uv_check_t* handle) { return uv_check_init(rig.rig().loop(), handle); });
  uv_check_start(check.get(), [](uv_check_t* handle) {
    auto& self = *static_cast<Turns*>(handle->data);
    const std::int64_t accepted = self.rig.Pool().accepted;
    self.most = std::max(self.most, accepted - std::exchange(self.accepted, accepted));
  });
  std::set<std::uint64_t> ended;
  EXPECT_TRUE(rig.While([&] { SubmitAll(rig.path(), 1000, ended); }));
  EXPECT_EQ(ended.size(), 1000U);
  // A turn is some steps, each after a reading.
  EXPECT_LE(turns.most, 100);
}

}  // namespace
}  // namespace andiron
