// The address of a LiveKit server, as the worker dials it.
//
// Pure. Accepts ws://, wss://, http:// and https:// (the latter two count as the former) with a name or an address
// ([...] for IPv6), an optional port and an optional path, under which the server may have been mounted. A user, a
// password, a query or a fragment is refused: secrets don't belong into an address that is logged.
#ifndef ANDIRON_WORKER_LIVEKIT_URL_H_
#define ANDIRON_WORKER_LIVEKIT_URL_H_

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace andiron::livekit {

struct Url {
  bool secure = false;  // TLS
  std::string host;     // lower case, without brackets
  int port = 0;
  std::string path;  // PREFIX + "/agent", without double slashes

  // What a request names as its Host: the port only where it isn't the scheme's own, brackets around IPv6.
  std::string host_header() const;
  // For people: "wss://host:port/path".
  std::string text() const;

  bool operator==(const Url&) const = default;
};

absl::StatusOr<Url> ParseUrl(std::string_view text);

// Whether `host` is an IPv4 or IPv6 address, not a name.
bool IsAddress(const std::string& host);

// "host:port", with brackets around an IPv6 address.
std::string HostAndPort(std::string_view host, int port);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_URL_H_
