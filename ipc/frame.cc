#include "ipc/frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace andiron {
namespace {

constexpr int kWireTypeLength = 2;

// The field number of a tag of one byte whose value is a message; 0 = not such a tag.
int TypeOf(std::byte tag) {
  const auto value = std::to_integer<int>(tag);
  return value < 0x80 && (value & 7) == kWireTypeLength ? value >> 3 : 0;
}

std::string Allowed(const FrameLimits& limits) {
  std::string names;
  for (const FrameLimit& limit : limits) {
    if (limit.max == 0) continue;
    if (!names.empty()) names += ", ";
    names += limit.name;
  }
  return names;
}

const FrameLimit& Largest(const FrameLimits& limits) {
  return *std::max_element(limits.begin(), limits.end(),
                           [](const FrameLimit& a, const FrameLimit& b) { return a.max < b.max; });
}

std::string TooLarge(std::size_t bytes, const FrameLimit& limit) {
  return "frame of " + std::to_string(bytes) + " bytes, " + std::string(limit.name) + " may have " +
         std::to_string(limit.max);
}

}  // namespace

std::span<std::byte> FrameReader::Space() {
  if (error_ != FrameError::kNone) return {};
  if (begin_ > 0) {
    // What isn't whole moves to the front, at most once in its life.
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const bool roomy = capacity_ > kKeptBuffer && std::max(end_, wanted_) <= kSmallBuffer;
  if (capacity_ == 0 || roomy) Reallocate(kSmallBuffer);
  // A full buffer doubles: what is allocated is never more than twice what has arrived, or than the frame needs.
  if (end_ == capacity_ && wanted_ > capacity_) Reallocate(std::min(2 * capacity_, wanted_));
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameReader::Commit(std::size_t count) { end_ += std::min(count, capacity_ - end_); }

std::optional<Frame> FrameReader::Next() {
  wanted_ = 0;
  const Head head = ReadHead();
  if (head.type == 0) return std::nullopt;
  const std::size_t whole = head.length_bytes + head.body_bytes;
  if (end_ - begin_ < whole) {
    wanted_ = whole;
    return std::nullopt;
  }
  const Frame frame{head.type, {buffer_.get() + begin_ + head.length_bytes, head.body_bytes}};
  begin_ += whole;
  return frame;
}

FrameReader::Head FrameReader::ReadHead() {
  Head head;
  if (error_ != FrameError::kNone) return head;
  std::uint64_t length = 0;
  std::size_t at = begin_;
  for (;; ++at) {
    if (at - begin_ == kLengthBytesMax) {
      Fail(FrameError::kLengthTooLong, "a frame's length of more than 5 bytes");
      return head;
    }
    if (at == end_) return head;
    const auto byte = std::to_integer<std::uint64_t>(buffer_[at]);
    length |= (byte & 0x7f) << (7 * (at - begin_));
    if (byte < 0x80) break;
  }
  ++at;
  if (length == 0) {
    Fail(FrameError::kEmpty, "a frame of 0 bytes");
    return head;
  }
  if (const FrameLimit& largest = Largest(limits_); length > largest.max) {
    // No type may have that much: the first byte of the body needn't be waited for.
    Fail(FrameError::kTooLarge, TooLarge(length, largest));
    return head;
  }
  if (at == end_) return head;
  const int type = TypeOf(buffer_[at]);
  const FrameLimit& limit = limits_[static_cast<std::size_t>(type)];
  if (type == 0 || limit.max == 0) {
    Fail(FrameError::kUnknownType, "a frame that begins with byte " +
                                       std::to_string(std::to_integer<int>(buffer_[at])) + ", which is none of " +
                                       Allowed(limits_));
    return head;
  }
  if (length > limit.max) {
    Fail(FrameError::kTooLarge, TooLarge(length, limit));
    return head;
  }
  head = {at - begin_, static_cast<std::size_t>(length), type};
  return head;
}

void FrameReader::Fail(FrameError error, std::string text) {
  error_ = error;
  error_text_ = std::move(text);
}

void FrameReader::Reallocate(std::size_t capacity) {
  auto bigger = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (end_ > 0) std::memcpy(bigger.get(), buffer_.get(), end_);
  buffer_ = std::move(bigger);
  capacity_ = capacity;
}

void AppendVarint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}

std::size_t VarintSize(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

}  // namespace andiron
