#include "worker/children/line_capture.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "worker/base/clock.h"

namespace andiron {
namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10;
// A pipe holds 64 KiB: what one turn reads, and what is read of a child that has ended.
constexpr int kReadsPerTurn = 4;
constexpr int kReadsAtEnd = 64;
constexpr std::string_view kCutMark = " ... (cut)";
// What the log adds to a line, at most, beside the child's name. It counts as printed: a flood of empty lines would
// otherwise fill the log with a hundred times what log_rate_limit says.
constexpr std::size_t kLineFrame = 128;

}  // namespace

void LineTail::Add(std::string_view line) {
  lines_.emplace_back(line.substr(0, kBytesMax));
  bytes_ += lines_.back().size();
  while (lines_.size() > kLinesMax || bytes_ > kBytesMax) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
}

void LogAllowance::Refill(TimePoint now) {
  const double seconds = std::chrono::duration<double>(now - refilled_).count();
  refilled_ = now;
  const double filled = static_cast<double>(left_) + static_cast<double>(rate_) * std::min(seconds, 1.0);
  left_ = static_cast<std::int64_t>(std::min(filled, static_cast<double>(rate_)));
}

bool LogAllowance::Take(std::size_t bytes) {
  const auto wanted = static_cast<std::int64_t>(bytes);
  // A full bucket lets any line through: a limit below the length of a line slows lines down, but loses none.
  if (wanted > left_ && left_ < rate_) {
    ++dropped_;
    return false;
  }
  left_ -= wanted;
  return true;
}

int LineCapture::Open(uv_loop_t* loop, UniqueFd descriptor) {
  const int error = poll_.Init(this, [&](uv_poll_t* poll) { return uv_poll_init(loop, poll, descriptor.get()); });
  if (error != 0) return error;
  descriptor_ = std::move(descriptor);
  return Watch();
}

int LineCapture::Watch() {
  return uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<LineCapture*>(poll->data)->OnReadable();
  });
}

void LineCapture::OnReadable() {
  const std::int64_t dropped_before = allowance_.dropped();
  allowance_.Refill(Now());
  for (int i = 0; i < kReadsPerTurn && descriptor_ && ReadOnce(); ++i) {
  }
  const bool floods = allowance_.dropped() > dropped_before || cut_;
  if (!descriptor_ || !floods) return;
  uv_poll_stop(poll_.get());
  brake_.Pause(*this);
}

// False when there is nothing more to read now.
bool LineCapture::ReadOnce() {
  std::array<char, kReadBytes> buffer;
  const ssize_t count = read(descriptor_.get(), buffer.data(), buffer.size());
  if (count > 0) {
    Split({buffer.data(), static_cast<std::size_t>(count)});
    return static_cast<std::size_t>(count) == buffer.size();
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  Close();
  return false;
}

void LineCapture::Split(std::string_view bytes) {
  for (;;) {
    const std::size_t end = bytes.find('\n');
    Append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    EndLine();
    bytes.remove_prefix(end + 1);
  }
}

void LineCapture::Append(std::string_view part) {
  const std::size_t room = line_limit_ - std::min(line_limit_, line_.size());
  cut_ = cut_ || part.size() > room;
  line_ += part.substr(0, room);
}

void LineCapture::EndLine() {
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  if (cut_) line_ += kCutMark;
  tail_.Add(line_);
  if (allowance_.Take(line_.size() + child_.size() + kLineFrame)) log_.ChildLine(child_, stream_, line_);
  line_.clear();
  cut_ = false;
}

void LineCapture::Finish() {
  if (!descriptor_) return;
  allowance_.Refill(Now());
  for (int i = 0; i < kReadsAtEnd && descriptor_ && ReadOnce(); ++i) {
  }
  Close();
}

void LineCapture::Close() {
  if (!descriptor_) return;
  if (!line_.empty()) EndLine();
  brake_.Forget(*this);
  poll_.Reset();
  descriptor_.Reset();
}

}  // namespace andiron
