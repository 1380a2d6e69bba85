// Streams that a broken or hostile child could send, each with what must come of it. Made by rule, none by chance.
//
// The expectation never comes from ipc/: it follows from how a family is made, or, where a byte is changed whose
// meaning depends on its place, from the reference decoder.
#ifndef ANDIRON_TESTS_IPC_MALFORMED_FAMILIES_H_
#define ANDIRON_TESTS_IPC_MALFORMED_FAMILIES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/frame.h"

namespace andiron {

// Small, so that outputs over it are short streams.
inline constexpr std::size_t kMalformedMaxResult = 1000;

struct Verdict {
  std::size_t good = 0;                  // messages that are read before the fault
  FrameError frame = FrameError::kNone;  // the reader's fault
  std::string text;                      // the fault in words, the reader's or the message's; "" = none
  bool half = false;                     // no fault, but the stream ends within a frame

  bool operator==(const Verdict&) const = default;
};

struct MalformedCase {
  std::string family;
  std::string stream;
  Verdict expected;
};

std::vector<MalformedCase> MalformedCases();

}  // namespace andiron

#endif  // ANDIRON_TESTS_IPC_MALFORMED_FAMILIES_H_
