#include "worker/livekit/link_wire.h"

#include <libwebsockets.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/livekit/link_library.h"
#include "worker/livekit/link_sample.h"

namespace andiron::livekit {
namespace {

// What one turn writes at most, so that a long queue holds up nobody else.
constexpr std::size_t kWrittenPerTurn = std::size_t{256} << 10;
// libwebsockets builds its CONNECT, which names the host twice, in 256 bytes.
constexpr std::size_t kProxiedHostMax = 80;

// No pings and no hang-up of the library's own: by default it gives up an idle connection after 310 s.
constexpr lws_retry_bo_t kNoLivenessOfItsOwn{};

// The library knows a hundred reasons, of which some come without a connection.
int HearLibrary(lws* connection, lws_callback_reasons reason, void*, void* in, std::size_t length) {
  switch (static_cast<int>(reason)) {
    case LWS_CALLBACK_WSI_CREATE:
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_CLIENT_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
      break;
    default:
      return 0;
  }
  auto* library = static_cast<LinksImpl*>(lws_context_user(lws_get_context(connection)));
  const auto number = reinterpret_cast<std::uintptr_t>(lws_get_opaque_user_data(connection));
  Wire* wire = library->Find(number);
  if (wire == nullptr) return 0;
  const int result = wire->Hear(connection, reason, in, length);
  // It has been abandoned meanwhile, by the one who heard of it.
  return library->Find(number) == nullptr && reason != LWS_CALLBACK_WS_PEER_INITIATED_CLOSE ? -1 : result;
}

constexpr lws_protocols kProtocols[] = {
    {"agent", HearLibrary, 0, kLibraryBuffer, 0, nullptr, kLibraryBuffer * 4},
    {nullptr, nullptr, 0, 0, 0, nullptr, 0},
};

int SocketError(lws* connection) {
  int error = 0;
  socklen_t size = sizeof error;
  const int descriptor = lws_get_socket_fd(connection);
  if (descriptor < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return 0;
  return error;
}

std::string_view View(const void* bytes, std::size_t length) {
  return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), length);
}

}  // namespace

Wire::~Wire() {
  Abandon();
  if (host_ != nullptr) lws_vhost_destroy(host_);
}

absl::Status Wire::Prepare() {
  if (target_.proxy && target_.url.host.size() > kProxiedHostMax) {
    return absl::InvalidArgumentError("the name of the server is too long for a connection by a proxy");
  }
  if (target_.url.secure) {
    if (tls_ == nullptr) {
      auto tls = LinkTls::Create(target_.url.host, target_.ca_file, library_.authorities());
      if (!tls.ok()) return tls.status();
      tls_ = *std::move(tls);
    }
    if (absl::Status status = tls_->Begin(); !status.ok()) return status;
  }
  return host_ == nullptr ? MakeHost() : absl::OkStatus();
}

absl::Status Wire::MakeHost() {
  lws_context_creation_info options{};
  options.vhost_name = "andiron";
  options.port = CONTEXT_PORT_NO_LISTEN;
  options.protocols = kProtocols;
  options.http_proxy_address = "";  // without it, the library would take http_proxy from the environment
  options.connect_timeout_secs = kLibraryTimeoutSeconds;
  options.retry_and_idle_policy = &kNoLivenessOfItsOwn;
  if (tls_ != nullptr) {
    options.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    options.provided_client_ssl_ctx = tls_->settings();
  }
  host_ = lws_create_vhost(library_.context(), &options);
  return host_ == nullptr ? absl::InternalError("libwebsockets can't be set up for this link") : absl::OkStatus();
}

absl::Status Wire::SetProxy(const std::string& address) {
  if (!target_.proxy) return absl::OkStatus();
  std::string text = HostAndPort(address, target_.proxy->port);
  if (!target_.proxy->credentials.empty()) text = target_.proxy->credentials + '@' + text;
  if (lws_set_proxy(host_, text.c_str()) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError("the user and password of the proxy are too long (95 bytes)");
}

absl::Status Wire::Connect(const std::string& address, const std::string& token) {
  Abandon();
  if (absl::Status status = SetProxy(address); !status.ok()) return status;
  token_ = token;
  http_status_ = 0;
  stage_ = WireStage::kAddress;
  number_ = library_.Remember(this);

  const std::string host = target_.url.host_header();
  // The proxy looks the name up, and reads an IPv6 address only in brackets.
  const bool bracketed = target_.url.host.find(':') != std::string::npos;
  const std::string named = bracketed ? '[' + target_.url.host + ']' : target_.url.host;
  lws_client_connect_info info{};
  info.context = library_.context();
  info.vhost = host_;
  info.address = target_.proxy ? named.c_str() : address.c_str();
  info.port = target_.url.port;
  info.path = target_.url.path.c_str();
  info.host = host.c_str();
  info.alpn = "http/1.1";
  info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (target_.url.secure ? LCCSCF_USE_SSL : 0);
  info.retry_and_idle_policy = &kNoLivenessOfItsOwn;
  info.opaque_user_data = reinterpret_cast<void*>(number_);
  info.pwsi = &connection_;
  if (lws_client_connect_via_info(&info) != nullptr && number_ != 0) return absl::OkStatus();
  // It has failed at once, and the library has freed it.
  connection_ = nullptr;
  Abandon();
  return absl::UnavailableError("no connection could be begun");
}

// Shut down first: what the library still wants to write then fails at once, where it would otherwise wait for 5 s.
void Wire::Abandon() {
  if (number_ != 0) library_.Forget(number_);
  number_ = 0;
  stage_ = WireStage::kNone;
  token_.clear();
  message_ = std::string();
  queue_.clear();
  unsent_ = held_ = 0;
  lws* connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return;
  const int descriptor = lws_get_socket_fd(connection);
  if (descriptor >= 0) shutdown(descriptor, SHUT_RDWR);
  if (!inside_) lws_set_timeout(connection, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
}

bool Wire::Send(std::string frame) {
  if (stage_ != WireStage::kOpen || unsent() + frame.size() > target_.max_unsent) return false;
  unsent_ += frame.size();
  queue_.push_back(std::string(LWS_PRE, '\0') + frame);
  lws_callback_on_writable(connection_);
  return true;
}

void Wire::Flush() {
  if (stage_ == WireStage::kOpen && !inside_ && !queue_.empty()) Write(connection_);
}

WireStage Wire::stage() const {
  if (tls_ == nullptr || (stage_ != WireStage::kTls && stage_ != WireStage::kProxy)) return stage_;
  if (tls_->established()) return WireStage::kUpgrade;
  return tls_->shaking_hands() ? WireStage::kTls : stage_;
}

LinkSample Wire::Sample() const {
  return connection_ == nullptr ? LinkSample() : SampleSocket(lws_get_socket_fd(connection_));
}

int Wire::Hear(lws* connection, int reason, void* in, std::size_t length) {
  const bool outer = std::exchange(inside_, true);
  int result = 0;
  switch (reason) {
    case LWS_CALLBACK_WSI_CREATE:
      stage_ = target_.proxy ? WireStage::kProxy : target_.url.secure ? WireStage::kTls : WireStage::kUpgrade;
      break;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      result = AddToken(connection, in, length);
      break;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
      http_status_ = static_cast<int>(lws_http_client_http_response(connection));
      break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      stage_ = WireStage::kOpen;
      events_.up();
      break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
      result = Receive(connection, View(in, length));
      break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
      result = Write(connection);
      break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      Goodbye(View(in, length));
      break;
    // The library has four ways to say the same, each in other stages; the first one counts.
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
    case LWS_CALLBACK_WSI_DESTROY: {
      WireEnd end;
      end.socket_error = SocketError(connection);
      // Both sides' TCP is open still: it is the library that doesn't want to go on.
      end.by_library = SampleSocket(lws_get_socket_fd(connection)).established;
      if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) end.library = View(in, length);
      Down(std::move(end));
      break;
    }
    default:
      break;
  }
  inside_ = outer;
  return result;
}

int Wire::AddToken(lws* connection, void* in, std::size_t length) {
  stage_ = WireStage::kUpgrade;
  auto** place = static_cast<unsigned char**>(in);
  const std::string value = "Bearer " + token_;
  return lws_add_http_header_by_name(connection, reinterpret_cast<const unsigned char*>("authorization:"),
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), place, *place + length);
}

int Wire::Receive(lws* connection, std::string_view part) {
  if (lws_is_first_fragment(connection) != 0) {
    message_.clear();
    binary_ = lws_frame_is_binary(connection) != 0;
  }
  // What a frame promises is refused before it is read; a message of many frames as soon as it is too long.
  const std::size_t rest = lws_remaining_packet_payload(connection);
  const std::size_t size = message_.size() + part.size();
  if (size > target_.max_message || rest > target_.max_message - size) {
    WireEnd end;
    end.ours = "the server sent a message of more than " + std::to_string(target_.max_message) + " bytes";
    Down(std::move(end));
    return -1;
  }
  const bool whole = lws_is_final_fragment(connection) != 0;
  if (whole && message_.empty()) {
    events_.message(part, binary_);
    return 0;
  }
  message_ += part;
  if (!whole) return 0;
  const std::string message = std::exchange(message_, std::string());
  events_.message(message, binary_);
  return 0;
}

// The library calls for more only after it has written all that it held.
int Wire::Write(lws* connection) {
  held_ = 0;
  std::size_t written = 0;
  while (!queue_.empty() && written < kWrittenPerTurn && lws_partial_buffered(connection) == 0) {
    std::string frame = std::move(queue_.front());
    queue_.pop_front();
    const std::size_t size = frame.size() - LWS_PRE;
    unsent_ -= size;
    written += size;
    auto* bytes = reinterpret_cast<unsigned char*>(frame.data()) + LWS_PRE;
    if (lws_write(connection, bytes, size, LWS_WRITE_BINARY) < 0) return -1;
    if (lws_partial_buffered(connection) != 0) held_ = size;
  }
  if (!queue_.empty()) lws_callback_on_writable(connection);
  return 0;
}

// The library answers the goodbye and closes by itself; nobody waits for that.
void Wire::Goodbye(std::string_view payload) {
  WireEnd end;
  end.said_goodbye = true;
  if (payload.size() >= 2) {
    end.close_code = (static_cast<unsigned char>(payload[0]) << 8) | static_cast<unsigned char>(payload[1]);
    end.close_reason = payload.substr(2);
  }
  connection_ = nullptr;
  Down(std::move(end));
}

void Wire::Down(WireEnd end) {
  end.stage = stage();
  end.http_status = http_status_;
  if (tls_ != nullptr) end.tls = tls_->failure();
  // A connection that the library is burying itself isn't to be killed by us.
  if (end.ours.empty()) connection_ = nullptr;
  Abandon();
  events_.down(end);
}

}  // namespace andiron::livekit
