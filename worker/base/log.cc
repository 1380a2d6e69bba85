#include "worker/base/log.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "worker/base/clock.h"
#include "worker/base/escape.h"

namespace andiron {
namespace {

// What one write may be given so that it can't block after poll has said "writable". Of a pipe that means one free
// page; a terminal takes less.
constexpr std::size_t kPipeChunk = PIPE_BUF;
constexpr std::size_t kTerminalChunk = 256;

// Lines of children are written together once so much waits; the rest goes at the end of the turn.
constexpr std::size_t kFlushBytes = std::size_t{64} << 10;

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "?";
}

void AppendTextLine(std::string& out, LogLevel level, std::string_view event, std::string_view message,
                    std::initializer_list<Log::Field> fields) {
  out += WallTime();
  out += ' ';
  const std::string_view name = LevelName(level);
  out += name;
  out.append(6 - name.size(), ' ');
  AppendPlain(out, message.empty() ? event : message);
  for (const auto& [key, value] : fields) {
    out += ' ';
    out += key;
    out += '=';
    const bool quoted = value.empty() || value.find_first_of(" =\"") != std::string_view::npos;
    if (quoted) {
      AppendJson(out, value);
    } else {
      AppendPlain(out, value);
    }
  }
  out += '\n';
}

void AppendJsonField(std::string& out, std::string_view key, std::string_view value) {
  out += ',';
  AppendJson(out, key);
  out += ':';
  AppendJson(out, value);
}

void AppendJsonLine(std::string& out, LogLevel level, std::string_view event, std::string_view message,
                    std::initializer_list<Log::Field> fields) {
  out += "{\"time\":";
  AppendJson(out, WallTime());
  AppendJsonField(out, "level", LevelName(level));
  AppendJsonField(out, "event", event);
  AppendJsonField(out, "message", message);
  for (const auto& [key, value] : fields) AppendJsonField(out, key, value);
  out += "}\n";
}

// Writes a part of `bytes` without ever waiting. The number of bytes written; 0 = no room now, -1 = nobody will read.
// O_NONBLOCK can't be used: it belongs to the open file, which other processes share.
std::ptrdiff_t WriteSome(int descriptor, std::string_view bytes) {
  const ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  if (errno == EAGAIN || errno == EINTR) return 0;
  if (errno != ENOTSOCK) return -1;

  pollfd waiter{descriptor, POLLOUT, 0};
  if (poll(&waiter, 1, 0) <= 0) return 0;
  // A pipe without a reader reports an error, and writing to it would raise SIGPIPE.
  if ((waiter.revents & (POLLERR | POLLNVAL)) != 0) return -1;
  if ((waiter.revents & POLLOUT) == 0) return 0;
  const std::size_t chunk = isatty(descriptor) != 0 ? kTerminalChunk : kPipeChunk;
  const ssize_t written = write(descriptor, bytes.data(), std::min(bytes.size(), chunk));
  if (written >= 0) return written;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

}  // namespace

Log::Log(int descriptor, LogLevel level, LogFormat format) : descriptor_(descriptor), level_(level), format_(format) {}

void Log::Write(LogLevel level, std::string_view event, std::string_view message, std::initializer_list<Field> fields) {
  if (level < level_) return;
  Append(level, event, message, fields);
  Flush();
}

void Log::ChildLine(std::string_view child, std::string_view stream, std::string_view line) {
  if (LogLevel::kInfo < level_) return;
  if (format_ == LogFormat::kJson) {
    Append(LogLevel::kInfo, "child_output", line, {{"child", child}, {"stream", stream}});
  } else {
    std::string message;
    message.reserve(child.size() + stream.size() + line.size() + 4);
    message.append("[").append(child).append(" ").append(stream).append("] ").append(line);
    Append(LogLevel::kInfo, "child_output", message, {});
  }
  if (buffer_.size() >= kFlushBytes) Flush();
}

void Log::Append(LogLevel level, std::string_view event, std::string_view message,
                 std::initializer_list<Field> fields) {
  const auto append_line = format_ == LogFormat::kJson ? AppendJsonLine : AppendTextLine;
  const std::size_t before = buffer_.size();
  Notice notice{0, dropped_ - dropped_said_};
  if (notice.lines > 0) {
    const std::string count = std::to_string(notice.lines);
    append_line(buffer_, LogLevel::kWarn, "log_dropped",
                count + " log lines dropped: the log took them too slowly, or not at all", {{"lines", count}});
    notice.end = buffer_.size();
  }
  append_line(buffer_, level, event, message, fields);
  if (buffer_.size() > kBufferBytes) {
    buffer_.resize(before);
    ++dropped_;
  } else if (notice.lines > 0) {
    notices_.push_back(notice);
    dropped_said_ += notice.lines;
  }
}

void Log::Flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const std::string_view rest = std::string_view(buffer_).substr(done);
    const std::ptrdiff_t written = WriteSome(descriptor_, cut_ ? "\n" : rest);
    if (written == 0) break;
    if (written < 0) {
      Forget(done);
      DropAll();
      return;
    }
    if (!std::exchange(cut_, false)) done += static_cast<std::size_t>(written);
    within_line_ = done > 0 && buffer_[done - 1] != '\n';
  }
  Forget(done);
}

// The first `bytes` of the buffer have been written.
void Log::Forget(std::size_t bytes) {
  buffer_.erase(0, bytes);
  while (!notices_.empty() && notices_.front().end <= bytes) notices_.pop_front();
  for (Notice& notice : notices_) notice.end -= bytes;
}

void Log::DropAll() {
  const auto lines = std::count(buffer_.begin(), buffer_.end(), '\n');
  dropped_ += lines - static_cast<std::int64_t>(notices_.size());
  for (const Notice& notice : notices_) dropped_said_ -= notice.lines;
  notices_.clear();
  buffer_.clear();
  cut_ = within_line_;
}

}  // namespace andiron
