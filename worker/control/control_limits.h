// The sizes of proto/control.proto's messages, by name, and the other bounds of a connection.
#ifndef ANDIRON_WORKER_CONTROL_CONTROL_LIMITS_H_
#define ANDIRON_WORKER_CONTROL_CONTROL_LIMITS_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <cstddef>
#include <cstdint>

#include "ipc/frame.h"

namespace andiron {

// The bounds of a server; tests make them smaller.
struct ControlBounds {
  std::size_t clients = 1000;
  // Requests of one client that wait for the core (submissions that are neither accepted nor refused, waits for the end
  // of a drain or of the worker), before we stop reading from it.
  std::size_t undecided = 10000;
  // Bytes that wait for one client: before we stop reading from it, and before it is disconnected.
  std::size_t unread_pause = std::size_t{4} << 20;
  std::size_t unread = std::size_t{64} << 20;
  // How often the clients' waits are looked at, and after how many looks in a row each is over: a client's hello,
  // the rest of a frame, bytes of ours of which it takes none. Looks are counted, not time: between two of them the
  // loop has polled, so a stall of ours disconnects nobody.
  Duration look = std::chrono::seconds(1);
  int hello_looks = 10;
  int frame_looks = 10;
  int write_looks = 10;
  // How long clients have to read their last answers when the worker has stopped; then its process ends.
  Duration last_words = std::chrono::seconds(5);
  // How long accepting pauses when there are no descriptors left.
  Duration accept_pause = std::chrono::milliseconds(100);
};

// Bytes read from one client, and clients accepted, in one turn: so that none can starve the others.
inline constexpr std::size_t kControlReadPerTurn = std::size_t{1} << 20;
inline constexpr int kControlAcceptsPerTurn = 64;
// Messages of one client that are heard in one turn. Bytes don't bound that: the smallest request has five, so that a
// MiB of them is a second of the loop's time. So many take it about a millisecond, of which a turn's own work, paid
// once for all of them, is still a small part.
inline constexpr std::size_t kControlMessagesPerTurn = 256;

inline constexpr std::size_t kControlIdBytesMax = kJobIdBytesMax;
// Everything of a Submit but its payload.
inline constexpr std::size_t kControlSubmitEnvelope = 4096;
inline constexpr std::uint32_t kControlRequestBytesMax = 4096;
inline constexpr std::uint32_t kControlReplyBytesMax = 64 << 10;
inline constexpr std::uint32_t kControlStatusBytesMax = 64 << 20;
// Everything of an Outcome but its output.
inline constexpr std::uint32_t kControlOutcomeEnvelope = 128 << 10;

// What the worker reads: the frames of ToWorker.
FrameLimits LimitsForControlServer(std::size_t submit_bytes_max);
// What a client reads: the frames of FromWorker.
FrameLimits LimitsForControlClient();

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_CONTROL_LIMITS_H_
