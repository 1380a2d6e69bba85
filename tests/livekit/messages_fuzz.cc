// libFuzzer: whatever bytes come, Decode answers, and what it takes for a word protobuf takes for the same one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "livekit_agent.pb.h"
#include "worker/livekit/messages.h"
#include "worker/livekit/payload.h"

namespace {

using andiron::livekit::Assigned;

// Stops the fuzzer, which keeps the input.
void Require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto word = andiron::livekit::Decode(bytes, 4096);
  if (!word.ok() || !word->has_value()) return 0;
  andiron::livekit::wire::ToWorker message;
  Require(message.ParseFromArray(data, static_cast<int>(size)));
  Require(message.word_case() != 0);
  if (const auto* assigned = std::get_if<Assigned>(&**word)) {
    Require(message.has_assignment() && message.assignment().token() == assigned->token);
    Require(message.assignment().job() == assigned->job && message.assignment().url() == assigned->url);
    Require(MakePayload(*assigned, "identity", "ws://server").size() <= size + 64);
  }
  return 0;
}
