// The frame reader: a stream at once and a stream in pieces give the same frames and the same error, those that a
// second, simpler reader finds by the rules. Memory follows what has arrived, never what a length says.
//
// Input: which limits (1 byte), cuts, the stream.
#include <algorithm>
#include <cstring>

#include "ipc/frame.h"
#include "ipc/limits.h"
#include "tests/fuzz/target.h"
#include "tests/ipc/reference_decoder.h"

namespace andiron::fuzz {
namespace {

FrameLimits LimitsOf(std::uint8_t choice) {
  switch (choice % 4) {
    case 0:
      return LimitsForWorker(1000);
    case 1:
      return LimitsForChild(100);
    case 2: {
      // Limits so small that short inputs reach them, and types at both ends.
      FrameLimits tiny;
      tiny[1] = {"One", 8};
      tiny[4] = {"Four", 300};
      tiny[15] = {"Fifteen", 5000};
      return tiny;
    }
    default:
      return LimitsForWorker(kPayloadBytesMax);
  }
}

// Reads a stream as it comes, and holds every frame and the end against what the rules say.
class Feeder {
 public:
  Feeder(const FrameLimits& limits, const ReferenceReading& expected) : reader_(limits), expected_(expected) {}

  void Feed(std::string_view piece) {
    while (!piece.empty() && reader_.error() == FrameError::kNone) {
      const std::span<std::byte> space = reader_.Space();
      Require(!space.empty(), "there is room while the stream isn't over");
      const std::size_t count = std::min(space.size(), piece.size());
      std::memcpy(space.data(), piece.data(), count);
      reader_.Commit(count);
      arrived_ += count;
      piece.remove_prefix(count);
      while (const auto frame = reader_.Next()) Take(*frame);
      Require(reader_.capacity() <= std::max(FrameReader::kSmallBuffer, 2 * arrived_), "memory follows what arrived");
    }
  }

  void End() {
    Require(frames_ == expected_.frames.size(), "all frames of the rules have come");
    Require(reader_.error() == expected_.error, "the error is that of the rules");
    Require(reader_.error_text() == expected_.text, "its text is that of the rules");
    Require(reader_.half() == expected_.half, "half a frame is half a frame by the rules");
    Require(reader_.error() == FrameError::kNone || reader_.Space().empty(), "a stream that is over takes no bytes");
  }

 private:
  void Take(const Frame& frame) {
    Require(frames_ < expected_.frames.size(), "no frame beyond those of the rules");
    const ReferenceFrame& one = expected_.frames[frames_++];
    const std::string_view body(reinterpret_cast<const char*>(frame.body.data()), frame.body.size());
    Require(frame.type == one.type && body == one.body, "the frame is that of the rules");
  }

  FrameReader reader_;
  const ReferenceReading& expected_;
  std::size_t frames_ = 0;
  std::size_t arrived_ = 0;
};

void RunOne(Input input) {
  const FrameLimits limits = LimitsOf(input.Byte());
  Cuts cuts(input);
  std::string_view stream = input.Rest();
  const ReferenceReading expected = ReadByTheRules(stream, limits);
  Feeder whole(limits, expected);
  whole.Feed(stream);
  whole.End();
  Feeder pieces(limits, expected);
  while (!stream.empty()) pieces.Feed(cuts.Next(stream));
  pieces.End();
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  andiron::fuzz::RunOne({data, size});
  return 0;
}
