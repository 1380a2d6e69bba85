// The child protocol read a second time, from proto/child.proto's words and by other means: no state, no views, no
// speed. Tests hold ipc/ against it.
//
// A whole stream at once, then a whole body at once, into lists of plain values. Where the contract leaves nothing
// open there is one answer, and it is here once more.
#ifndef ANDIRON_TESTS_IPC_REFERENCE_DECODER_H_
#define ANDIRON_TESTS_IPC_REFERENCE_DECODER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/frame.h"

namespace andiron {

struct ReferenceFrame {
  int type = 0;
  std::string body;

  bool operator==(const ReferenceFrame&) const = default;
};

struct ReferenceReading {
  std::vector<ReferenceFrame> frames;
  FrameError error = FrameError::kNone;
  std::string text;   // of the error
  bool half = false;  // the stream ends in the middle of a frame
};

ReferenceReading ReadByTheRules(std::string_view stream, const FrameLimits& limits);

// One field of protobuf's wire format.
struct ReferenceField {
  std::uint64_t number = 0;
  int wire_type = 0;        // 0 varint, 1 fixed64, 2 bytes, 5 fixed32
  std::uint64_t value = 0;  // of a varint
  std::string bytes;        // of bytes
};

// Nothing: malformed.
std::optional<std::vector<ReferenceField>> FieldsByTheRules(std::string_view message);

// What a body from a child is: "" = a good message, else the text of the error.
std::string ErrorByTheRules(std::string_view body, std::size_t max_result);

// UTF-8 as RFC 3629 has it, by decoding and encoding again.
bool Utf8ByTheRules(std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_TESTS_IPC_REFERENCE_DECODER_H_
