// The token with which a worker registers at a LiveKit server: a JWT, HS256, with the agent grant.
//
// Pure. The token and the secret are secrets: they go into one header of one request and nowhere else.
#ifndef ANDIRON_WORKER_LIVEKIT_TOKEN_H_
#define ANDIRON_WORKER_LIVEKIT_TOKEN_H_

#include <chrono>
#include <string>
#include <string_view>

namespace andiron::livekit {

// `now` is the wall clock (WallSeconds()). Valid from a minute before it, for a server whose clock is behind, to `ttl`
// after it.
std::string MakeAgentToken(std::string_view key, std::string_view secret, std::chrono::seconds now,
                           std::chrono::seconds ttl);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_TOKEN_H_
