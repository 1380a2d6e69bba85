#include "worker/children/channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>
#include <variant>

namespace andiron {
namespace {

// What one child may take of one turn, and what is read of one that has exited.
constexpr std::size_t kTurnBytes = std::size_t{256} << 10;
constexpr std::size_t kExitBytes = std::size_t{8} << 20;

// Of the output buffer: what has been written is cut off beyond so many bytes, and once it is empty so much is kept.
constexpr std::size_t kKeptOutBytes = std::size_t{64} << 10;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

JobReturned::End EndOf(ResultMessage::End end) {
  switch (end) {
    case ResultMessage::End::kSucceeded:
      return JobReturned::End::kSucceeded;
    case ResultMessage::End::kFailed:
      return JobReturned::End::kFailed;
    case ResultMessage::End::kCancelled:
      return JobReturned::End::kCancelled;
  }
  return JobReturned::End::kFailed;
}

std::string_view NameOf(const FromChildMessage& message) {
  return std::visit(
      Overloaded{[](const ProtocolError&) { return "an error"; }, [](const ProgressMessage&) { return "Progress"; },
                 [](const HelloMessage&) { return "Hello"; },  //
                 [](const AckMessage&) { return "Ack"; }, [](const ResultMessage&) { return "Result"; },
                 [](const PongMessage&) { return "Pong"; }},
      message);
}

}  // namespace

int Channel::Open(uv_loop_t* loop, UniqueFd descriptor) {
  const int error = poll_.Init(this, [&](uv_poll_t* poll) { return uv_poll_init(loop, poll, descriptor.get()); });
  if (error != 0) return error;
  descriptor_ = std::move(descriptor);
  Watch();
  return 0;
}

// Armed for reading only, but while bytes wait on our side: arming costs a system call.
void Channel::Watch() {
  const int events = (misbehaved_ ? 0 : UV_READABLE) | (blocked_ ? UV_WRITABLE : 0);
  if (events == 0) {
    uv_poll_stop(poll_.get());
    return;
  }
  uv_poll_start(poll_.get(), events, [](uv_poll_t* poll, int status, int happened) {
    if (poll->data != nullptr) static_cast<Channel*>(poll->data)->OnPoll(status, happened);
  });
}

void Channel::OnPoll(int status, int events) {
  if (status < 0) {
    // libuv stops watching a descriptor with an error (here: the child closed its end with frames unread). What it had
    // sent before, and the end of the stream, are there to be read at once.
    Drain(Depth::kExit);
    if (open()) Watch();
    return;
  }
  if ((events & UV_READABLE) != 0 && rounds_.Admit(last_read_)) Drain(Depth::kTurn);
  if (open() && (events & UV_WRITABLE) != 0) Flush();
}

void Channel::DrainForExit() { Drain(Depth::kExit); }

void Channel::Drain(Depth depth) {
  std::size_t budget = depth == Depth::kTurn ? kTurnBytes : kExitBytes;
  const std::uint64_t before = frames_;
  while (open() && !misbehaved_ && ReadOnce(depth, budget)) {
  }
  if (open() && !misbehaved_) NoteHalf(reader_.half(), frames_ != before);
}

// False when there is nothing more to read now.
bool Channel::ReadOnce(Depth depth, std::size_t& budget) {
  const std::span<std::byte> space = reader_.Space();
  const ssize_t count = recv(descriptor_.get(), space.data(), space.size(), MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    // ECONNRESET: it closed its end with frames of ours unread. The end of the stream all the same.
    Close();
    return false;
  }
  if (count == 0) {
    Close();
    return false;
  }
  const auto bytes = static_cast<std::size_t>(count);
  reader_.Commit(bytes);
  TakeFrames();
  if (bytes >= budget) return false;
  budget -= bytes;
  // A short read has emptied the socket; only the end of the stream could be behind it.
  return bytes == space.size() || depth == Depth::kExit;
}

void Channel::TakeFrames() {
  while (!misbehaved_) {
    const std::optional<Frame> frame = reader_.Next();
    if (!frame) break;
    ++frames_;
    Take(*frame);
  }
  if (!misbehaved_ && reader_.error() != FrameError::kNone) Misbehave(reader_.error_text());
}

void Channel::Take(const Frame& frame) {
  FromChildMessage message = DecodeFromChild(frame.body, max_result_);
  if (auto* const error = std::get_if<ProtocolError>(&message)) return Misbehave(std::move(error->what));
  const bool early = std::holds_alternative<ProgressMessage>(message) || std::holds_alternative<HelloMessage>(message);
  if (early == ready_) {
    return Misbehave(std::string(NameOf(message)) + (ready_ ? " after Hello" : " before Hello"));
  }
  std::visit(Overloaded{
                 [](const ProtocolError&) {},
                 [&](const ProgressMessage&) { inbox_.Post(ChildProgressed{child_}); },
                 [&](const HelloMessage& hello) {
                   ready_ = true;
                   sdk_ = hello.sdk_name + " " + hello.sdk_version;
                   inbox_.Post(ChildReady{child_});
                 },
                 [&](const AckMessage& ack) { inbox_.Post(JobAcked{child_, JobNumber{ack.job}}); },
                 [&](ResultMessage& result) {
                   open_jobs_.erase(result.job);
                   inbox_.Post(JobReturned{child_, JobNumber{result.job}, EndOf(result.end), std::move(result.text)});
                 },
                 [&](const PongMessage& pong) {
                   if (pong.sequence == 0 || pong.sequence > pings_)
                     return Misbehave("a Pong for a Ping that was never sent");
                   inbox_.Post(ChildPonged{child_});
                 },
             },
             message);
}

void Channel::Misbehave(std::string what) {
  misbehaved_ = true;
  NoteHalf(false, false);
  if (poll_) Watch();
  inbox_.Post(ChildMisbehaved{child_, std::move(what)});
}

// Each frame has its own time: half of the next one, behind one that has come whole, is news.
void Channel::NoteHalf(bool half, bool another) {
  if (half_ && (!half || another)) inbox_.Post(FrameHalfRead{child_, false});
  if (half && (!half_ || another)) inbox_.Post(FrameHalfRead{child_, true});
  half_ = half;
}

// A child that has taken something isn't silent, however much waits behind it.
void Channel::NoteBlocked(bool blocked, bool taken) {
  if (blocked_ && (!blocked || taken)) inbox_.Post(WriteBlocked{child_, false});
  if (blocked && (!blocked_ || taken)) inbox_.Post(WriteBlocked{child_, true});
  if (blocked == blocked_) return;
  blocked_ = blocked;
  Watch();
}

void Channel::Flush() {
  const std::size_t before = written_;
  while (open() && !write_broken_ && written_ < out_.size()) {
    const std::string_view rest = std::string_view(out_).substr(written_);
    const ssize_t count = send(descriptor_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      written_ += static_cast<std::size_t>(count);
      // A short write has filled the socket.
      if (static_cast<std::size_t>(count) < rest.size()) break;
    } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR) {
      break;
    } else {
      write_broken_ = true;
    }
  }
  const bool taken = written_ > before;
  ForgetWritten();
  if (!open()) return;
  NoteBlocked(!out_.empty(), taken);
  if (!write_broken_ || misbehaved_) return;
  // Either its whole end is closed, and reading says so, or it closed one half and stays.
  Drain(Depth::kExit);
  if (open() && !misbehaved_) Misbehave("it closed the reading half of its channel");
}

// While a busy child's next frame comes before its last is read, the buffer is never empty.
void Channel::ForgetWritten() {
  if (!open() || write_broken_ || written_ == out_.size()) {
    out_.clear();
    written_ = 0;
    if (out_.capacity() > kKeptOutBytes) out_.shrink_to_fit();
  } else if (written_ > kKeptOutBytes && written_ >= out_.size() / 2) {
    out_.erase(0, written_);
    written_ = 0;
  }
}

void Channel::Close() {
  if (!open()) return;
  Discard();
  inbox_.Post(ChannelClosed{child_});
}

void Channel::Discard() {
  poll_.Reset();
  descriptor_.Reset();
  out_.clear();
  out_.shrink_to_fit();
}

}  // namespace andiron
