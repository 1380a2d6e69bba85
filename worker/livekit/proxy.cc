#include "worker/livekit/proxy.h"

#include <absl/status/status.h>
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>

namespace andiron::livekit {
namespace {

struct Variable {
  std::string name;
  std::string value;
};

Variable Find(const Lookup& lookup, const std::string& small, const std::string& capital) {
  for (const std::string& name : {small, capital}) {
    std::optional<std::string> value = lookup(name);
    if (value && !value->empty()) return {name, *std::move(value)};
  }
  return {};
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The bytes of an address: 4, 16, or none if it isn't one.
std::string AddressBytes(const std::string& text) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in_addr)};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), sizeof(in6_addr)};
  return {};
}

// "10.0.0.0/8": whether `address` begins with its bits.
bool InNetwork(const std::string& address, std::string_view network) {
  const std::size_t slash = network.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string base = AddressBytes(std::string(network.substr(0, slash)));
  const std::string_view digits = network.substr(slash + 1);
  std::size_t bits = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size()) return false;
  if (base.empty() || base.size() != address.size() || bits > base.size() * 8) return false;
  for (std::size_t bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if ((static_cast<unsigned char>(base[bit / 8]) & mask) != (static_cast<unsigned char>(address[bit / 8]) & mask)) {
      return false;
    }
  }
  return true;
}

// Takes the port off "host:port" and "[host]:port"; "" = there is none.
std::string_view TakePort(std::string_view& entry) {
  const std::size_t bracket = entry.find(']');
  std::string_view port;
  if (entry.starts_with('[') && bracket != std::string_view::npos) {
    const std::string_view rest = entry.substr(bracket + 1);
    if (rest.starts_with(':')) port = rest.substr(1);
    entry = entry.substr(1, bracket - 1);
  } else if (std::count(entry.begin(), entry.end(), ':') == 1) {
    port = entry.substr(entry.find(':') + 1);
    entry = entry.substr(0, entry.find(':'));
  }
  return port;
}

bool Excepts(std::string_view entry, const Url& url) {
  if (entry == "*") return true;
  const std::string_view port = TakePort(entry);
  if (entry.empty() || (!port.empty() && port != std::to_string(url.port))) return false;
  const std::string address = AddressBytes(url.host);
  if (!address.empty()) return AddressBytes(std::string(entry)) == address || InNetwork(address, entry);
  if (entry.starts_with("*.")) entry.remove_prefix(1);
  if (entry.starts_with('.')) entry.remove_prefix(1);
  const std::string name = Lower(entry);
  return url.host == name || url.host.ends_with('.' + name);
}

bool OnThisMachine(const std::string& host) {
  const std::string address = AddressBytes(host);
  if (address.empty()) return host == "localhost" || host.ends_with(".localhost");
  return InNetwork(address, "127.0.0.0/8") || InNetwork(address, "::ffff:127.0.0.0/104") ||
         InNetwork(address, "::1/128");
}

std::optional<std::string> Decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() < 2 || end.ec != std::errc() || end.ptr != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

absl::StatusOr<Proxy> ParseProxy(const Variable& variable) {
  const auto wrong = [&variable](const std::string& what) {
    return absl::InvalidArgumentError(variable.name + ": " + what + "; wanted is http://[USER:PASSWORD@]HOST[:PORT]");
  };
  std::string_view rest = variable.value;
  if (const std::size_t end = rest.find("://"); end != std::string_view::npos) {
    if (Lower(rest.substr(0, end)) != "http") return wrong("only proxies that are reached by http:// are supported");
    rest.remove_prefix(end + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  Proxy proxy;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const auto credentials = Decode(rest.substr(0, at));
    if (!credentials || credentials->find('\0') != std::string::npos)
      return wrong("its user or password has a wrong %");
    proxy.credentials = *credentials;
    rest.remove_prefix(at + 1);
  }
  // The same rules as for the server's own address.
  const auto url = ParseUrl("http://" + std::string(rest));
  if (!url.ok()) return wrong("it names no host and port");
  proxy.host = url->host;
  proxy.port = url->port;
  return proxy;
}

}  // namespace

absl::StatusOr<std::optional<Proxy>> ProxyFor(const Url& url, const Lookup& lookup) {
  const Variable variable =
      url.secure ? Find(lookup, "https_proxy", "HTTPS_PROXY") : Find(lookup, "http_proxy", "HTTP_PROXY");
  if (variable.value.empty() || OnThisMachine(url.host)) return std::optional<Proxy>();
  const Variable exceptions = Find(lookup, "no_proxy", "NO_PROXY");
  std::string_view rest = exceptions.value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (Excepts(Trim(rest.substr(0, end)), url)) return std::optional<Proxy>();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  absl::StatusOr<Proxy> proxy = ParseProxy(variable);
  if (!proxy.ok()) return proxy.status();
  return std::optional<Proxy>(*std::move(proxy));
}

}  // namespace andiron::livekit
