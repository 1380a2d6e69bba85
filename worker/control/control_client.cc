#include "worker/control/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "ipc/frame.h"
#include "worker/base/clock.h"
#include "worker/control/control_limits.h"
#include "worker/control/control_words.h"

namespace andiron {
namespace {

// Messages that have arrived and were not taken, before we stop reading: the worker then stops reading from us.
constexpr std::size_t kArrivedMax = 10000;

absl::Status FromErrno(int error, const std::string& path) {
  const std::string text = path + ": " + std::strerror(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError("no worker there: " + text);
    case ECONNREFUSED:
    case ENOTSOCK:
    case EPROTOTYPE:
      return absl::UnavailableError("no worker listens there: " + text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError("not your worker: " + text);
    default:
      return absl::UnavailableError("cannot connect to " + text);
  }
}

// Milliseconds for poll(2), rounded up, so that it doesn't return just before the deadline again and again.
int PollTime(TimePoint deadline) {
  const Duration left = deadline - Now();
  if (left <= Duration::zero()) return 0;
  return static_cast<int>(std::min<std::int64_t>((left.count() + 999'999) / 1'000'000, 1'000'000));
}

}  // namespace

class ControlClient::Impl {
 public:
  explicit Impl(int descriptor) : fd_(descriptor), reader_(LimitsForControlClient()) {}
  ~Impl() { ::close(fd_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int fd() const { return fd_; }
  std::size_t queued() const { return out_.size() - written_; }
  bool arrived() const { return !arrived_.empty(); }

  void Queue(const control::ToWorker& message) { AppendFrame(out_, message); }

  absl::Status Pump() {
    if (absl::Status status = Write(); !status.ok()) {
      // What the worker said last may lie unread behind the broken pipe, and is a better reason.
      const absl::Status last = Read();
      return end_.ok() ? (last.ok() ? status : last) : end_;
    }
    return Read();
  }

  std::optional<control::FromWorker> Take() {
    if (arrived_.empty()) return std::nullopt;
    std::optional<control::FromWorker> message(std::move(arrived_.front()));
    arrived_.pop_front();
    return message;
  }

  // Sleeps until the descriptor can be pumped or the deadline has come.
  absl::Status Sleep(TimePoint deadline) {
    pollfd poll{fd_, static_cast<short>(queued() > 0 ? POLLIN | POLLOUT : POLLIN), 0};
    if (::poll(&poll, 1, PollTime(deadline)) < 0 && errno != EINTR) {
      return absl::InternalError(std::string("poll: ") + std::strerror(errno));
    }
    return absl::OkStatus();
  }

  control::WorkerHello hello;
  std::uint64_t last_request = 0;

 private:
  absl::Status Write() {
    while (queued() > 0) {
      const ssize_t count = ::send(fd_, out_.data() + written_, queued(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        return absl::UnavailableError(std::string("the worker closed the connection: ") + std::strerror(errno));
      }
      written_ += static_cast<std::size_t>(count);
    }
    if (written_ == out_.size() || written_ > (std::size_t{1} << 20)) {
      out_.erase(0, written_);
      written_ = 0;
    }
    return absl::OkStatus();
  }

  absl::Status Read() {
    while (end_.ok() && arrived_.size() < kArrivedMax) {
      const auto space = reader_.Space();
      const ssize_t count = ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT);
      if (count < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        end_ = absl::UnavailableError(std::string("the worker closed the connection: ") + std::strerror(errno));
      } else if (count == 0) {
        end_ = absl::UnavailableError(reader_.half() ? "the worker closed the connection in the middle of a message"
                                                     : "the worker closed the connection");
      } else {
        reader_.Commit(static_cast<std::size_t>(count));
        Decode();
        if (static_cast<std::size_t>(count) < space.size()) break;
      }
    }
    return end_;
  }

  void Decode() {
    while (const auto frame = reader_.Next()) {
      control::FromWorker message;
      if (!message.ParseFromArray(frame->body.data(), static_cast<int>(frame->body.size()))) {
        end_ = absl::FailedPreconditionError("the worker sent a message that can't be read");
        return;
      }
      if (message.kind_case() == control::FromWorker::kError && message.error().request() == 0) {
        const std::string text = "the worker says: " + message.error().text();
        const bool many = message.error().code() == control::Error::TOO_MANY;
        end_ = many ? absl::ResourceExhaustedError(text) : absl::FailedPreconditionError(text);
        return;
      }
      arrived_.push_back(std::move(message));
    }
    if (reader_.error() != FrameError::kNone) {
      end_ = absl::FailedPreconditionError("the worker sent what is no message: " + reader_.error_text());
    }
  }

  int fd_;
  FrameReader reader_;
  std::string out_;
  std::size_t written_ = 0;
  std::deque<control::FromWorker> arrived_;
  absl::Status end_;  // why nothing more will be read; OK while the connection lasts
};

namespace {

absl::StatusOr<int> OpenSocket(const std::string& path, TimePoint deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError("the path of a socket has 1 to 107 bytes: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return absl::InternalError(std::string("socket: ") + std::strerror(errno));
  // A Unix socket whose backlog is full says EAGAIN, and can't be waited for but by trying again.
  while (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EAGAIN || Now() >= deadline) {
      ::close(descriptor);
      if (error == EAGAIN) return absl::DeadlineExceededError("the worker takes no connection in time: " + path);
      return FromErrno(error, path);
    }
    ::poll(nullptr, 0, 5);
  }
  return descriptor;
}

std::optional<ucred> PeerOf(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return peer;
}

// Our jobs are for our own worker or root's: anybody could put a socket into a directory like /tmp. Root may use all.
absl::Status CheckWorker(int descriptor, const std::string& path) {
  const auto worker = PeerOf(descriptor);
  const uid_t own = ::geteuid();
  if (!worker || own == 0 || worker->uid == own || worker->uid == 0) return absl::OkStatus();
  return absl::PermissionDeniedError("not your worker: " + path + " belongs to user " + std::to_string(worker->uid));
}

// The number is 0 where this PID namespace doesn't know the process.
std::string NameOfWorker(int descriptor) {
  const auto worker = PeerOf(descriptor);
  if (!worker || worker->pid <= 0) return "the worker";
  return "the worker (pid " + std::to_string(worker->pid) + ")";
}

}  // namespace

ControlClient::ControlClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlClient::~ControlClient() = default;

absl::StatusOr<std::unique_ptr<ControlClient>> ControlClient::Connect(const std::string& path, Duration timeout,
                                                                      const std::string& client) {
  const TimePoint deadline = Later(Now(), timeout);
  auto descriptor = OpenSocket(path, deadline);
  if (!descriptor.ok()) return descriptor.status();
  std::unique_ptr<ControlClient> made(new ControlClient(std::make_unique<Impl>(*descriptor)));
  if (absl::Status status = CheckWorker(*descriptor, path); !status.ok()) return status;
  control::ToWorker hello;
  hello.mutable_hello()->set_protocol_version(kControlProtocolVersion);
  hello.mutable_hello()->set_client(client);
  made->impl_->Queue(hello);
  auto answer = made->Next(deadline - Now());
  if (!answer.ok()) {
    if (absl::IsDeadlineExceeded(answer.status())) {
      return absl::DeadlineExceededError(NameOfWorker(*descriptor) + " does not answer: " + path);
    }
    // A worker hangs up on strangers without a word.
    return answer.status();
  }
  if (answer->kind_case() != control::FromWorker::kHello ||
      answer->hello().protocol_version() != kControlProtocolVersion) {
    return absl::FailedPreconditionError(path + ": the worker speaks another version of the control protocol");
  }
  made->impl_->hello = answer->hello();
  return made;
}

const control::WorkerHello& ControlClient::worker() const { return impl_->hello; }
std::uint64_t ControlClient::NewRequest() { return ++impl_->last_request; }
int ControlClient::fd() const { return impl_->fd(); }
bool ControlClient::wants_write() const { return impl_->queued() > 0; }
std::size_t ControlClient::queued_bytes() const { return impl_->queued(); }
absl::Status ControlClient::Pump() { return impl_->Pump(); }
std::optional<control::FromWorker> ControlClient::Take() { return impl_->Take(); }

absl::Status ControlClient::Queue(const control::ToWorker& message) {
  const bool submit = message.kind_case() == control::ToWorker::kSubmit;
  const std::uint64_t limit = submit ? impl_->hello.max_submit() : kControlRequestBytesMax;
  if (const std::size_t size = message.ByteSizeLong(); size > limit) {
    return absl::InvalidArgumentError("a message of " + std::to_string(size) + " bytes, the worker takes " +
                                      std::to_string(limit));
  }
  impl_->Queue(message);
  return absl::OkStatus();
}

absl::Status ControlClient::Wait(Duration timeout) {
  if (impl_->arrived()) return absl::OkStatus();
  return impl_->Sleep(Later(Now(), timeout));
}

absl::Status ControlClient::Send(const control::ToWorker& message, Duration timeout) {
  if (absl::Status status = Queue(message); !status.ok()) return status;
  const TimePoint deadline = Later(Now(), timeout);
  for (;;) {
    if (absl::Status status = Pump(); !status.ok()) return status;
    if (!wants_write()) return absl::OkStatus();
    if (Now() >= deadline) return absl::DeadlineExceededError("the worker does not read");
    if (absl::Status status = impl_->Sleep(deadline); !status.ok()) return status;
  }
}

absl::StatusOr<control::FromWorker> ControlClient::Next(Duration timeout) {
  const TimePoint deadline = Later(Now(), timeout);
  for (;;) {
    if (auto message = Take()) return *std::move(message);
    absl::Status status = Pump();
    if (auto message = Take()) return *std::move(message);
    if (!status.ok()) return status;
    if (Now() >= deadline) return absl::DeadlineExceededError("no answer from the worker in time");
    if (absl::Status slept = impl_->Sleep(deadline); !slept.ok()) return slept;
  }
}

}  // namespace andiron
