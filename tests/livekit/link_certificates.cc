#include "tests/livekit/link_certificates.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>

namespace andiron::livekit {
namespace {

void Extend(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* Make(EVP_PKEY* key, const std::string& name, const X509* issuer, const Certificates::Request& request) {
  static long serial = 1;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), request.begins_in_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), request.ends_in_s);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate, issuer == nullptr ? subject : X509_get_subject_name(issuer));
  return certificate;
}

void Write(const std::string& path, X509* certificate) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  PEM_write_X509(file, certificate);
  std::fclose(file);
}

X509* MakeAuthority(EVP_PKEY* key, const std::string& name) {
  X509* certificate = Make(key, name, nullptr, {});
  Extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate, key, EVP_sha256());
  return certificate;
}

}  // namespace

Certificates::Certificates() {
  char pattern[] = "/tmp/andiron-certificates-XXXXXX";
  directory_ = mkdtemp(pattern);
  key_ = EVP_EC_gen("P-256");
  authority_ = MakeAuthority(key_, "authority of a test");
  Write(authority(), authority_);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* other = MakeAuthority(key, "stranger");
  Write(stranger(), other);
  X509_free(other);
  EVP_PKEY_free(key);
}

Certificates::~Certificates() {
  X509_free(authority_);
  EVP_PKEY_free(key_);
  std::filesystem::remove_all(directory_);
}

std::string Certificates::Step(const Request& request) {
  ++count_;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = Make(key, "server", request.self_signed ? nullptr : authority_, request);
  Extend(certificate, NID_subject_alt_name, request.names);
  X509_sign(certificate, request.self_signed ? key : key_, EVP_sha256());
  Write(last(), certificate);
  const std::string key_path = directory_ + "/" + std::to_string(count_) + ".key";
  std::FILE* file = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return R"(["tls", ")" + last() + R"(", ")" + key_path + R"("])";
}

}  // namespace andiron::livekit
