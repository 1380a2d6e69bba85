// Small words for tests about bytes.
#ifndef ANDIRON_TESTS_IPC_BYTES_H_
#define ANDIRON_TESTS_IPC_BYTES_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/frame.h"

namespace andiron {

inline std::span<const std::byte> Bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A frame with this body.
inline std::string Framed(std::string_view body) {
  std::string out;
  AppendVarint(out, body.size());
  return out.append(body);
}

// The body of a message of that type, `size` bytes in all: its tag and length, then filler.
inline std::string BodyOf(int type, std::size_t size) {
  for (std::size_t length_bytes = 1; length_bytes <= kLengthBytesMax; ++length_bytes) {
    const std::size_t inner = size - 1 - length_bytes;
    if (VarintSize(inner) != length_bytes) continue;
    std::string body(1, static_cast<char>(type << 3 | 2));
    AppendVarint(body, inner);
    return body.append(inner, 'x');
  }
  return {};
}

// What a reader made of a stream.
struct Reading {
  std::vector<std::pair<int, std::string>> frames;
  std::size_t capacity_max = 0;
};

// Gives the reader these bytes as if one or more reads had brought them, and takes the frames.
inline void Feed(FrameReader& reader, std::string_view bytes, Reading& reading) {
  while (!bytes.empty() && reader.error() == FrameError::kNone) {
    const std::span<std::byte> space = reader.Space();
    const std::size_t count = std::min(space.size(), bytes.size());
    if (count == 0) return;
    std::memcpy(space.data(), bytes.data(), count);
    reader.Commit(count);
    bytes.remove_prefix(count);
    while (const auto frame = reader.Next()) reading.frames.emplace_back(frame->type, Text(frame->body));
    reading.capacity_max = std::max(reading.capacity_max, reader.capacity());
  }
}

}  // namespace andiron

#endif  // ANDIRON_TESTS_IPC_BYTES_H_
