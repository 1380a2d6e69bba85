#include "worker/livekit/url.h"

#include <absl/status/status.h>
#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace andiron::livekit {
namespace {

constexpr std::size_t kHostMax = 253;   // a name of the DNS
constexpr std::size_t kPathMax = 1024;  // far more than any mount point

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError(what + "; wanted is ws://HOST[:PORT] or wss://HOST[:PORT]");
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower;
}

bool HostLetter(unsigned char letter) {
  return std::isalnum(letter) != 0 || letter == '-' || letter == '.' || letter == '_';
}

// The port, or nothing if it isn't one.
std::optional<int> Port(std::string_view digits) {
  int port = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool whole = end.ec == std::errc() && end.ptr == digits.data() + digits.size();
  if (!whole || port < 1 || port > 65535) return std::nullopt;
  return port;
}

// "HOST", "HOST:PORT", "[ADDRESS]:PORT" into url.
absl::Status ParseAuthority(std::string_view authority, Url& url) {
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return Wrong("the address has a [ without its ]");
    url.host = Lower(authority.substr(1, end - 1));
    rest = authority.substr(end + 1);
    if (url.host.find(':') == std::string::npos || !IsAddress(url.host)) {
      return Wrong("between [ and ] stands no IPv6 address");
    }
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    url.host = Lower(authority.substr(0, end));
    rest = authority.substr(end);
    const bool fits = std::all_of(url.host.begin(), url.host.end(), HostLetter);
    if (url.host.empty() || url.host.size() > kHostMax || !fits) return Wrong("the address names no host");
  }
  if (rest.empty()) return absl::OkStatus();
  const auto port = rest.starts_with(':') ? Port(rest.substr(1)) : std::nullopt;
  if (!port) return Wrong("the address has no right port (1 to 65535)");
  url.port = *port;
  return absl::OkStatus();
}

// The server squeezes double slashes and doesn't know "/agent/".
std::string AgentPath(std::string_view prefix) {
  std::string path;
  for (const char letter : prefix) {
    if (letter != '/' || !path.ends_with('/')) path += letter;
  }
  while (path.ends_with('/')) path.pop_back();
  return path + "/agent";
}

}  // namespace

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return Wrong("the address has no scheme");
  const std::string scheme = Lower(text.substr(0, scheme_end));
  Url url;
  url.secure = scheme == "wss" || scheme == "https";
  if (!url.secure && scheme != "ws" && scheme != "http") return Wrong("the scheme of the address is unknown");
  url.port = url.secure ? 443 : 80;

  const std::string_view rest = text.substr(scheme_end + 3);
  if (rest.find('@') != std::string_view::npos) {
    return Wrong("the address has a user or a password; they belong into the key and the secret");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) return Wrong("the address has a query or a fragment");
  const bool visible = std::all_of(rest.begin(), rest.end(), [](unsigned char letter) { return std::isgraph(letter); });
  if (!visible) return Wrong("the address has a space or an unprintable character in it");
  const std::size_t path_begin = std::min(rest.find('/'), rest.size());
  if (rest.size() - path_begin > kPathMax) return Wrong("the path of the address is too long");
  if (absl::Status status = ParseAuthority(rest.substr(0, path_begin), url); !status.ok()) return status;
  url.path = AgentPath(rest.substr(path_begin));
  return url;
}

std::string Url::host_header() const {
  const int usual = secure ? 443 : 80;
  if (port != usual) return HostAndPort(host, port);
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

std::string Url::text() const { return (secure ? "wss://" : "ws://") + host_header() + path; }

bool IsAddress(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), address) == 1 || inet_pton(AF_INET6, host.c_str(), address) == 1;
}

std::string HostAndPort(std::string_view host, int port) {
  const bool bare = host.find(':') == std::string_view::npos;
  return (bare ? std::string(host) : '[' + std::string(host) + ']') + ':' + std::to_string(port);
}

}  // namespace andiron::livekit
