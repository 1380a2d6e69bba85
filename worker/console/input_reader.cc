#include "worker/console/input_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace andiron {

int WatchShared(uv_loop_t* loop, int descriptor, void* owner, UvHandle<uv_poll_t>& poll) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0) return -errno;
  const int error = poll.Init(owner, [&](uv_poll_t* handle) { return uv_poll_init(loop, handle, descriptor); });
  if (error == 0) fcntl(descriptor, F_SETFL, flags);
  return error;
}

InputReader::InputReader(uv_loop_t* loop, int descriptor, std::function<void(std::string_view)> arrived,
                         std::function<void(int)> ended)
    : descriptor_(fcntl(descriptor, F_DUPFD_CLOEXEC, 3)),
      arrived_(std::move(arrived)),
      ended_(std::move(ended)),
      chunk_(kChunkBytes, '\0') {
  if (!descriptor_) error_ = errno;
  if (descriptor_ && WatchShared(loop, descriptor_.get(), this, poll_) == 0) return;
  idle_.Init(this, [&](uv_idle_t* handle) { return uv_idle_init(loop, handle); });
}

void InputReader::Resume() {
  if (over_) return;
  if (poll_) {
    uv_poll_start(poll_.get(), UV_READABLE,
                  [](uv_poll_t* handle, int, int) { static_cast<InputReader*>(handle->data)->ReadOnce(); });
  } else {
    uv_idle_start(idle_.get(), [](uv_idle_t* handle) { static_cast<InputReader*>(handle->data)->ReadOnce(); });
  }
}

void InputReader::Pause() {
  if (poll_) uv_poll_stop(poll_.get());
  if (idle_) uv_idle_stop(idle_.get());
}

void InputReader::ReadOnce() {
  ssize_t count = -1;
  if (error_ == 0) {
    // Somebody else may share the pipe and have taken what made it readable.
    pollfd waiter{descriptor_.get(), POLLIN, 0};
    if (poll_ && poll(&waiter, 1, 0) == 0) return;
    count = read(descriptor_.get(), chunk_.data(), chunk_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) error_ = errno;
  }
  if (count > 0) {
    arrived_(std::string_view(chunk_).substr(0, static_cast<std::size_t>(count)));
    return;
  }
  over_ = true;
  Pause();
  ended_(error_);
}

}  // namespace andiron
