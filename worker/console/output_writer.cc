#include "worker/console/output_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "worker/console/input_reader.h"

namespace andiron {
namespace {

// What one write may be given so that it can't wait after poll has said "writable": a pipe then has one free page, a
// terminal takes less. Files always take all.
constexpr std::size_t kPipeChunk = PIPE_BUF;
constexpr std::size_t kTerminalChunk = 256;
constexpr std::size_t kFileChunk = std::size_t{1} << 20;
constexpr int kWritesPerTurn = 256;

// Bytes written; 0 = no room now; or -errno.
ssize_t WriteSome(int descriptor, std::string_view bytes, std::size_t chunk) {
  ssize_t written = send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (written < 0 && errno == ENOTSOCK) {
    pollfd waiter{descriptor, POLLOUT, 0};
    if (poll(&waiter, 1, 0) == 0) return 0;
    written = write(descriptor, bytes.data(), std::min(bytes.size(), chunk));
  }
  if (written >= 0) return written;
  return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

}  // namespace

OutputWriter::OutputWriter(uv_loop_t* loop, int descriptor, std::function<void()> changed)
    : descriptor_(fcntl(descriptor, F_DUPFD_CLOEXEC, 3)), changed_(std::move(changed)) {
  struct stat status{};
  if (!descriptor_ || fstat(descriptor_.get(), &status) != 0) {
    error_ = errno;
    return;
  }
  is_pipe_ = S_ISFIFO(status.st_mode);
  chunk_bytes_ = is_pipe_ ? kPipeChunk : isatty(descriptor_.get()) != 0 ? kTerminalChunk : kFileChunk;
  if (WatchShared(loop, descriptor_.get(), this, poll_) == 0) Watch();
}

void OutputWriter::Write(std::string_view bytes) {
  if (error_ != 0 || bytes.empty()) return;
  const bool waiting = pending() > 0;
  buffer_.append(bytes);
  if (!waiting) Flush();
}

void OutputWriter::Flush() {
  for (int count = 0; pending() > 0 && (count < kWritesPerTurn || !poll_); ++count) {
    const ssize_t written = WriteSome(descriptor_.get(), std::string_view(buffer_).substr(written_), chunk_bytes_);
    if (written < 0) return Fail(static_cast<int>(-written));
    if (written == 0 && poll_) break;
    written_ += static_cast<std::size_t>(written);
  }
  buffer_.erase(0, written_);
  written_ = 0;
  Watch();
}

// Of a pipe also the loss of its reader is watched. A socket's peer may have shut down its writing only: that is no
// reason.
void OutputWriter::Watch() {
  if (!poll_) return;
  const int events = (pending() > 0 ? UV_WRITABLE : 0) | (is_pipe_ ? UV_DISCONNECT : 0);
  if (events == 0) {
    uv_poll_stop(poll_.get());
    return;
  }
  uv_poll_start(poll_.get(), events,
                [](uv_poll_t* handle, int status, int) { static_cast<OutputWriter*>(handle->data)->OnEvent(status); });
}

void OutputWriter::OnEvent(int status) {
  if (pending() > 0) {
    Flush();
  } else if (status < 0) {
    Fail(EPIPE);
  }
  changed_();
}

void OutputWriter::Fail(int error) {
  error_ = error;
  buffer_.clear();
  written_ = 0;
  poll_.Reset();
}

}  // namespace andiron
