// Many jobs over one connection, against a worker that answers as the test has written down.
#include "tools/andiron/submit_run.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "ipc/frame.h"
#include "tests/support/temp_directory.h"
#include "tools/andiron/exit_code.h"
#include "worker/base/clock.h"
#include "worker/base/unique_fd.h"
#include "worker/control/control_limits.h"
#include "worker/control/control_words.h"

namespace andiron {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDeadline = 20s;

// The worker's end of the one connection. What doesn't come in time ends it, and with it the client's run.
class Line {
 public:
  explicit Line(int listener) {
    pollfd wait{listener, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(kDeadline / 1ms)) == 1)
      descriptor_ = UniqueFd(accept(listener, nullptr, nullptr));
    const timeval patience{kDeadline / 1s, 0};
    setsockopt(descriptor_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!Next().has_value()) return;
    control::FromWorker hello;
    hello.mutable_hello()->set_protocol_version(kControlProtocolVersion);
    hello.mutable_hello()->set_max_submit(8192);
    Say(hello);
  }

  // The number of the next request; none: the client is gone.
  std::uint64_t NextSubmit() {
    const std::optional<control::ToWorker> message = Next();
    return message.has_value() ? message->submit().request() : 0;
  }
  void Accept(std::uint64_t request) {
    control::FromWorker message;
    message.mutable_accepted()->set_request(request);
    Say(message);
  }
  void RefuseFullQueue(std::uint64_t request) {
    control::FromWorker message;
    message.mutable_refused()->set_request(request);
    message.mutable_refused()->set_reason(control::Refused::QUEUE_FULL);
    message.mutable_refused()->set_retry_after_ms(1);
    Say(message);
  }
  void Succeed(std::uint64_t request) {
    control::FromWorker message;
    message.mutable_outcome()->set_request(request);
    message.mutable_outcome()->set_outcome(control::Outcome::SUCCEEDED);
    Say(message);
  }

 private:
  std::optional<control::ToWorker> Next() {
    while (true) {
      if (const auto frame = reader_.Next()) {
        control::ToWorker message;
        EXPECT_TRUE(message.ParseFromArray(frame->body.data(), static_cast<int>(frame->body.size())));
        return message;
      }
      const auto space = reader_.Space();
      const ssize_t count = recv(descriptor_.get(), space.data(), space.size(), 0);
      if (count <= 0) return std::nullopt;
      reader_.Commit(static_cast<std::size_t>(count));
    }
  }
  void Say(const control::FromWorker& message) {
    std::string bytes;
    AppendFrame(bytes, message);
    send(descriptor_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  UniqueFd descriptor_;
  FrameReader reader_{LimitsForControlServer(8192)};
};

class SubmitRunTest : public testing::Test {
 protected:
  // The exit code of a run of these lines, while the worker behaves as `script` says.
  int Run(const std::string& lines, const std::function<void(Line&)>& script, Duration patience) {
    const std::string path = directory_.path() + "/s";
    const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    std::thread worker([&] {
      Line line(listener.get());
      script(line);
    });
    SubmitOptions options;
    options.patience = patience;
    options.files = {directory_.path() + "/lines"};
    std::ofstream(options.files.front()) << lines;
    const int code = RunAgainst(path, options);
    worker.join();
    return code;
  }

 private:
  static int RunAgainst(const std::string& path, const SubmitOptions& options) {
    const auto client = ControlClient::Connect(path, kDeadline, "test");
    EXPECT_TRUE(client.ok()) << client.status().ToString();
    if (!client.ok()) return -1;
    const auto loop = *EventLoop::Create();
    SubmitRun run(*loop, **client, options);
    const int code = run.Run();
    EXPECT_TRUE(run.lost().ok()) << run.lost().ToString();
    return code;
  }

  TempDirectory directory_;
};

TEST_F(SubmitRunTest, AFullQueueOnlySlowsItDownWhileAJobOfItsOwnIsUnderWay) {
  static constexpr Duration kPatience = 500ms;
  const auto script = [](Line& line) {
    const std::uint64_t first = line.NextSubmit();
    line.Accept(first);
    const TimePoint begin = Now();
    std::uint64_t second = line.NextSubmit();
    while (second != 0 && Now() - begin < 2 * kPatience) {
      line.RefuseFullQueue(second);
      second = line.NextSubmit();
    }
    line.Succeed(first);
    line.Accept(second);
    line.Succeed(second);
    EXPECT_EQ(line.NextSubmit(), 0U);
  };
  EXPECT_EQ(Run("a\nb\n", script, kPatience), kExitDone);
}

TEST_F(SubmitRunTest, AFullQueueEndsThePatienceWithAWorkerThatTakesNothing) {
  int tries = 0;
  const auto script = [&](Line& line) {
    for (std::uint64_t request = line.NextSubmit(); request != 0; request = line.NextSubmit()) {
      ++tries;
      line.RefuseFullQueue(request);
    }
  };
  EXPECT_EQ(Run("a\n", script, 500ms), kExitRefused);
  EXPECT_GT(tries, 1);
}

}  // namespace
}  // namespace andiron
