#include "worker/child/link.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <span>

#include "ipc/limits.h"
#include "ipc/text.h"

namespace andiron {
namespace {

// Output buffers above this are given back after use.
constexpr std::size_t kKeptOutput = 65536;

using PollEvents = decltype(pollfd::events);

// The channel is blocking, but a descriptor shared with another process may be made non-blocking by it.
void AwaitReady(int descriptor, PollEvents events) {
  pollfd wait{descriptor, events, 0};
  poll(&wait, 1, -1);
}

bool MayRetry(int descriptor, PollEvents events) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    AwaitReady(descriptor, events);
    return true;
  }
  return errno == EINTR;
}

[[noreturn]] void EndForProtocol(const std::string& what) {
  std::fprintf(stderr, "andiron: the worker sent %s; this child ends\n", what.c_str());
  std::fflush(stderr);
  _exit(kExitProtocol);
}

ResultMessage::End OnTheWire(JobResult::End end) {
  switch (end) {
    case JobResult::End::kSucceeded:
      return ResultMessage::End::kSucceeded;
    case JobResult::End::kFailed:
      return ResultMessage::End::kFailed;
    case JobResult::End::kCancelled:
      return ResultMessage::End::kCancelled;
  }
  return ResultMessage::End::kFailed;
}

}  // namespace

Link::Link(int descriptor, std::size_t max_result)
    : descriptor_(descriptor), max_result_(max_result), reader_(LimitsForChild(kPayloadBytesMax)) {}

void Link::SendProgress(int percent, std::string_view text) {
  // Half of what the message may have: the rest is for its numbers.
  const std::string clean = CleanUtf8(text, kProgressBytesMax / 2);
  const std::lock_guard lock(sending_);
  AppendProgress(out_, std::clamp(percent, -1, 100), clean);
  SendOut();
}

void Link::SendHello() {
  const std::lock_guard lock(sending_);
  AppendHello(out_, "cpp", ANDIRON_VERSION, static_cast<int>(getpid()));
  SendOut();
}

void Link::SendAck(std::uint64_t job) {
  const std::lock_guard lock(sending_);
  AppendAck(out_, job);
  SendOut();
}

void Link::SendResult(std::uint64_t job, const JobResult& result) {
  if (result.end == JobResult::End::kSucceeded && result.text.size() > max_result_) {
    SendResult(job, JobResult::Failure("the job's output has " + std::to_string(result.text.size()) +
                                       " bytes, max_result is " + std::to_string(max_result_)));
    return;
  }
  const std::lock_guard lock(sending_);
  if (result.end == JobResult::End::kSucceeded) {
    AppendResult(out_, job, ResultMessage::End::kSucceeded, result.text);
  } else {
    AppendResult(out_, job, OnTheWire(result.end), CleanUtf8(result.text, kErrorTextBytesMax));
  }
  SendOut();
}

void Link::SendPong(std::uint64_t sequence) {
  const std::lock_guard lock(sending_);
  AppendPong(out_, sequence);
  SendOut();
}

void Link::SendOut() {
  std::string_view rest = out_;
  while (!rest.empty()) {
    const ssize_t sent = send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!MayRetry(descriptor_, POLLOUT)) {
      _exit(kExitWorkerGone);
    }
  }
  out_.clear();
  if (out_.capacity() > kKeptOutput) std::string().swap(out_);
}

void Link::Receive() {
  const std::span<std::byte> space = reader_.Space();
  for (;;) {
    const ssize_t received = recv(descriptor_, space.data(), space.size(), 0);
    if (received > 0) {
      reader_.Commit(static_cast<std::size_t>(received));
      return;
    }
    if (received == 0 || !MayRetry(descriptor_, POLLIN)) _exit(kExitWorkerGone);
  }
}

std::optional<ToChildMessage> Link::Next() {
  const std::optional<Frame> frame = reader_.Next();
  if (!frame) {
    if (reader_.error() != FrameError::kNone) EndForProtocol(reader_.error_text());
    return std::nullopt;
  }
  ToChildMessage message = DecodeToChild(frame->body);
  if (const auto* error = std::get_if<ProtocolError>(&message)) EndForProtocol(error->what);
  return message;
}

}  // namespace andiron
