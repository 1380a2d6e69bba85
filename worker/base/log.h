// The worker's own log: lines on a descriptor, text or JSON, that never block the loop.
//
// A line goes to a bounded buffer; what the descriptor doesn't take waits there; what doesn't fit, and what waits when
// the descriptor fails, is dropped and counted. The count is said as soon as there is room, and counts as said once
// that has been written. After a line that was cut the next begins on a line of its own. Values are escaped: no control
// characters reach a terminal. One thread. The descriptor is not owned.
#ifndef ANDIRON_WORKER_BASE_LOG_H_
#define ANDIRON_WORKER_BASE_LOG_H_

#include <andiron/settings.h>

#include <cstddef>
#include <cstdint>
#include <deque>
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
  // A line in the buffer that says how many are missing; itself it is none of those that are counted.
  struct Notice {
    std::size_t end = 0;  // where it ends in the buffer
    std::int64_t lines = 0;
  };

  void Append(LogLevel level, std::string_view event, std::string_view message, std::initializer_list<Field> fields);
  void Forget(std::size_t bytes);
  void DropAll();

  int descriptor_;
  LogLevel level_;
  LogFormat format_;
  std::string buffer_;
  std::deque<Notice> notices_;  // in the order of the buffer
  bool within_line_ = false;    // the last byte that was written ends no line
  bool cut_ = false;            // and the rest of that line is lost
  std::int64_t dropped_ = 0;
  std::int64_t dropped_said_ = 0;  // in what was written and in `notices_`
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_LOG_H_
