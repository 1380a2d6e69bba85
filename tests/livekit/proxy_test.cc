#include "worker/livekit/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace andiron::livekit {
namespace {

using Variables = std::map<std::string, std::string>;

absl::StatusOr<std::optional<Proxy>> Find(const char* url, const Variables& variables) {
  return ProxyFor(*ParseUrl(url), [&variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

// "" = none, "error" = an error.
std::string Text(const char* url, const Variables& variables) {
  const auto proxy = Find(url, variables);
  if (!proxy.ok()) return "error";
  return *proxy ? (*proxy)->text() : "";
}

TEST(Proxy, IsChosenByTheScheme) {
  const Variables both = {{"http_proxy", "http://plain:1"}, {"HTTPS_PROXY", "http://secure:2"}};
  EXPECT_EQ(Text("ws://host", both), "plain:1");
  EXPECT_EQ(Text("wss://host", both), "secure:2");
  EXPECT_EQ(Text("wss://host", {{"http_proxy", "http://plain:1"}}), "");
  EXPECT_EQ(Text("ws://host", {}), "");
  EXPECT_EQ(Text("ws://host", {{"http_proxy", ""}, {"HTTP_PROXY", "http://capital:3"}}), "capital:3");
  EXPECT_EQ(Text("ws://host", {{"http_proxy", "small"}, {"HTTP_PROXY", "http://capital:3"}}), "small:80");
}

TEST(Proxy, MayHaveCredentialsAndAPath) {
  const auto proxy = Find("ws://host", {{"http_proxy", "http://us%65r:p%40ss%3A@[::1]:3128/"}});
  ASSERT_TRUE(proxy.ok());
  EXPECT_EQ(**proxy, (Proxy{"::1", 3128, "user:p@ss:"}));
  EXPECT_EQ((*proxy)->text(), "[::1]:3128");
}

TEST(Proxy, ThatIsWrongIsNamedByItsVariableAndNotRepeated) {
  for (const char* value :
       {"socks5://canary:1", "https://canary:1", "http://", "http://canary:0", "http://canary%zz@h:1",
        "http://canary%4@h:1", "http://canary%00x@h:1", "http://ca nary:1"}) {
    const auto proxy = Find("wss://host", {{"https_proxy", value}});
    ASSERT_FALSE(proxy.ok()) << value;
    const std::string text(proxy.status().message());
    EXPECT_THAT(text, testing::HasSubstr("https_proxy"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("canary")));
  }
}

TEST(Proxy, IsNotForThisMachine) {
  const Variables set = {{"http_proxy", "p:1"}};
  for (const char* url : {"ws://localhost", "ws://a.localhost", "ws://127.0.0.1:7880", "ws://127.9.9.9", "ws://[::1]",
                          "ws://[::ffff:127.0.0.1]"}) {
    EXPECT_EQ(Text(url, set), "") << url;
  }
  EXPECT_EQ(Text("ws://128.0.0.1", set), "p:1");
  EXPECT_EQ(Text("ws://[::ffff:128.0.0.1]", set), "p:1");
  EXPECT_EQ(Text("ws://[::2]", set), "p:1");
  EXPECT_EQ(Text("ws://localhost.example", set), "p:1");
}

struct Exception {
  const char* list;
  const char* url;
  bool excepted;
};

TEST(Proxy, LeavesOutTheExceptions) {
  const Exception exceptions[] = {
      {"*", "ws://host", true},
      {"host", "ws://host", true},
      {"HOST", "ws://host", true},
      {" other , host ", "ws://host", true},
      {"host", "ws://sub.host", true},
      {".host", "ws://sub.host", true},
      {".host", "ws://host", true},
      {"*.host", "ws://sub.host", true},
      {"host", "ws://ahost", false},
      {"host", "ws://host.example", false},
      {"host:7880", "ws://host:7880", true},
      {"host:7880", "ws://host:7881", false},
      {"10.1.2.3", "ws://10.1.2.3", true},
      {"10.0.0.0/8", "ws://10.255.0.1", true},
      {"10.0.0.0/8", "ws://11.0.0.1", false},
      {"10.1.2.0/23", "ws://10.1.3.255", true},
      {"10.1.2.0/23", "ws://10.1.4.0", false},
      {"0.0.0.0/0", "ws://10.1.4.0", true},
      {"0.0.0.0/0", "ws://host", false},
      {"10.0.0.0/33", "ws://10.0.0.1", false},
      {"10.0.0.0/", "ws://10.0.0.1", false},
      {"2001:db8::/32", "ws://[2001:db8:1::5]", true},
      {"2001:db8::5", "ws://[2001:db8::5]", true},
      {"[2001:db8::5]:80", "ws://[2001:db8::5]", true},
      {"[2001:db8::5]:81", "ws://[2001:db8::5]", false},
      {",,", "ws://host", false},
      {"", "ws://host", false},
  };
  for (const Exception& exception : exceptions) {
    const std::string text = Text(exception.url, {{"http_proxy", "p:1"}, {"no_proxy", exception.list}});
    EXPECT_EQ(text.empty(), exception.excepted) << exception.list << " for " << exception.url;
  }
}

}  // namespace
}  // namespace andiron::livekit
