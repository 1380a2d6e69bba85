// More than 10,000 malformed streams, each with its exact fault: how many messages are good before it, which fault it
// is, and with which words; the same at once and byte by byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "ipc/child_messages.h"
#include "ipc/limits.h"
#include "tests/ipc/malformed_families.h"

namespace andiron {
namespace {

constexpr std::size_t kCasesMin = 10000;
// Longer streams are given at once only.
constexpr std::size_t kByteByByteMax = 200;

// What ipc/ makes of the stream, as the worker's channel uses it: the first bad message ends it.
Verdict Read(std::string_view stream, std::size_t piece) {
  FrameReader reader(LimitsForWorker(kMalformedMaxResult));
  Verdict verdict;
  while (!stream.empty() && reader.error() == FrameError::kNone) {
    const std::span<std::byte> space = reader.Space();
    const std::size_t count = std::min({space.size(), stream.size(), piece});
    std::memcpy(space.data(), stream.data(), count);
    reader.Commit(count);
    stream.remove_prefix(count);
    while (const auto frame = reader.Next()) {
      const FromChildMessage message = DecodeFromChild(frame->body, kMalformedMaxResult);
      if (const auto* error = std::get_if<ProtocolError>(&message)) {
        verdict.text = error->what;
        return verdict;
      }
      ++verdict.good;
    }
  }
  verdict.frame = reader.error();
  verdict.text = reader.error_text();
  verdict.half = reader.half();
  return verdict;
}

void PrintTo(const Verdict& verdict) {
  std::printf("  %zu good, reader's fault %d, half %d: %s\n", verdict.good, static_cast<int>(verdict.frame),
              verdict.half, verdict.text.c_str());
}

TEST(Malformed, EveryStreamHasExactlyItsFault) {
  std::map<std::string, std::size_t> counts;
  std::size_t faults = 0;
  for (const MalformedCase& one : MalformedCases()) {
    ++counts[one.family];
    faults += one.expected.text.empty() && !one.expected.half ? 0 : 1;
    for (const std::size_t piece : {one.stream.size() + 1, std::size_t{1}}) {
      if (piece == 1 && one.stream.size() > kByteByByteMax) continue;
      const Verdict verdict = Read(one.stream, piece);
      if (verdict == one.expected) continue;
      PrintTo(one.expected);
      PrintTo(verdict);
      FAIL() << one.family << " case " << counts[one.family] << ": "
             << testing::PrintToString(one.stream.substr(0, 100));
    }
  }
  std::size_t all = 0;
  for (const auto& [family, count] : counts) {
    std::printf("%8zu %s\n", count, family.c_str());
    all += count;
  }
  std::printf("%8zu streams, %zu of them with a fault or half a frame\n", all, faults);
  EXPECT_GE(faults, kCasesMin);
}

}  // namespace
}  // namespace andiron
