// The payload that a child gets for an assigned job: one AgentJob (proto/agent_job.proto).
//
// It holds the job's token. Whoever carries it treats the whole as a secret: it never goes to a log.
#ifndef ANDIRON_WORKER_LIVEKIT_PAYLOAD_H_
#define ANDIRON_WORKER_LIVEKIT_PAYLOAD_H_

#include <string>
#include <string_view>

#include "worker/livekit/words.h"

namespace andiron::livekit {

// `identity` and `name` are what the offer was answered with. `fallback_url` is the server's that the worker has
// registered at, for an assignment without one. The size is that of the assignment and a few bytes.
std::string MakePayload(const Assigned& assigned, std::string_view identity, std::string_view fallback_url,
                        std::string_view name = {});

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_PAYLOAD_H_
