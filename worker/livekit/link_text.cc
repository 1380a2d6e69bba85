#include "worker/livekit/link_text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "worker/base/escape.h"

namespace andiron::livekit {
namespace {

// A part of the token that is shorter could stand in any text.
constexpr std::size_t kTellingPart = 12;

bool Betrays(std::string_view text, std::string_view token) {
  while (!token.empty()) {
    const std::size_t end = std::min(token.find('.'), token.size());
    if (end >= kTellingPart && text.find(token.substr(0, end)) != std::string_view::npos) return true;
    token.remove_prefix(std::min(end + 1, token.size()));
  }
  return false;
}

std::string Server(const LinkTarget& target) { return HostAndPort(target.url.host, target.url.port); }

std::string Reached(const LinkTarget& target, const std::string& address) {
  if (target.proxy) return "the proxy " + target.proxy->text();
  const std::string server = Server(target);
  return address == target.url.host ? server : server + " (" + address + ')';
}

std::string SocketText(int error, const std::string& otherwise) {
  return error == 0 ? otherwise : std::string(std::strerror(error));
}

std::string UpgradeText(const WireEnd& end, const LinkTarget& target) {
  const std::string server = Server(target);
  const std::string status = std::to_string(end.http_status);
  if (end.http_status == 401) {
    return server +
           " refused the API key or secret (HTTP 401): are they this server's, and is this machine's clock "
           "right?";
  }
  if (end.http_status == 404) {
    return "nothing at " + target.url.text() + " takes agents (HTTP 404): is it a LiveKit server, with this path?";
  }
  if (end.http_status >= 300 && end.http_status < 400) {
    return server + " sends us elsewhere (HTTP " + status + "), which is not followed: set the url to where it leads";
  }
  if (end.http_status != 0 && end.http_status != 101) {
    return server + " answered HTTP " + status + " where a WebSocket should have opened";
  }
  if (end.http_status == 101) return server + " opened the WebSocket wrongly: " + end.library;
  if (end.library.find("header") != std::string::npos) {
    return server + " did not answer as an HTTP server does: is the address right, and is it ws:// or wss://?";
  }
  const std::string why = SocketText(end.socket_error, "closed by it");
  const std::string hint = target.url.secure ? "" : "; does it want wss://?";
  return "the connection to " + server + " ended before the WebSocket was open: " + why + hint;
}

std::string OpenText(const WireEnd& end, const LinkTarget& target, std::string_view token) {
  const std::string server = Server(target);
  if (!end.said_goodbye && end.by_library && end.socket_error == 0) {
    return "the connection to " + server + " was ended: what it sent is no WebSocket frame";
  }
  if (!end.said_goodbye) {
    return "the connection to " + server + " ended: " + SocketText(end.socket_error, "closed by it without a goodbye");
  }
  std::string text = server + " closed the connection";
  if (end.close_code != 0) text += " (" + std::to_string(end.close_code) + ')';
  if (end.close_reason.empty()) return text;
  text += ": ";
  AppendPlain(text, Betrays(end.close_reason, token) ? "its text is withheld, the token is in it" : end.close_reason);
  return text;
}

}  // namespace

std::string EndText(const WireEnd& end, const LinkTarget& target, const std::string& address, std::string_view token) {
  if (!end.ours.empty()) return end.ours;
  switch (end.stage) {
    case WireStage::kNone:
    case WireStage::kAddress:
      return "no connection to " + Reached(target, address) + ": " + SocketText(end.socket_error, "nobody answers");
    case WireStage::kProxy:
      return Reached(target, address) + " did not connect us to " + Server(target) + ": " +
             SocketText(end.socket_error, "does it allow that, and does it want a user and password?");
    case WireStage::kTls:
      if (!end.tls.empty()) return "no TLS with " + Server(target) + ": " + end.tls;
      return "no TLS with " + Server(target) + ": " + SocketText(end.socket_error, "it ended the connection") +
             "; is it a TLS server (wss://), and not ws://?";
    case WireStage::kUpgrade:
      return UpgradeText(end, target);
    case WireStage::kOpen:
      return OpenText(end, target, token);
  }
  return end.library;
}

std::string WaitText(WireStage stage, const LinkTarget& target, const std::string& address) {
  switch (stage) {
    case WireStage::kNone:
    case WireStage::kOpen:
      return "";
    case WireStage::kAddress:
      return "TCP to " + Reached(target, address);
    case WireStage::kProxy:
      return "the answer of " + Reached(target, address);
    case WireStage::kTls:
      return "the TLS handshake with " + Server(target);
    case WireStage::kUpgrade:
      return "the answer of " + Server(target) + " to our request";
  }
  return "";
}

}  // namespace andiron::livekit
