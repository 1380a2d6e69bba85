#include "worker/livekit/token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>

#include "worker/base/json.h"

namespace andiron::livekit {
namespace {

// A server's clock may be so far behind ours; LiveKit's own tolerance is as large.
constexpr std::chrono::seconds kClockSkew{60};

std::string Base64Url(std::string_view bytes) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += kLetters[(bits >> (count - 6)) & 63u];
  }
  if (count > 0) text += kLetters[(bits << (6 - count)) & 63u];
  return text;
}

std::string Sign(std::string_view secret, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  // A null key would mean "the one of the last call".
  HMAC(EVP_sha256(), secret.empty() ? "" : secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace

std::string MakeAgentToken(std::string_view key, std::string_view secret, std::chrono::seconds now,
                           std::chrono::seconds ttl) {
  JsonWriter claims;
  claims.BeginObject();
  claims.Member("iss", key);
  claims.Member("nbf", (now - kClockSkew).count());
  claims.Member("exp", (now + ttl).count());
  claims.Key("video");
  claims.BeginObject();
  claims.Member("agent", true);
  claims.EndObject();
  claims.EndObject();
  const std::string text = Base64Url(R"({"alg":"HS256","typ":"JWT"})") + '.' + Base64Url(claims.Take());
  return text + '.' + Base64Url(Sign(secret, text));
}

}  // namespace andiron::livekit
