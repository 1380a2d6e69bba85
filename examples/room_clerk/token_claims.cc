#include "examples/room_clerk/token_claims.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cstdint>

namespace room_clerk {
namespace {

using google::protobuf::Struct;

// RFC 4648's alphabet for URLs, without padding, as in JWTs.
std::optional<std::string> FromBase64Url(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : text) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

std::string TextOf(const Struct& object, const std::string& name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? "" : found->second.string_value();
}

}  // namespace

std::optional<Claims> ReadClaims(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::optional<std::string> json = FromBase64Url(token.substr(first + 1, second - first - 1));
  Struct claims;
  if (!json || !google::protobuf::util::JsonStringToMessage(*json, &claims).ok()) return std::nullopt;
  const auto video = claims.fields().find("video");
  return Claims{TextOf(claims, "sub"),
                video == claims.fields().end() ? "" : TextOf(video->second.struct_value(), "room")};
}

}  // namespace room_clerk
