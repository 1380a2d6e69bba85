// The worker's own log: lines on a descriptor, text or JSON, that never block the loop.
//
// A line goes to a bounded buffer; what the descriptor doesn't take waits there, and what doesn't fit is dropped and
// counted; the count is said as soon as there is room. Values are escaped: no control characters reach a terminal.
// One thread. The descriptor is not owned.
#ifndef ANDIRON_WORKER_BASE_LOG_H_
#define ANDIRON_WORKER_BASE_LOG_H_

#include <andiron/settings.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace andiron {

class Log {
 public:
  using Field = std::pair<std::string_view, std::string_view>;  // key, value

  static constexpr std::size_t kBufferBytes = 1 << 20;

  Log(int descriptor, LogLevel level, LogFormat format);

  // `event` is a short fixed word ("child_ready"); `message` is for people.
  void Write(LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<Field> fields = {});

  // A line of a child's stdout or stderr, as it came.
  void ChildLine(std::string_view child, std::string_view stream, std::string_view line);

  // Tries to write what waits. Called each turn, and by a poll on the descriptor where one can be had.
  void Flush();
  bool pending() const { return !buffer_.empty(); }
  std::int64_t dropped() const { return dropped_; }

 private:
  void Append(LogLevel level, std::string_view event, std::string_view message, std::initializer_list<Field> fields);

  int descriptor_;
  LogLevel level_;
  LogFormat format_;
  std::string buffer_;
  std::int64_t dropped_ = 0;
  std::int64_t dropped_said_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_LOG_H_
