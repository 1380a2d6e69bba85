#include "worker/livekit/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace andiron::livekit {
namespace {

Url Parsed(const char* text) {
  const auto url = ParseUrl(text);
  EXPECT_TRUE(url.ok()) << text << ": " << url.status();
  return url.ok() ? *url : Url{};
}

TEST(Url, EndsInAgentExactlyOnce) {
  EXPECT_EQ(Parsed("ws://host"), (Url{false, "host", 80, "/agent"}));
  EXPECT_EQ(Parsed("wss://host/"), (Url{true, "host", 443, "/agent"}));
  EXPECT_EQ(Parsed("http://host:7880"), (Url{false, "host", 7880, "/agent"}));
  EXPECT_EQ(Parsed("HTTPS://Host.Example:1"), (Url{true, "host.example", 1, "/agent"}));
  EXPECT_EQ(Parsed("wss://host//livekit///v1//").path, "/livekit/v1/agent");
  EXPECT_EQ(Parsed("ws://127.0.0.1:65535").port, 65535);
}

TEST(Url, TakesIpv6InBrackets) {
  const Url url = Parsed("wss://[2001:DB8::1]:7443/x");
  EXPECT_EQ(url.host, "2001:db8::1");
  EXPECT_EQ(url.host_header(), "[2001:db8::1]:7443");
  EXPECT_EQ(Parsed("ws://[::1]").host_header(), "[::1]");
}

TEST(Url, NamesThePortOnlyWhereItIsUnusual) {
  EXPECT_EQ(Parsed("wss://host:443").host_header(), "host");
  EXPECT_EQ(Parsed("wss://host:80").host_header(), "host:80");
  EXPECT_EQ(Parsed("ws://host:80").text(), "ws://host/agent");
}

TEST(Url, RefusesWhatItIsNot) {
  for (const char* text : {"",
                           "host",
                           "ftp://host",
                           "://host",
                           "ws://",
                           "ws:///path",
                           "ws://:80",
                           "ws://host:0",
                           "ws://host:65536",
                           "ws://host:",
                           "ws://host:8x",
                           "ws://[::1",
                           "ws://[host]",
                           "ws://[127.0.0.1]",
                           "ws://[::1]x",
                           "ws://ho st",
                           "ws://host/a b",
                           "ws://host\r\nX: y",
                           "ws://h\xc3\xb6st",
                           "ws://host?x=y",
                           "ws://host#x",
                           "ws://host/\x7f"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
  EXPECT_TRUE(ParseUrl("ws://" + std::string(253, 'h')).ok());
  EXPECT_FALSE(ParseUrl("ws://" + std::string(254, 'h')).ok());
  EXPECT_TRUE(ParseUrl("ws://h/" + std::string(1023, 'p')).ok());
  EXPECT_FALSE(ParseUrl("ws://h/" + std::string(1024, 'p')).ok());
}

TEST(Url, RefusesSecretsAndDoesNotRepeatThem) {
  const auto url = ParseUrl("wss://canaryuser:canarysecret@host");
  ASSERT_FALSE(url.ok());
  EXPECT_THAT(std::string(url.status().message()), testing::Not(testing::HasSubstr("canary")));
}

TEST(Url, KnowsAddresses) {
  EXPECT_TRUE(IsAddress("127.0.0.1"));
  EXPECT_TRUE(IsAddress("::1"));
  EXPECT_FALSE(IsAddress("127.0.0.1.example"));
  EXPECT_FALSE(IsAddress("1234"));
  EXPECT_FALSE(IsAddress("[::1]"));
}

}  // namespace
}  // namespace andiron::livekit
