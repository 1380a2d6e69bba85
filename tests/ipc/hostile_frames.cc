#include "tests/ipc/hostile_frames.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "ipc/child_messages.h"
#include "ipc/frame.h"
#include "ipc/limits.h"

namespace {

// Every allocation of the program is counted.
std::size_t alive = 0;
std::size_t peak = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  alive += malloc_usable_size(memory);
  peak = std::max(peak, alive);
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) alive -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
// A sanitizer has these of its own, which don't come by here.
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace andiron {
namespace {

// What one recv brings at most: a socket's buffer.
constexpr std::size_t kPiece = std::size_t{208} << 10;

std::string Varint(std::size_t value) {
  std::string out;
  AppendVarint(out, value);
  return out;
}

// `piece` as often as it fits into `size` bytes.
std::string Filled(std::string_view piece, std::size_t size) {
  std::string out;
  out.reserve(size);
  while (out.size() + piece.size() <= size) out += piece;
  return out;
}

// A Result of job 7 that succeeded, and more.
std::string ResultWith(std::string_view fields, std::string_view behind = {}) {
  const std::string inner = "\x08\x07\x10\x01" + std::string(fields);
  const std::string body = "\x22" + Varint(inner.size()) + inner + std::string(behind);
  return Varint(body.size()) + body;
}

}  // namespace

std::vector<HostileFrame> HostileFrames() {
  using namespace std::string_view_literals;
  constexpr std::size_t kSize = kHostileResultMax;
  const std::string nested = Filled("\x32\x7e"sv, kSize);
  return {
      {"the largest output", ResultWith("\x1a" + Varint(kSize) + std::string(kSize, 'o')), true},
      {"an output over its limit", ResultWith("\x1a" + Varint(kSize + 1) + std::string(kSize + 1, 'o'))},
      {"an error text of 4 MiB", ResultWith("\x22" + Varint(kSize) + std::string(kSize, 'e'))},
      {"an error text of 4 MiB, 4-byte characters",
       ResultWith("\x22" + Varint(kSize) + Filled("\xf0\x9f\x98\x80"sv, kSize))},
      {"empty outputs, 2 million", ResultWith(Filled("\x1a\x00"sv, kSize))},
      {"empty error texts, 2 million", ResultWith(Filled("\x22\x00"sv, kSize))},
      {"short outputs, 800,000", ResultWith(Filled("\x1a\x03xyz"sv, kSize))},
      {"job numbers, 2 million", ResultWith(Filled("\x08\x01"sv, kSize))},
      {"unknown empty messages, 2 million", ResultWith(Filled("\x32\x00"sv, kSize))},
      {"unknown numbers, 2 million", ResultWith(Filled("\x28\x01"sv, kSize))},
      {"unknown map entries, 700,000", ResultWith(Filled("\x32\x04\x08\x01\x10\x01"sv, kSize))},
      {"unknown numbers of 10 bytes", ResultWith(Filled("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv, kSize))},
      {"tags of 10 bytes", ResultWith(Filled("\xa8\x80\x80\x80\x80\x80\x80\x80\x80\x00\x01"sv, kSize))},
      {"one packed field", ResultWith("\x32" + Varint(kSize) + std::string(kSize, '\x01')), true},
      {"messages in messages", ResultWith("\x32" + Varint(nested.size()) + nested), true},
      {"nested groups, 4 million", ResultWith(Filled("\x0b"sv, kSize))},
      {"unknown fields behind the message", ResultWith({}, Filled("\x32\x00"sv, kSize))},
      {"numbers behind the message", ResultWith({}, Filled("\x30\x01"sv, kSize))},
  };
}

FrameCost CostOf(const std::string& frame) {
  std::string_view stream = frame;
  const std::size_t before = alive;
  peak = alive;
  FrameCost cost;
  const auto begin = std::chrono::steady_clock::now();
  {
    FrameReader reader(LimitsForWorker(kHostileResultMax));
    while (!stream.empty() && reader.error() == FrameError::kNone) {
      const auto space = reader.Space();
      const std::size_t count = std::min({space.size(), stream.size(), kPiece});
      std::memcpy(space.data(), stream.data(), count);
      reader.Commit(count);
      stream.remove_prefix(count);
      if (const auto whole = reader.Next()) {
        const FromChildMessage message = DecodeFromChild(whole->body, kHostileResultMax);
        cost.taken = !std::holds_alternative<ProtocolError>(message);
      }
    }
  }
  cost.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  cost.peak = peak - before;
  return cost;
}

}  // namespace andiron
