// The worker's end of the control socket: a real server on a loop, and a client that sends whatever it likes in
// whatever pieces. Every request that can be read gets its answers under its number; the first fault gets an Error
// about the connection, in the words of the rules, and ends it.
//
// Input: cuts, what the client sends. The worker's only pool takes no jobs: nothing is ever started.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <vector>

#include "control.pb.h"
#include "ipc/text.h"
#include "tests/fuzz/target.h"
#include "tests/ipc/reference_decoder.h"
#include "worker/control/control_server.h"
#include "worker/control/control_words.h"

namespace andiron::fuzz {
namespace {

constexpr std::size_t kMaxPayload = 1000;
// Turns of the loop after which nothing more comes.
constexpr int kTurns = 6;
// More requests than this only make a run slow.
constexpr std::size_t kBytesMax = 8192;

// What must come for one request, by its number; and how the connection ends.
struct Expected {
  std::map<std::uint64_t, int> answers;
  bool greeted = false;
  bool stopped = false;
  bool expelled = false;
  std::string why;
};

std::uint64_t RequestOf(const control::ToWorker& message) {
  // The number is field 1 of every request.
  const auto outer = FieldsByTheRules(message.SerializeAsString());
  if (!outer || outer->empty()) return 0;
  const auto fields = FieldsByTheRules(outer->front().bytes);
  return fields && !fields->empty() && fields->front().number == 1 ? fields->front().value : 0;
}

// Why the message ends the connection; "" = it doesn't.
std::string WhyExpelled(const control::ToWorker& message, Expected& expected) {
  if (message.has_hello()) {
    if (expected.greeted) return "a second hello";
    if (message.hello().protocol_version() != kControlProtocolVersion) return "of the control protocol, this worker";
    expected.greeted = true;
    return {};
  }
  if (!expected.greeted) return "a request before the hello";
  return RequestOf(message) == 0 ? "a request without a number" : "";
}

Expected AnswersByTheRules(std::string_view stream) {
  Expected expected;
  const ReferenceReading reading = ReadByTheRules(stream, LimitsForControlServer(kMaxPayload + kControlSubmitEnvelope));
  const auto ends = [&expected](std::string why) {
    expected.expelled = true;
    expected.why = std::move(why);
    return expected;
  };
  for (const ReferenceFrame& frame : reading.frames) {
    control::ToWorker message;
    if (!message.ParseFromString(frame.body)) return ends("a message that can't be read");
    if (std::string why = WhyExpelled(message, expected); !why.empty()) return ends(std::move(why));
    ++expected.answers[message.has_hello() ? 0 : RequestOf(message)];
    expected.stopped = expected.stopped || message.has_stop();
  }
  if (reading.error != FrameError::kNone) return ends(reading.text);
  return expected;
}

// One worker for many inputs; a new one when it has been stopped.
class Service {
 public:
  Service() {
    char folder[] = "/tmp/andiron-fuzz-XXXXXX";
    Require(mkdtemp(folder) != nullptr, "there is a place for the socket");
    folder_ = folder;
    Require(uv_loop_init(&loop_) == 0 && uv_async_init(&loop_, &host_, nullptr) == 0, "there is a loop");
    Start();
  }
  ~Service() {
    End();
    rmdir(folder_.c_str());
  }

  uv_loop_t* loop() { return &loop_; }
  std::string path() const { return folder_ + "/s"; }

  void Renew() {
    End();
    Start();
  }

  void Resume() {
    worker_->Resume();
    for (int i = 0; i < kTurns; ++i) uv_run(&loop_, UV_RUN_NOWAIT);
  }

 private:
  void Start() {
    PoolSettings pool;
    pool.name = "none";
    pool.command = {"/bin/false"};
    pool.warm = 0;
    pool.max_children = 1;
    pool.queue_limit = 0;  // and no child: no place for any job
    pool.max_payload = kMaxPayload;
    WorkerSettings settings;
    settings.name = "fuzzed";
    settings.pools.push_back(pool);
    WorkerImpl::Options options;
    options.strict = true;
    options.allow_cgroup = false;
    options.log_descriptor = null_.get();
    auto worker = WorkerImpl::Make(&loop_, settings, options);
    Require(worker.ok(), worker.status().ToString());
    worker_ = *std::move(worker);
    auto server = ControlServer::Create(*worker_, path());
    Require(server.ok(), server.status().ToString());
    server_ = *std::move(server);
  }

  void End() {
    if (!worker_->stopped()) worker_->Stop(true, {});
    for (int i = 0; i < 1000 && !worker_->stopped(); ++i) uv_run(&loop_, UV_RUN_NOWAIT);
    Require(worker_->stopped(), "a worker without children stops at once");
    server_.reset();
    worker_.reset();
    uv_run(&loop_, UV_RUN_NOWAIT);
  }

  std::string folder_;
  UniqueFd null_{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  uv_loop_t loop_;
  uv_async_t host_;  // has the loop go on when the worker has stopped: it still answers
  std::unique_ptr<WorkerImpl> worker_;
  std::unique_ptr<ControlServer> server_;
};

class Client {
 public:
  explicit Client(Service& service) : service_(service), socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, service.path().data(), service.path().size());
    Require(connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "it listens");
    Turn();
  }

  // False: the other end is closed.
  bool Write(std::string_view bytes) {
    if (!bytes.empty() && send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return false;
    Turn();
    return true;
  }

  // All that the worker says until it says no more.
  std::string Hear() {
    for (int quiet = 0; quiet < kTurns; ++quiet) {
      char buffer[4096];
      const ssize_t count = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (count > 0) quiet = 0;
      if (count > 0) heard_.append(buffer, static_cast<std::size_t>(count));
      closed_ = closed_ || count == 0 || (count < 0 && errno == ECONNRESET);
      Turn();
    }
    return heard_;
  }
  bool closed() const { return closed_; }

 private:
  void Turn() { uv_run(service_.loop(), UV_RUN_NOWAIT); }

  Service& service_;
  UniqueFd socket_;
  std::string heard_;
  bool closed_ = false;
};

std::uint64_t NumberOf(const control::FromWorker& message) {
  switch (message.kind_case()) {
    case control::FromWorker::kAccepted:
      return message.accepted().request();
    case control::FromWorker::kRefused:
      return message.refused().request();
    case control::FromWorker::kStarted:
      return message.started().request();
    case control::FromWorker::kOutcome:
      return message.outcome().request();
    case control::FromWorker::kStatus:
      return message.status().request();
    case control::FromWorker::kDone:
      return message.done().request();
    case control::FromWorker::kError:
      return message.error().request();
    case control::FromWorker::kHello:
    case control::FromWorker::KIND_NOT_SET:
      return 0;
  }
  return 0;
}

void Judge(const Expected& expected, const std::string& heard, bool closed) {
  const ReferenceReading reading = ReadByTheRules(heard, LimitsForControlClient());
  Require(reading.error == FrameError::kNone && !reading.half, "the worker speaks in whole frames");
  Require(closed == expected.expelled, "the connection ends by a fault and by nothing else");
  std::map<std::uint64_t, int> answers;
  bool expelled = false;
  for (const ReferenceFrame& frame : reading.frames) {
    control::FromWorker message;
    Require(message.ParseFromString(frame.body), "protobuf reads what the worker says");
    Require(!expelled, "nothing follows the error that ends a connection");
    expelled = message.has_error() && message.error().request() == 0;
    if (!expelled) {
      Require(!message.has_accepted() && !message.has_started() && !message.has_outcome(), "no job is taken");
      ++answers[NumberOf(message)];
      continue;
    }
    Require(message.error().code() == control::Error::PROTOCOL, "it is the client that broke the protocol");
    Require(message.error().text().find(expected.why) != std::string::npos,
            "the fault is that of the rules: " + expected.why + ", not " + message.error().text());
  }
  Require(expelled == expected.expelled, "a fault is told");
  // What was asked just before a fault may still be on its way through the core.
  if (!expelled) Require(answers == expected.answers, "each request has its answer");
  for (const auto& [request, count] : answers) {
    const auto found = expected.answers.find(request);
    Require(found != expected.answers.end() && count <= found->second, "no answer that nobody asked for");
  }
}

void RunOne(Service& service, Input input) {
  Cuts cuts(input);
  std::string_view stream = input.Rest().substr(0, kBytesMax);
  const Expected expected = AnswersByTheRules(stream);
  {
    Client client(service);
    while (!stream.empty() && client.Write(cuts.Next(stream))) {
    }
    const std::string heard = client.Hear();
    Judge(expected, heard, client.closed());
  }
  expected.stopped ? service.Renew() : service.Resume();
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static andiron::fuzz::Service service;
  andiron::fuzz::RunOne(service, {data, size});
  return 0;
}
