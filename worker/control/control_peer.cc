#include "worker/control/control_peer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/text.h"

namespace andiron {
namespace {

// Written bytes are cut off the front of the buffer only when they are many: it is moved seldom.
constexpr std::size_t kWrittenKept = std::size_t{1} << 20;

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

int ControlPeer::Watch(uv_loop_t* loop, void* owner, Callback callback) {
  owner_ = owner;
  callback_ = callback;
  const int error =
      poll_.Init(this, [this, loop](uv_poll_t* handle) { return uv_poll_init(loop, handle, descriptor_.get()); });
  if (error != 0) return error;
  Rewatch();
  return 0;
}

void ControlPeer::NewTurn(std::uint64_t turn) {
  if (turn_ == turn) return;
  turn_ = turn;
  read_budget_ = kControlReadPerTurn;
  message_budget_ = kControlMessagesPerTurn;
}

std::optional<control::ToWorker> ControlPeer::Next() {
  rest_ = true;
  while (reading() && message_budget_ > 0) {
    if (const auto frame = reader_.Next()) {
      --message_budget_;
      frame_looks_ = 0;
      control::ToWorker message;
      if (!message.ParseFromArray(frame->body.data(), static_cast<int>(frame->body.size()))) {
        Expel(control::Error::PROTOCOL, "a message that can't be read (are all its texts UTF-8?)");
        return std::nullopt;
      }
      return message;
    }
    if (reader_.error() != FrameError::kNone) {
      Expel(control::Error::PROTOCOL, reader_.error_text());
      return std::nullopt;
    }
    if (read_budget_ == 0) break;
    rest_ = Receive();
    if (!rest_) break;
  }
  return std::nullopt;
}

// Whether something has been read.
bool ControlPeer::Receive() {
  const auto space = reader_.Space();
  ssize_t count = 0;
  do {
    count = ::recv(descriptor_.get(), space.data(), std::min(space.size(), read_budget_), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    read_budget_ -= static_cast<std::size_t>(count);
    reader_.Commit(static_cast<std::size_t>(count));
    return true;
  }
  if (count == 0) {
    End(reader_.half() ? "in the middle of a message" : "");
  } else if (!WouldBlock(errno)) {
    End(std::strerror(errno));
  }
  return false;
}

void ControlPeer::Say(const control::FromWorker& message) {
  if (ended_) return;
  if (unwritten() > bounds_.unread) {
    End("it did not read: " + std::to_string(unwritten()) + " bytes waited for it");
    return;
  }
  AppendFrame(out_, message);
}

void ControlPeer::SayDone(std::uint64_t request) {
  control::FromWorker message;
  message.mutable_done()->set_request(request);
  Say(message);
}

void ControlPeer::SayError(std::uint64_t request, control::Error::Code code, const std::string& text) {
  constexpr std::size_t kTextMax = 4096;
  control::FromWorker message;
  message.mutable_error()->set_request(request);
  message.mutable_error()->set_code(code);
  message.mutable_error()->set_text(CleanUtf8(text, kTextMax));
  Say(message);
}

void ControlPeer::Expel(control::Error::Code code, const std::string& text) {
  if (ended_) return;
  SayError(0, code, text);
  Flush();
  End(text);
}

void ControlPeer::Flush() {
  while (!ended_ && unwritten() > 0) {
    const ssize_t count = ::send(descriptor_.get(), out_.data() + written_, unwritten(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (!WouldBlock(errno)) End("");  // it went away: the usual way to learn of it
      break;
    }
    write_looks_ = 0;
    written_ += static_cast<std::size_t>(count);
  }
  if (unwritten() == 0) {
    written_ = 0;
    out_.clear();
    if (out_.capacity() > kWrittenKept) out_.shrink_to_fit();
  } else if (written_ > kWrittenKept) {
    out_.erase(0, written_);
    written_ = 0;
  }
}

void ControlPeer::End(std::string text) {
  if (ended_) return;
  ended_ = true;
  end_text_ = std::move(text);
}

bool ControlPeer::reading() const {
  return !ended_ && undecided < bounds_.undecided && unwritten() < bounds_.unread_pause;
}

void ControlPeer::Rewatch() {
  const int events = ended_ ? 0 : (reading() ? UV_READABLE : 0) | (unwritten() > 0 ? UV_WRITABLE : 0);
  if (unwritten() > 0) {
    poll_.Ref();
  } else {
    poll_.Unref();
  }
  if (events == watched_) return;
  watched_ = events;
  if (events == 0) {
    uv_poll_stop(poll_.get());
    return;
  }
  uv_poll_start(poll_.get(), events, [](uv_poll_t* handle, int status, int) {
    if (auto* peer = static_cast<ControlPeer*>(handle->data)) peer->callback_(peer->owner_, peer->number_, status);
  });
}

void ControlPeer::Look() {
  hello_looks_ = owes_hello() ? hello_looks_ + 1 : 0;
  frame_looks_ = owes_frame() ? frame_looks_ + 1 : 0;
  write_looks_ = owes_reading() ? write_looks_ + 1 : 0;
  if (hello_looks_ > bounds_.hello_looks) Expel(control::Error::PROTOCOL, "no hello in time");
  if (frame_looks_ > bounds_.frame_looks) Expel(control::Error::PROTOCOL, "half a message, and no rest in time");
  if (write_looks_ > bounds_.write_looks) End("it did not read any byte for too long");
}

}  // namespace andiron
