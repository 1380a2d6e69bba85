// The client's end of the control socket: whatever the other end says, the client connects or says why not, hands out
// the messages that protobuf reads, in order, and ends with a status of its list.
//
// Input: cuts, what the other end says.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "tests/fuzz/target.h"
#include "tests/ipc/reference_decoder.h"
#include "worker/base/unique_fd.h"
#include "worker/control/control_client.h"
#include "worker/control/control_limits.h"
#include "worker/control/control_words.h"

namespace andiron::fuzz {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);
// What a socket surely takes at once, so that the other end never waits.
constexpr std::size_t kBytesMax = std::size_t{64} << 10;

class Listener {
 public:
  Listener() : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    char folder[] = "/tmp/andiron-fuzz-XXXXXX";
    Require(mkdtemp(folder) != nullptr, "there is a place for the socket");
    folder_ = folder;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().data(), path().size());
    Require(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "it can be bound");
    Require(listen(socket_.get(), 8) == 0, "it listens");
  }
  ~Listener() {
    unlink(path().c_str());
    rmdir(folder_.c_str());
  }

  std::string path() const { return folder_ + "/s"; }

  // Says all of it to the next client, then hears it out and hangs up.
  void Serve(std::string_view stream, Cuts cuts) {
    const UniqueFd client(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    while (!stream.empty()) {
      const std::string_view piece = cuts.Next(stream);
      if (!piece.empty() && send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) return;
    }
    shutdown(client.get(), SHUT_WR);
    char buffer[4096];
    while (recv(client.get(), buffer, sizeof buffer, 0) > 0) {
    }
  }

 private:
  std::string folder_;
  UniqueFd socket_;
};

// The messages that a client may see, and why it sees no more.
struct Expected {
  std::vector<std::string> messages;
  absl::StatusCode end = absl::StatusCode::kUnavailable;
  std::string text = "the worker closed the connection";
};

Expected MessagesByTheRules(std::string_view stream) {
  Expected expected;
  const ReferenceReading reading = ReadByTheRules(stream, LimitsForControlClient());
  const auto ends = [&expected](absl::StatusCode code, std::string text) {
    expected.end = code;
    expected.text = std::move(text);
    return expected;
  };
  for (const ReferenceFrame& frame : reading.frames) {
    control::FromWorker message;
    if (!message.ParseFromString(frame.body))
      return ends(absl::StatusCode::kFailedPrecondition, "the worker sent a message that can't be read");
    if (message.has_error() && message.error().request() == 0) {
      const bool many = message.error().code() == control::Error::TOO_MANY;
      return ends(many ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kFailedPrecondition,
                  "the worker says: " + message.error().text());
    }
    expected.messages.push_back(message.SerializeAsString());
  }
  if (reading.error != FrameError::kNone)
    return ends(absl::StatusCode::kFailedPrecondition, "the worker sent what is no message: " + reading.text);
  if (reading.half) expected.text += " in the middle of a message";
  return expected;
}

bool Welcomes(const std::string& message) {
  control::FromWorker first;
  return first.ParseFromString(message) && first.has_hello() &&
         first.hello().protocol_version() == kControlProtocolVersion;
}

void RunOne(Listener& listener, Input input) {
  const Cuts cuts(input);
  const std::string_view stream = input.Rest().substr(0, kBytesMax);
  const Expected expected = MessagesByTheRules(stream);
  std::thread other([&] { listener.Serve(stream, cuts); });
  {
    const auto client = ControlClient::Connect(listener.path(), kPatience, "fuzz");
    const bool greeted = !expected.messages.empty() && Welcomes(expected.messages.front());
    Require(client.ok() == greeted, "a worker is one that says hello: " + client.status().ToString());
    std::size_t taken = 1;
    while (client.ok()) {
      const auto message = (*client)->Next(kPatience);
      if (!message.ok()) {
        Require(message.status().code() == expected.end && message.status().message() == expected.text,
                "the end is that of the rules: " + message.status().ToString());
        break;
      }
      Require(taken < expected.messages.size() && message->SerializeAsString() == expected.messages[taken],
              "the message is that of the rules");
      ++taken;
    }
    Require(!client.ok() || taken == expected.messages.size(), "all messages have come");
    if (!client.ok() && expected.messages.empty())
      Require(client.status().code() == expected.end, "why not: " + client.status().ToString());
  }
  other.join();
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static andiron::fuzz::Listener listener;
  andiron::fuzz::RunOne(listener, {data, size});
  return 0;
}
