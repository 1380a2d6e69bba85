// What a child prints: read from a pipe without ever blocking, cut into lines, given to the log within limits, and the
// last lines kept for the autopsy.
//
// A child that prints faster than its limit is read all the same (it must not hang on a full pipe), but its lines are
// dropped and counted, and between two reads it has to wait a moment (LogBrake). A line longer than the limit is cut
// and its rest dropped. Loop's thread. Allowance, brake and log must outlive it.
#ifndef ANDIRON_WORKER_CHILDREN_LINE_CAPTURE_H_
#define ANDIRON_WORKER_CHILDREN_LINE_CAPTURE_H_

#include <andiron/time.h>
#include <uv.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "worker/base/log.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"
#include "worker/children/log_brake.h"

namespace andiron {

// The last lines of one stream.
class LineTail {
 public:
  static constexpr std::size_t kLinesMax = 64;
  static constexpr std::size_t kBytesMax = std::size_t{16} << 10;

  void Add(std::string_view line);
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
};

// How much one child may log: a bucket that fills with `rate` bytes a second and holds one second's worth.
class LogAllowance {
 public:
  explicit LogAllowance(std::int64_t bytes_per_second) : rate_(bytes_per_second), left_(bytes_per_second) {}

  // Once for each bunch of lines.
  void Refill(TimePoint now);
  bool Take(std::size_t bytes);
  std::int64_t dropped() const { return dropped_; }

 private:
  std::int64_t rate_;
  std::int64_t left_;
  TimePoint refilled_{};
  std::int64_t dropped_ = 0;
};

class LineCapture {
 public:
  // `child` and `stream` name the lines in the log.
  LineCapture(std::string_view child, std::string_view stream, std::size_t line_limit, LogAllowance& allowance,
              LogBrake& brake, Log& log)
      : child_(child), stream_(stream), line_limit_(line_limit), allowance_(allowance), brake_(brake), log_(log) {}
  ~LineCapture() { brake_.Forget(*this); }
  LineCapture(const LineCapture&) = delete;
  LineCapture& operator=(const LineCapture&) = delete;

  int Open(uv_loop_t* loop, UniqueFd descriptor);

  // Reads what is there, up to a bound, and closes: the last line counts even without its newline.
  void Finish();

  // Reads what comes from now on: after Open, and after a pause.
  int Watch();

  void LetLoopEnd() { poll_.Unref(); }

  const LineTail& tail() const { return tail_; }

 private:
  void OnReadable();
  bool ReadOnce();
  void Split(std::string_view bytes);
  void Append(std::string_view part);
  void EndLine();
  void Close();

  const std::string_view child_;
  const std::string_view stream_;
  const std::size_t line_limit_;
  LogAllowance& allowance_;
  LogBrake& brake_;
  Log& log_;
  UniqueFd descriptor_;
  UvHandle<uv_poll_t> poll_;
  std::string line_;
  bool cut_ = false;  // the line was longer than the limit
  LineTail tail_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_LINE_CAPTURE_H_
