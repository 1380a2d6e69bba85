// TLS of one link: whom it trusts, whom it takes the server for, and why a handshake failed.
//
// - The chain and the name (or address) of each certificate are verified by ourselves, within the handshake; nothing
//   that the library allows on its own gets past that. TLS 1.2 or newer.
// - A write to a connection that was reset raises no SIGPIPE.
// One thread: the loop's.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_TLS_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_TLS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

struct ssl_ctx_st;         // SSL_CTX
struct ssl_st;             // SSL
struct x509_store_ctx_st;  // X509_STORE_CTX
struct x509_store_st;      // X509_STORE

namespace andiron::livekit {

// The certificate authorities of the system, read when they are first wanted: some 10 ms, and 1 MB for all links.
class SystemAuthorities {
 public:
  SystemAuthorities() = default;
  ~SystemAuthorities();
  SystemAuthorities(const SystemAuthorities&) = delete;
  SystemAuthorities& operator=(const SystemAuthorities&) = delete;

  // Null if there are none.
  x509_store_st* Get();

 private:
  x509_store_st* store_ = nullptr;
};

class LinkTls {
 public:
  // `ca_file`: PEM, "" = the system's authorities.
  static absl::StatusOr<std::unique_ptr<LinkTls>> Create(std::string host, std::string ca_file,
                                                         SystemAuthorities& system);
  ~LinkTls();
  LinkTls(const LinkTls&) = delete;
  LinkTls& operator=(const LinkTls&) = delete;

  ssl_ctx_st* settings() const { return settings_; }

  // Before each attempt: reads the private authorities again and forgets what the last attempt has seen.
  absl::Status Begin();

  bool shaking_hands() const { return began_ && !ended_; }
  bool established() const { return ended_; }
  // Why the handshake failed, with the remedy; "" = it didn't, or only because the connection ended.
  const std::string& failure() const { return failure_; }

 private:
  LinkTls(std::string host, std::string ca_file);
  static void Progress(const ssl_st* connection, int where, int result);
  static int Verify(x509_store_ctx_st* chain, void* unused);
  absl::Status LoadAuthorities();
  std::string Refusal(x509_store_ctx_st* chain) const;

  std::string host_;
  std::string ca_file_;
  ssl_ctx_st* settings_ = nullptr;
  bool began_ = false;
  bool ended_ = false;
  std::string failure_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_TLS_H_
