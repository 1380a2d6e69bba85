// What a message costs: every allocation is counted, for the length of one Decode.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/livekit/messages_vectors.h"
#include "worker/livekit/messages.h"

namespace {

std::size_t allocated = 0;

}  // namespace

void* operator new(std::size_t size) {
  allocated += size;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace andiron::livekit {
namespace {

constexpr std::size_t kMax = 4u << 20;

std::size_t CostOf(const std::string& message) {
  const std::size_t before = allocated;
  (void)Decode(message, kMax);
  return allocated - before;
}

std::string Repeated(std::string_view piece, std::size_t size) {
  std::string bytes(piece);
  while (bytes.size() < size) bytes += bytes;
  bytes.resize(size - size % piece.size());
  return bytes;
}

std::string Wrapped(char tag, const std::string& fields) {
  std::string out(1, tag);
  for (std::size_t rest = fields.size();; rest >>= 7) {
    out.push_back(static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)));
    if (rest <= 0x7f) return out + fields;
  }
}

// What an error's text or the strings of a small word may take.
constexpr std::size_t kSmall = 2048;

TEST(LivekitMemoryTest, FourMebibytesOfEmptyMessagesCostNothing) {
  for (const std::string_view piece : {std::string_view("\x0a\x00", 2), std::string_view("\x32\x00", 2),
                                       std::string_view("\x3a\x00", 2), std::string_view("\x50\x01", 2)}) {
    EXPECT_LE(CostOf(Repeated(piece, kMax)), kSmall);
    EXPECT_LE(CostOf(Wrapped('\x0a', Repeated(piece, kMax - 8))), kSmall);
  }
}

TEST(LivekitMemoryTest, AnAssignmentCostsNoMoreThanItsSize) {
  const std::string job =
      "\x0a\x02"
      "AJ" +
      Wrapped('\x62', std::string(kMax - 64, 'x'));
  const std::string message = Wrapped('\x1a', Wrapped('\x0a', job));
  const std::size_t cost = CostOf(message);
  EXPECT_GE(cost, job.size());
  EXPECT_LE(cost, message.size() + kSmall);
}

TEST(LivekitMemoryTest, AnIdThatComesAMillionTimesIsKeptOnce) {
  const std::string ids = Repeated(
      "\x0a\x02"
      "AJ",
      kMax - 64);
  EXPECT_LE(CostOf(Wrapped('\x2a', ids)), kSmall);
}

TEST(LivekitMemoryTest, WhatIsTooLargeIsNotLookedAt) { EXPECT_LE(CostOf(std::string(kMax + 1, '\xff')), kSmall); }

}  // namespace
}  // namespace andiron::livekit
