#include "worker/livekit/token.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "worker/base/clock.h"

namespace andiron::livekit {
namespace {

using std::chrono::seconds;

// Made by python: hmac.new(secret, head + '.' + claims, 'sha256'), base64.urlsafe_b64encode without '='.
TEST(AgentToken, IsTheOneThatPythonMakes) {
  EXPECT_EQ(MakeAgentToken("devkey", "secret", seconds(1700000000), seconds(3600)),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJkZXZrZXkiLCJuYmYiOjE2OTk5OTk5NDAsImV4cCI6M"
            "TcwMDAwMzYwMCwidmlkZW8iOnsiYWdlbnQiOnRydWV9fQ.Q1KIn6sgepZnYyxI_-o2GQ_cVHJkk63-UnLlnsD4Sy4");
  EXPECT_EQ(MakeAgentToken("k\"\\\xc3\xa9", std::string("s\0t", 3), seconds(0), seconds(1)),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJrXCJcXMOpIiwibmJmIjotNjAsImV4cCI6MSwidmlkZ"
            "W8iOnsiYWdlbnQiOnRydWV9fQ.PFssuQNAgZTocixHpVm0XG6Qf7hEyWXZlFywUObYsJ4");
}

TEST(AgentToken, HasThreePartsOfLettersThatNeedNoEscape) {
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string token =
        MakeAgentToken(std::string(length, 'k'), std::string(length, 's'), WallSeconds(), seconds(1));
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."),
              std::string::npos);
    EXPECT_EQ(std::count(token.begin(), token.end(), '.'), 2);
  }
}

TEST(AgentToken, TheWallClockIsTheWallClock) {
  // Not a year ago, not before this was written.
  EXPECT_GT(WallSeconds(), seconds(1700000000));
}

}  // namespace
}  // namespace andiron::livekit
