// TLS: whom the link trusts, whom it takes for the server, and that it says which of the two was wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/livekit/link_certificates.h"
#include "tests/livekit/link_rig.h"

namespace andiron::livekit {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Script(const std::string& tls, const std::string& rest = R"(["upgrade"], ["echo"])") {
  return "[[" + tls + ", " + rest + "]]";
}

// The text with which an attempt ended.
std::string Refusal(const std::string& script, const std::string& host, const std::string& ca_file) {
  ScriptedServer server(script);
  LinkRig rig;
  rig.Make(Secure(host, server.port(), ca_file));
  rig.Open("canaryhead000.canaryclaims.canarysignature");
  EXPECT_TRUE(rig.UntilClosed());
  EXPECT_EQ(rig.opened(), 0);
  EXPECT_EQ(server.Count("request"), 0) << "the token has gone to a server that isn't trusted";
  EXPECT_THAT(rig.what(), Not(HasSubstr("canary")));
  return rig.what();
}

TEST(LinkTls, OpensWithAPrivateAuthorityByNameAndByAddress) {
  Certificates certificates;
  ScriptedServer server(Script(certificates.Step({"DNS:localhost,IP:127.0.0.1"})));
  LinkRig rig;
  for (const char* host : {"localhost", "127.0.0.1"}) {
    rig.Make(Secure(host, server.port(), certificates.authority()));
    rig.Open();
    ASSERT_TRUE(rig.UntilOpened()) << rig.what();
    EXPECT_THAT(server.After("tls"), HasSubstr("TLSv1.3 http/1.1"));
    EXPECT_EQ(server.After("sni"), std::string(host) == "localhost" ? "localhost" : "None");
    EXPECT_EQ(server.After("host"), HostAndPort(host, server.port()));
    rig.link().Send(std::string(200000, 'm'));
    ASSERT_TRUE(rig.Until([&] { return !rig.messages().empty() && rig.messages().back().first.size() == 200000; }));
  }
}

TEST(LinkTls, OpensByAnIpv6Address) {
  Certificates certificates;
  ScriptedServer server(Script(certificates.Step({"IP:::1"})), "::1");
  LinkRig rig;
  rig.Make(Secure("::1", server.port(), certificates.authority()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  EXPECT_EQ(server.After("sni"), "None");
  EXPECT_EQ(server.After("host"), "[::1]:" + std::to_string(server.port()));
  const std::string text = Refusal(Script(certificates.Step({"IP:127.0.0.1"})), "127.0.0.2", certificates.authority());
  EXPECT_THAT(text, HasSubstr("127.0.0.2"));
}

TEST(LinkTls, AnExpiredCertificateIsRefusedWithItsDate) {
  Certificates certificates;
  const std::string text =
      Refusal(Script(certificates.Step({"DNS:localhost", -7200, -3600})), "localhost", certificates.authority());
  EXPECT_THAT(text, HasSubstr("has expired on"));
  EXPECT_THAT(text, HasSubstr("renew it"));
}

TEST(LinkTls, ACertificateOfTheFutureIsRefused) {
  Certificates certificates;
  const std::string text =
      Refusal(Script(certificates.Step({"DNS:localhost", 3600, 7200})), "localhost", certificates.authority());
  EXPECT_THAT(text, HasSubstr("not valid before"));
}

TEST(LinkTls, ACertificateForSomebodyElseIsRefusedWithTheNamesThatItHas) {
  Certificates certificates;
  std::string text =
      Refusal(Script(certificates.Step({"DNS:other.test,DNS:another.test"})), "localhost", certificates.authority());
  EXPECT_THAT(text, HasSubstr("not for localhost but for other.test, another.test"));
  text = Refusal(Script(certificates.Step({"DNS:localhost"})), "127.0.0.1", certificates.authority());
  EXPECT_THAT(text, HasSubstr("not for 127.0.0.1"));
  // An address that is written as a name isn't one.
  text = Refusal(Script(certificates.Step({"DNS:127.0.0.1"})), "127.0.0.1", certificates.authority());
  EXPECT_THAT(text, HasSubstr("not for 127.0.0.1"));
}

TEST(LinkTls, ASelfSignedCertificateIsRefusedUntilItIsTheAuthority) {
  Certificates certificates;
  const std::string step = certificates.Step({"DNS:localhost", -3600, 3600, true});
  EXPECT_THAT(Refusal(Script(step), "localhost", ""), HasSubstr("self-signed and not trusted here: set ca_file"));
  ScriptedServer server(Script(step));
  LinkRig rig;
  rig.Make(Secure("localhost", server.port(), certificates.last()));
  rig.Open();
  EXPECT_TRUE(rig.UntilOpened()) << rig.what();
}

TEST(LinkTls, AnUnknownAuthorityIsRefused) {
  Certificates certificates;
  const std::string script = Script(certificates.Step({"DNS:localhost"}));
  EXPECT_THAT(Refusal(script, "localhost", ""), HasSubstr("authority that is not trusted here: set ca_file"));
  EXPECT_THAT(Refusal(script, "localhost", certificates.stranger()),
              HasSubstr("the authorities of " + certificates.stranger() + " have not signed it"));
}

TEST(LinkTls, AnAuthoritiesFileThatCantBeReadIsNamed) {
  Certificates certificates;
  const std::string script = Script(certificates.Step({"DNS:localhost"}));
  const std::string missing = certificates.directory() + "/missing.pem";
  EXPECT_THAT(Refusal(script, "localhost", missing), HasSubstr(missing + " can't be read: No such file"));
  const std::string empty = certificates.directory() + "/empty.pem";
  std::ofstream(empty) << "no certificate\n";
  EXPECT_THAT(Refusal(script, "localhost", empty), HasSubstr("holds no certificate in the PEM format"));
}

TEST(LinkTls, AnAuthorityThatIsReplacedCountsFromTheNextAttemptOn) {
  Certificates certificates;
  ScriptedServer server(Script(certificates.Step({"DNS:localhost"})));
  const std::string file = certificates.directory() + "/replaced.pem";
  std::filesystem::copy_file(certificates.stranger(), file);
  LinkRig rig;
  rig.Make(Secure("localhost", server.port(), file));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  std::filesystem::copy_file(certificates.authority(), file, std::filesystem::copy_options::overwrite_existing);
  rig.Open();
  EXPECT_TRUE(rig.UntilOpened()) << rig.what();
}

TEST(LinkTls, ThereIsNoOldTls) {
  Certificates certificates;
  std::string step = certificates.Step({"DNS:localhost"});
  step.insert(step.size() - 1, ", true");
  EXPECT_THAT(Refusal(Script(step), "localhost", certificates.authority()), HasSubstr("no TLS 1.2 or newer"));
}

TEST(LinkTls, AServerWithoutTlsIsCalledThat) {
  EXPECT_THAT(Refusal(R"([[["raw", "HTTP/1.1 400 Bad Request\r\n\r\n"]]])", "localhost", ""),
              HasSubstr("does not speak TLS there"));
  EXPECT_THAT(Refusal(R"([[["close"]]])", "localhost", ""), HasSubstr("localhost"));
  EXPECT_THAT(Refusal(R"([[["reset"]]])", "localhost", ""), HasSubstr("localhost"));
}

TEST(LinkTls, ASlowHandshakeWaitsForTheOwnersPatience) {
  ScriptedServer server(R"([[["hold"]]])");
  LinkRig rig;
  rig.Make(Secure("localhost", server.port(), ""));
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return rig.link().waits_for().starts_with("the TLS handshake with localhost"); }));
  ASSERT_TRUE(rig.Until([&] { return server.Count("holding") == 1; }));
  rig.link().Close("out of patience");
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_EQ(rig.what(), "out of patience");
}

TEST(LinkTls, ASlowUpgradeWaitsForTheOwnersPatience) {
  Certificates certificates;
  ScriptedServer server(Script(certificates.Step({"DNS:localhost"}), R"(["request"], ["hold"])"));
  LinkRig rig;
  rig.Make(Secure("localhost", server.port(), certificates.authority()));
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return server.Count("holding") == 1; }));
  EXPECT_THAT(rig.link().waits_for(), HasSubstr("the answer of localhost"));
  rig.link().Close("out of patience");
  ASSERT_TRUE(rig.UntilClosed());
}

TEST(LinkTls, RefusedCredentialsAreSaidAsSuch) {
  Certificates certificates;
  ScriptedServer server(Script(certificates.Step({"DNS:localhost"}), R"(["answer", "401 Unauthorized"])"));
  LinkRig rig;
  rig.Make(Secure("localhost", server.port(), certificates.authority()));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_TRUE(rig.refused());
}

TEST(LinkTls, MessagesMayBeCutAnywhere) {
  Certificates certificates;
  ScriptedServer server(Script(certificates.Step({"DNS:localhost"}),
                               R"(["cut", 1], ["upgrade"], ["frame", 2, "he", false], ["frame", 0, "llo"])"));
  LinkRig rig;
  rig.Make(Secure("localhost", server.port(), certificates.authority()));
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == 1; })) << rig.what();
  EXPECT_EQ(rig.messages()[0].first, "hello");
}

TEST(LinkTls, AWriteToAResetConnectionRaisesNoSignal) {
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  struct sigaction before{};
  sigaction(SIGPIPE, &fatal, &before);
  {
    Certificates certificates;
    ScriptedServer server(Script(certificates.Step({"DNS:localhost"}), R"(["upgrade"], ["wait"], ["reset"])"));
    LinkRig rig;
    rig.Make(Secure("localhost", server.port(), certificates.authority()));
    // The reset arrives while the loop stands, so that the next thing we do is a write.
    rig.on_opened = [&] {
      server.Signal();
      EXPECT_TRUE(WaitUntil([&] { return server.Count("ended") == 1; }));
      EXPECT_TRUE(rig.link().Send(std::string(100000, 'x')));
    };
    rig.Open();
    ASSERT_TRUE(rig.UntilOpened());
    ASSERT_TRUE(rig.UntilClosed());
  }
  sigaction(SIGPIPE, &before, nullptr);
}

}  // namespace
}  // namespace andiron::livekit
