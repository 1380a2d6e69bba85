#include "worker/livekit/link_sample.h"

// The kernel's header, since the C library's knows no counters of bytes; the two can't be in one file.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

namespace andiron::livekit {
namespace {

constexpr int kEstablished = 1;  // TCP_ESTABLISHED, which only the C library's header names

}  // namespace

LinkSample SampleSocket(int descriptor) {
  LinkSample sample;
  int unread = 0;
  if (ioctl(descriptor, SIOCINQ, &unread) == 0) sample.unread = unread;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    // A kernel that can't be asked calls nothing dead.
    sample.established = errno == ENOPROTOOPT || errno == EOPNOTSUPP;
    return sample;
  }
  int unacknowledged = 0;
  if (ioctl(descriptor, SIOCOUTQ, &unacknowledged) == 0) sample.unacknowledged = unacknowledged;
  sample.established = info.tcpi_state == kEstablished;
  // The upgrade's request was acknowledged: 0 on an open connection is a field that this kernel doesn't fill.
  sample.counted = info.tcpi_bytes_acked > 0;
  sample.acknowledged = info.tcpi_bytes_acked;
  sample.received = info.tcpi_bytes_received;
  return sample;
}

}  // namespace andiron::livekit
