#include "ipc/limits.h"

#include <algorithm>

namespace andiron {
namespace {

std::uint32_t WithEnvelope(std::size_t bytes) {
  return static_cast<std::uint32_t>(std::min(bytes, kPayloadBytesMax) + kEnvelopeBytes);
}

}  // namespace

FrameLimits LimitsForChild(std::size_t max_payload) {
  FrameLimits limits;
  limits[1] = {"Run", WithEnvelope(max_payload)};
  limits[2] = {"Cancel", kSmallMessageBytesMax};
  limits[3] = {"Ping", kSmallMessageBytesMax};
  limits[4] = {"Stop", kSmallMessageBytesMax};
  return limits;
}

FrameLimits LimitsForWorker(std::size_t max_result) {
  FrameLimits limits;
  limits[1] = {"Progress", kProgressBytesMax};
  limits[2] = {"Hello", kHelloBytesMax};
  limits[3] = {"Ack", kSmallMessageBytesMax};
  limits[4] = {"Result", WithEnvelope(std::max(max_result, kErrorTextBytesMax))};
  limits[5] = {"Pong", kSmallMessageBytesMax};
  return limits;
}

}  // namespace andiron
