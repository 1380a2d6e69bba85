// By an HTTP proxy: CONNECT, its refusals, and that its password is in no text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/livekit/link_certificates.h"
#include "tests/livekit/link_rig.h"

namespace andiron::livekit {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(LinkProxy, LeadsToThePlainServerWithItsCredentials) {
  ScriptedServer server(R"([[["upgrade"], ["echo"]]])");
  ScriptedServer proxy(R"([[["proxy"]]])");
  LinkRig rig;
  LinkTarget target = Plain(server.port());
  target.proxy = Proxy{"127.0.0.1", proxy.port(), "user:p@ss:word"};
  rig.Make(target);
  for (int round = 0; round < 2; ++round) {
    rig.Open();
    ASSERT_TRUE(rig.UntilOpened()) << rig.what();
    rig.link().Close("next");
    ASSERT_TRUE(rig.UntilClosed());
  }
  EXPECT_EQ(proxy.After("request"), "CONNECT 127.0.0.1:" + std::to_string(server.port()) + " HTTP/1.1");
  EXPECT_EQ(proxy.After("proxy-authorization"), "basic dXNlcjpwQHNzOndvcmQ=");
  EXPECT_EQ(server.Count("proxy-authorization"), 0);
}

TEST(LinkProxy, LooksTheServersNameUpItself) {
  Certificates certificates;
  ScriptedServer server("[[" + certificates.Step({"DNS:only-the-proxy-knows.test"}) + R"(, ["upgrade"], ["echo"]]])");
  ScriptedServer proxy(R"([[["proxy", "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", )" + std::to_string(server.port()) + "]]]");
  LinkRig rig;
  LinkTarget target = Secure("only-the-proxy-knows.test", 443, certificates.authority());
  target.proxy = Proxy{"localhost", proxy.port(), ""};
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  EXPECT_EQ(proxy.After("request"), "CONNECT only-the-proxy-knows.test:443 HTTP/1.1");
  EXPECT_EQ(server.After("sni"), "only-the-proxy-knows.test");
  EXPECT_EQ(server.After("host"), "only-the-proxy-knows.test");
}

TEST(LinkProxy, ThatRefusesIsNamedButNotItsPassword) {
  const char* scripts[] = {
      R"([[["proxy", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"]]])",
      R"([[["proxy", "HTTP/1.1 403 Forbidden\r\n\r\n"], ["close"]]])",
      R"([[["proxy", "SSH-2.0\r\n"]]])",
      R"([[["close"]]])",
      R"([[["reset"]]])",
  };
  for (const char* script : scripts) {
    ScriptedServer proxy(script);
    LinkRig rig;
    LinkTarget target = Secure("server.test", 443, "");
    target.proxy = Proxy{"127.0.0.1", proxy.port(), "canaryuser:canarypassword"};
    rig.Make(target);
    rig.Open("canaryhead000.canaryclaims.canarysignature");
    ASSERT_TRUE(rig.UntilClosed()) << script;
    // One that resets the connection may do that before it has been seen to be one.
    EXPECT_THAT(rig.what(), HasSubstr("the proxy 127.0.0.1:" + std::to_string(proxy.port())));
    if (!std::string_view(script).ends_with(R"(["reset"]]])") &&
        !std::string_view(script).ends_with(R"([[["close"]]])")) {
      EXPECT_THAT(rig.what(), HasSubstr("did not connect us to server.test:443"));
    }
    EXPECT_THAT(rig.what(), Not(HasSubstr("canary")));
    EXPECT_FALSE(rig.refused());
  }
}

TEST(LinkProxy, ThatIsSilentWaitsForTheOwnersPatience) {
  ScriptedServer proxy(R"([[["hold"]]])");
  LinkRig rig;
  LinkTarget target = Plain(1);
  target.proxy = Proxy{"127.0.0.1", proxy.port(), ""};
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return rig.link().waits_for().starts_with("the answer of the proxy"); }));
  rig.link().Close("out of patience");
  ASSERT_TRUE(rig.UntilClosed());
}

TEST(LinkProxy, WhatTheLibraryCantSayIsSaidAtOnce) {
  LinkRig rig;
  LinkTarget target = Plain(1);
  target.proxy = Proxy{"127.0.0.1", 1, "user:" + std::string(100, 'p')};
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("too long"));
  target.proxy->credentials.clear();
  target.url.host = std::string(81, 'h');
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("too long"));
}

TEST(LinkProxy, OfTheEnvironmentIsTheOwnersMatter) {
  ASSERT_EQ(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
  ScriptedServer server(R"([[["upgrade"]]])");
  {
    LinkRig rig;
    rig.Make(Plain(server.port()));
    rig.Open();
    EXPECT_TRUE(rig.UntilOpened()) << rig.what();
  }
  unsetenv("http_proxy");
}

}  // namespace
}  // namespace andiron::livekit
