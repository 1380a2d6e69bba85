#include "tools/andiron/payload_splitter.h"

namespace andiron {

void PayloadSplitter::BeginInput() {
  ended_ = false;
  passing_over_ = false;
  number_ = 0;
}

void PayloadSplitter::Add(std::string_view bytes) {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
  }
  buffer_.append(bytes);
  if (passing_over_) PassOver();
}

void PayloadSplitter::PassOver() {
  too_large_ = false;
  whole_pending_ = false;
  const std::size_t end = split_ == Split::kFile ? std::string::npos : FindSeparator();
  passing_over_ = end == std::string::npos;
  begin_ = scanned_ = passing_over_ ? buffer_.size() : end + 1;
}

void PayloadSplitter::EndInput() {
  ended_ = true;
  if (split_ == Split::kFile) whole_pending_ = true;
}

std::optional<std::string> PayloadSplitter::Take(std::size_t end, std::size_t separator) {
  ++number_;
  if (end - begin_ > payload_max_) {
    too_large_ = true;
    return std::nullopt;
  }
  std::string payload = buffer_.substr(begin_, end - begin_);
  begin_ = end + separator;
  scanned_ = begin_;
  whole_pending_ = false;
  return payload;
}

std::optional<std::string> PayloadSplitter::Next() {
  if (too_large_) return std::nullopt;
  if (split_ != Split::kFile) {
    const std::size_t end = FindSeparator();
    if (end != std::string::npos) return Take(end, 1);
    scanned_ = buffer_.size();
  }
  const bool over_limit = buffer_.size() - begin_ > payload_max_;
  if (over_limit || (ended_ && has_rest())) return Take(buffer_.size(), 0);
  return std::nullopt;
}

}  // namespace andiron
