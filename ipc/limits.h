// How large each message between a worker and a child may be: the numbers of proto/child.proto, by name.
//
// Bytes of the whole message, without the frame's length. Only Run and Result grow, with the pool's settings.
#ifndef ANDIRON_IPC_LIMITS_H_
#define ANDIRON_IPC_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "ipc/frame.h"

namespace andiron {

// The version of the child protocol that this code speaks.
inline constexpr std::uint32_t kProtocolVersion = 1;

// What a Run or a Result may have beside its payload, output or error's text.
inline constexpr std::size_t kEnvelopeBytes = 4096;

inline constexpr std::uint32_t kProgressBytesMax = 4096;
inline constexpr std::uint32_t kHelloBytesMax = 4096;
// Ack, Pong, Cancel, Ping, Stop: a number and its frame.
inline constexpr std::uint32_t kSmallMessageBytesMax = 64;

// The text of a failed job; the SDKs cut what is longer.
inline constexpr std::size_t kErrorTextBytesMax = std::size_t{64} * 1024;
// The name and the version of an SDK, each.
inline constexpr std::size_t kSdkTextBytesMax = 64;

// protobuf's own limit is 2 GiB: no payload, output or frame of ours comes near it.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{1} << 30;

// What a child reads: the frames of ToChild. A child that isn't told its pool's max_payload takes kPayloadBytesMax.
FrameLimits LimitsForChild(std::size_t max_payload);

// What a worker reads from a child: the frames of FromChild. A Result may always hold an error's text, however small
// max_result is; DecodeFromChild checks the output by itself.
FrameLimits LimitsForWorker(std::size_t max_result);

}  // namespace andiron

#endif  // ANDIRON_IPC_LIMITS_H_
