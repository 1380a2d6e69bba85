#include "worker/livekit/link_tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/base/escape.h"
#include "worker/livekit/url.h"

namespace andiron::livekit {
namespace {

// ---- a socket that raises no SIGPIPE: OpenSSL's own writes with write(2) ----

int QuietWrite(BIO* bio, const char* bytes, int length) {
  const ssize_t count =
      ::send(static_cast<int>(BIO_get_fd(bio, nullptr)), bytes, static_cast<std::size_t>(length), MSG_NOSIGNAL);
  BIO_clear_retry_flags(bio);
  if (count < 0 && BIO_sock_should_retry(-1) != 0) BIO_set_retry_write(bio);
  return static_cast<int>(count);
}

// Made once and never freed: connections that end late may still use it.
const BIO_METHOD* QuietSocket() {
  static const BIO_METHOD* const method = [] {
    const BIO_METHOD* socket = BIO_s_socket();
    BIO_METHOD* quiet = BIO_meth_new(BIO_TYPE_SOCKET, "socket without SIGPIPE");
    BIO_meth_set_write(quiet, QuietWrite);
    BIO_meth_set_read(quiet, BIO_meth_get_read(socket));
    BIO_meth_set_ctrl(quiet, BIO_meth_get_ctrl(socket));
    BIO_meth_set_create(quiet, BIO_meth_get_create(socket));
    BIO_meth_set_destroy(quiet, BIO_meth_get_destroy(socket));
    return quiet;
  }();
  return method;
}

// ---- texts ----

std::string Names(X509* certificate) {
  constexpr int kNamesMax = 4;
  std::string text;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  int shown = 0;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names) && shown < kNamesMax; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    if (shown++ > 0) text += ", ";
    AppendPlain(text, std::string_view(bytes, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))));
  }
  GENERAL_NAMES_free(names);
  return text;
}

std::string Date(const ASN1_TIME* time) {
  BIO* memory = BIO_new(BIO_s_mem());
  std::string text;
  if (ASN1_TIME_print(memory, time) == 1) {
    char* bytes = nullptr;
    const long length = BIO_get_mem_data(memory, &bytes);
    text.assign(bytes, static_cast<std::size_t>(length));
  }
  BIO_free(memory);
  return text;
}

// Only what OpenSSL says about a handshake that has nothing to do with a certificate.
std::string HandshakeFailure() {
  const unsigned long error = ERR_peek_error();
  if (error == 0) return "";
  const int reason = ERR_GET_REASON(error);
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG) {
    return "it does not speak TLS there: is the address ws://, or the port another one?";
  }
  if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) {
    return "it offers no TLS 1.2 or newer, and older ones are not safe";
  }
  const char* text = ERR_reason_error_string(error);
  return std::string("the TLS handshake failed: ") + (text == nullptr ? "unknown error" : text);
}

LinkTls* Owner(const SSL* connection) {
  return static_cast<LinkTls*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
}

}  // namespace

SystemAuthorities::~SystemAuthorities() { X509_STORE_free(store_); }

x509_store_st* SystemAuthorities::Get() {
  if (store_ != nullptr) return store_;
  store_ = X509_STORE_new();
  if (X509_STORE_set_default_paths(store_) == 1) return store_;
  X509_STORE_free(store_);
  store_ = nullptr;
  return nullptr;
}

LinkTls::LinkTls(std::string host, std::string ca_file) : host_(std::move(host)), ca_file_(std::move(ca_file)) {}

absl::StatusOr<std::unique_ptr<LinkTls>> LinkTls::Create(std::string host, std::string ca_file,
                                                         SystemAuthorities& system) {
  std::unique_ptr<LinkTls> tls(new LinkTls(std::move(host), std::move(ca_file)));
  tls->settings_ = SSL_CTX_new(TLS_client_method());
  if (tls->settings_ == nullptr) return absl::InternalError("OpenSSL can't be set up");
  SSL_CTX_set_app_data(tls->settings_, tls.get());
  SSL_CTX_set_min_proto_version(tls->settings_, TLS1_2_VERSION);
  SSL_CTX_set_options(tls->settings_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_verify(tls->settings_, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(tls->settings_, &LinkTls::Verify, nullptr);
  SSL_CTX_set_info_callback(tls->settings_, &LinkTls::Progress);
  if (!tls->ca_file_.empty()) return tls;
  X509_STORE* authorities = system.Get();
  if (authorities == nullptr) {
    return absl::InternalError(
        "the system's certificate authorities can't be read: install the package ca-certificates");
  }
  SSL_CTX_set1_cert_store(tls->settings_, authorities);
  return tls;
}

LinkTls::~LinkTls() {
  if (settings_ == nullptr) return;
  // Connections that end late keep the settings alive.
  SSL_CTX_set_app_data(settings_, nullptr);
  SSL_CTX_free(settings_);
}

absl::Status LinkTls::Begin() {
  began_ = false;
  ended_ = false;
  failure_.clear();
  return ca_file_.empty() ? absl::OkStatus() : LoadAuthorities();
}

absl::Status LinkTls::LoadAuthorities() {
  ERR_clear_error();
  X509_STORE* store = X509_STORE_new();
  if (X509_STORE_load_file(store, ca_file_.c_str()) == 1) {
    SSL_CTX_set_cert_store(settings_, store);
    return absl::OkStatus();
  }
  const unsigned long error = ERR_peek_error();
  X509_STORE_free(store);
  const std::string why = ERR_GET_LIB(error) == ERR_LIB_SYS ? std::strerror(ERR_GET_REASON(error))
                                                            : "it holds no certificate in the PEM format";
  ERR_clear_error();
  return absl::InvalidArgumentError("the certificate authorities of " + ca_file_ + " can't be read: " + why);
}

void LinkTls::Progress(const ssl_st* connection, int where, int result) {
  LinkTls* tls = Owner(connection);
  if (tls == nullptr) return;
  if ((where & SSL_CB_HANDSHAKE_START) != 0 && !tls->began_) {
    tls->began_ = true;
    auto* shaking = const_cast<SSL*>(connection);
    // The library cuts long names, and names addresses, which are no names.
    const char* name = IsAddress(tls->host_) ? nullptr : tls->host_.c_str();
    SSL_set_tlsext_host_name(shaking, name);
    BIO* quiet = BIO_new(QuietSocket());
    BIO_set_fd(quiet, SSL_get_fd(shaking), BIO_NOCLOSE);
    SSL_set0_wbio(shaking, quiet);
  }
  if ((where & SSL_CB_HANDSHAKE_DONE) != 0) tls->ended_ = true;
  if (where == SSL_CB_CONNECT_EXIT && result <= 0 && tls->failure_.empty()) tls->failure_ = HandshakeFailure();
}

int LinkTls::Verify(x509_store_ctx_st* chain, void*) {
  auto* connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  LinkTls* tls = connection == nullptr ? nullptr : Owner(connection);
  if (tls == nullptr) return 0;
  // The library forgives some errors by a callback of its own, and takes a part of the host for the name.
  X509_STORE_CTX_set_verify_cb(chain, [](int good, X509_STORE_CTX*) { return good; });
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(chain);
  const bool address = IsAddress(tls->host_);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool set = X509_VERIFY_PARAM_set1_host(wanted, address ? nullptr : tls->host_.c_str(), 0) == 1 &&
                   (address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, tls->host_.c_str())
                            : X509_VERIFY_PARAM_set1_ip(wanted, nullptr, 0)) == 1;
  if (!set) return 0;
  const int good = X509_verify_cert(chain);
  if (good != 1) tls->failure_ = tls->Refusal(chain);
  return good;
}

std::string LinkTls::Refusal(x509_store_ctx_st* chain) const {
  const int error = X509_STORE_CTX_get_error(chain);
  X509* certificate = X509_STORE_CTX_get_current_cert(chain);
  if (certificate == nullptr) certificate = X509_STORE_CTX_get0_cert(chain);
  const std::string trust = ca_file_.empty() ? "set ca_file to the certificate of its authority"
                                             : "the authorities of " + ca_file_ + " have not signed it";
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired on " + Date(X509_get0_notAfter(certificate)) +
             ": renew it there, or set this machine's clock";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid before " + Date(X509_get0_notBefore(certificate)) +
             ": is this machine's clock right?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const std::string names = Names(certificate);
      return "its certificate is not for " + host_ + (names.empty() ? "" : " but for " + names) +
             ": use a name that the certificate has";
    }
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "its certificate is self-signed and not trusted here: " +
             (ca_file_.empty() ? "set ca_file to that certificate" : trust);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its certificate comes from an authority that is not trusted here: " + trust;
    default:
      return std::string("its certificate was refused: ") + X509_verify_cert_error_string(error);
  }
}

}  // namespace andiron::livekit
