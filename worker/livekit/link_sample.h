// What the kernel says about a connection (TCP_INFO, SIOCOUTQ, SIOCINQ): whether its peer takes what it was sent, and
// whether there is more to read.
//
// The peer's kernel acknowledges, also for a process that is stopped, until its buffer is full: acknowledged bytes say
// that the machine and the way to it live, not that the process does.
//
// Not every kernel counts acknowledged bytes: old ones and some sandboxes' don't. Then `counted` is false, and the
// peer's silence is no proof of anything.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_SAMPLE_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_SAMPLE_H_

#include <cstdint>

namespace andiron::livekit {

// All zero while there is no socket. Behind a proxy it is the connection to the proxy.
struct LinkSample {
  bool established = false;         // TCP's state; false as soon as either side has closed
  bool counted = false;             // `acknowledged` is a number that the kernel keeps
  std::int64_t unacknowledged = 0;  // bytes given to the kernel that the peer's kernel hasn't acknowledged
  std::uint64_t acknowledged = 0;   // bytes that it has, in all: grows with each acknowledgement
  std::uint64_t received = 0;       // bytes received, in all
  std::int64_t unread = 0;          // bytes of them that nobody has read; 0 where the kernel can't be asked
};

// Asks, changes nothing, never blocks. All zero if it is no TCP socket.
LinkSample SampleSocket(int descriptor);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_SAMPLE_H_
