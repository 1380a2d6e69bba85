// Frames: a base-128 varint length, then a protobuf message of that many bytes (the standard delimited form).
//
// Every message of ours is one `oneof`, and its first byte is the tag of what is set (field 1 to 15, wire type 2).
// So a frame's type is known from the byte after its length, and its size is checked against that type's limit
// before anything of the body is kept. What the reader promises:
//   - it never allocates from a length on the wire: memory grows with the bytes that have really arrived, and never
//     beyond the limit of the frame in progress;
//   - a stream with an error in it is over: there is no way to find the next frame in it;
//   - the text of an error names what came and what is allowed.
// No I/O, no clock. One thread at a time.
#ifndef ANDIRON_IPC_FRAME_H_
#define ANDIRON_IPC_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace andiron {

// Field numbers of a oneof that take one byte as a tag: 1 to 15.
inline constexpr int kFrameTypes = 16;
// Bytes that a length may take: enough for 32 bits.
inline constexpr std::size_t kLengthBytesMax = 5;

// What may come on one channel, by field number. `max` counts the bytes of the whole message, without its length;
// 0 = this type may not come. `name` is for error texts and must be a literal.
struct FrameLimit {
  std::string_view name;
  std::uint32_t max = 0;
};
using FrameLimits = std::array<FrameLimit, kFrameTypes>;

enum class FrameError {
  kNone,
  kEmpty,          // a length of 0
  kLengthTooLong,  // a length of more than 5 bytes
  kUnknownType,    // the first byte is not the tag of a type that may come
  kTooLarge,       // more bytes than the type may have
};

// One whole frame. The body is valid until the reader is used again.
struct Frame {
  int type = 0;  // the field number of what is set
  std::span<const std::byte> body;
};

// Usage: recv into Space(), Commit(n), then Next() until it returns nothing; then look at error() and half().
class FrameReader {
 public:
  // The smallest buffer, and the largest that is kept after a big frame has been read.
  static constexpr std::size_t kSmallBuffer = 4096;
  static constexpr std::size_t kKeptBuffer = 65536;

  explicit FrameReader(const FrameLimits& limits) : limits_(limits) {}
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  // Room for the next bytes: never empty once Next() has returned nothing, but for a stream that is over.
  // Invalidates the last frame's body.
  std::span<std::byte> Space();
  // The first `count` bytes of that room have been written.
  void Commit(std::size_t count);

  // The next whole frame; nothing = more bytes are needed, or the stream is over (error()).
  std::optional<Frame> Next();

  // A frame has begun to arrive and isn't whole yet. To be asked after Next() has returned nothing.
  bool half() const { return error_ == FrameError::kNone && begin_ < end_; }

  FrameError error() const { return error_; }
  // "frame of 70000 bytes, Hello may have 4096". "" without an error.
  const std::string& error_text() const { return error_text_; }

  // Memory in use, for tests and figures.
  std::size_t capacity() const { return capacity_; }

 private:
  // The frame at begin_, as far as it is known.
  struct Head {
    std::size_t length_bytes = 0;  // 0 = the length isn't whole yet
    std::size_t body_bytes = 0;
    int type = 0;  // 0 = the first byte of the body isn't there yet
  };

  Head ReadHead();
  void Fail(FrameError error, std::string text);
  void Reallocate(std::size_t capacity);

  FrameLimits limits_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;   // first byte not yet given out
  std::size_t end_ = 0;     // one past the last byte that has arrived
  std::size_t wanted_ = 0;  // bytes of the whole frame at begin_, once its header has been checked; else 0
  FrameError error_ = FrameError::kNone;
  std::string error_text_;
};

// Appends a number as protobuf's varint.
void AppendVarint(std::string& out, std::uint64_t value);
// How many bytes that takes.
std::size_t VarintSize(std::uint64_t value);

// Appends one frame with the message, any of protobuf's, serialized in place. A template, so that a program that
// encodes by hand doesn't link protobuf.
template <typename Message>
void AppendFrame(std::string& out, const Message& message) {
  const std::size_t size = message.ByteSizeLong();
  AppendVarint(out, size);
  const std::size_t at = out.size();
  out.resize(at + size);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data() + at));
}

}  // namespace andiron

#endif  // ANDIRON_IPC_FRAME_H_
