// Certificates made for one test: an authority and what it signs, as PEM files in a directory of their own.
#ifndef ANDIRON_TESTS_LIVEKIT_LINK_CERTIFICATES_H_
#define ANDIRON_TESTS_LIVEKIT_LINK_CERTIFICATES_H_

#include <openssl/x509.h>

#include <string>

namespace andiron::livekit {

class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  struct Request {
    std::string names;  // as OpenSSL writes them: "DNS:a.test,IP:127.0.0.1"
    long begins_in_s = -3600;
    long ends_in_s = 3600;
    bool self_signed = false;
  };
  // '["tls", CERTIFICATE, KEY]': the step of the scripted server.
  std::string Step(const Request& request);
  // The authority's certificate, and one that has signed nothing here.
  std::string authority() const { return directory_ + "/authority.pem"; }
  std::string stranger() const { return directory_ + "/stranger.pem"; }
  // The certificate of the last Step().
  std::string last() const { return directory_ + "/" + std::to_string(count_) + ".pem"; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  int count_ = 0;
  EVP_PKEY* key_ = nullptr;  // the authority's
  X509* authority_ = nullptr;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_TESTS_LIVEKIT_LINK_CERTIFICATES_H_
