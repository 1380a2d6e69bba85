// Which HTTP proxy leads to a server, by the environment's usual variables.
//
// Pure: the caller looks the variables up. wss goes by https_proxy, ws by http_proxy, each also in capitals, the small
// letters first; no_proxy names the exceptions: "*", names (with all below them), addresses, networks (10.0.0.0/8),
// each also with a port. Nothing goes through a proxy to localhost, names below it, 127.0.0.0/8 (also as
// ::ffff:127.0.0.1) and ::1.
#ifndef ANDIRON_WORKER_LIVEKIT_PROXY_H_
#define ANDIRON_WORKER_LIVEKIT_PROXY_H_

#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "worker/livekit/url.h"

namespace andiron::livekit {

struct Proxy {
  std::string host;
  int port = 0;
  std::string credentials;  // "user:password", decoded; a secret. "" = none

  // For people: "host:port", never the credentials.
  std::string text() const { return HostAndPort(host, port); }

  bool operator==(const Proxy&) const = default;
};

// The value of an environment variable; nothing or "" = unset.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

// No proxy, or the one to use. An error names the variable and what is wrong, never its value.
absl::StatusOr<std::optional<Proxy>> ProxyFor(const Url& url, const Lookup& lookup);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_PROXY_H_
