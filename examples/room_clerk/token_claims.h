// What a LiveKit token says about itself.
#ifndef EXAMPLES_ROOM_CLERK_TOKEN_CLAIMS_H_
#define EXAMPLES_ROOM_CLERK_TOKEN_CLAIMS_H_

#include <optional>
#include <string>
#include <string_view>

namespace room_clerk {

struct Claims {
  std::string identity;  // "sub"
  std::string room;      // "video"."room"
};

// Reads a JWT without verifying it: who has the token doesn't have the server's secret, and the server itself checks it
// when it is used. Nothing if it can't be read.
std::optional<Claims> ReadClaims(std::string_view token);

}  // namespace room_clerk

#endif  // EXAMPLES_ROOM_CLERK_TOKEN_CLAIMS_H_
