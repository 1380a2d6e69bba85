// What a LiveKit server says: whatever bytes come, Decode answers, and what it takes for a word protobuf takes for the
// same one. The payload that a job's child gets is no larger than the word that brought it.
//
// Input: one message.
#include "livekit_agent.pb.h"
#include "tests/fuzz/target.h"
#include "worker/livekit/messages.h"
#include "worker/livekit/payload.h"

namespace andiron::fuzz {
namespace {

void RunOne(std::string_view bytes) {
  const auto word = livekit::Decode(bytes, 4096);
  if (!word.ok() || !word->has_value()) return;
  livekit::wire::ToWorker message;
  Require(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "protobuf reads what we read");
  Require(message.word_case() != 0, "there is a word in it");
  if (const auto* assigned = std::get_if<livekit::Assigned>(&**word)) {
    Require(message.has_assignment() && message.assignment().token() == assigned->token, "the token");
    Require(message.assignment().job() == assigned->job && message.assignment().url() == assigned->url, "the job");
    Require(MakePayload(*assigned, "identity", "ws://server").size() <= bytes.size() + 64, "the payload's size");
  }
  if (const auto* offered = std::get_if<livekit::Offered>(&**word))
    Require(message.offer().job() == offered->job && !offered->job_id.empty(), "the offer");
  if (const auto* terminated = std::get_if<livekit::Terminated>(&**word))
    Require(message.termination().job_id() == terminated->job_id, "the termination");
  if (const auto* ponged = std::get_if<livekit::Ponged>(&**word))
    Require(message.pong().last_timestamp() == ponged->last_timestamp, "the pong");
}

}  // namespace
}  // namespace andiron::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  andiron::fuzz::RunOne({reinterpret_cast<const char*>(data), size});
  return 0;
}
