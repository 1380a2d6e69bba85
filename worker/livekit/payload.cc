#include "worker/livekit/payload.h"

#include <cstdint>

#include "ipc/wire.h"

namespace andiron::livekit {
namespace {

// Field numbers of andiron.agent.AgentJob.
enum AgentJobField : std::uint32_t { kJob = 1, kUrl = 2, kToken = 3, kIdentity = 4, kName = 5 };

}  // namespace

std::string MakePayload(const Assigned& assigned, std::string_view identity, std::string_view fallback_url,
                        std::string_view name) {
  const std::string_view url = assigned.url.empty() ? fallback_url : std::string_view(assigned.url);
  std::string payload;
  payload.reserve(BytesFieldSize(assigned.job) + BytesFieldSize(url) + BytesFieldSize(assigned.token) +
                  BytesFieldSize(identity) + BytesFieldSize(name));
  AppendBytesField(payload, kJob, assigned.job);
  AppendBytesField(payload, kUrl, url);
  AppendBytesField(payload, kToken, assigned.token);
  AppendBytesField(payload, kIdentity, identity);
  AppendBytesField(payload, kName, name);
  return payload;
}

}  // namespace andiron::livekit
