// One connection, plain: what it says of the server's answers, and how messages come and go.
#include "worker/livekit/link.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <random>
#include <string>

#include "tests/livekit/link_rig.h"

namespace andiron::livekit {
namespace {

using std::string_literals::operator""s;
using testing::HasSubstr;
using testing::Not;

TEST(Link, AsksWithItsTokenAndOpens) {
  ScriptedServer server(R"([[["upgrade"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  EXPECT_FALSE(rig.link().open());
  rig.Open("head.claims.signature");
  EXPECT_THAT(rig.link().waits_for(), HasSubstr("127.0.0.1:" + std::to_string(server.port())));
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  EXPECT_TRUE(rig.link().open());
  EXPECT_EQ(rig.link().waits_for(), "");
  EXPECT_EQ(server.After("request"), "GET /agent HTTP/1.1");
  EXPECT_EQ(server.After("host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(server.After("authorization"), "Bearer head.claims.signature");
}

TEST(Link, CloseEndsItAtOnceAndIsSaidInALaterTurn) {
  ScriptedServer server(R"([[["upgrade"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  rig.link().Close("because");
  rig.link().Close("again");
  EXPECT_FALSE(rig.link().open());
  EXPECT_FALSE(rig.link().Send("too late"));
  EXPECT_EQ(rig.closed(), 0);
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_EQ(rig.what(), "because");
  EXPECT_FALSE(rig.refused());
  EXPECT_TRUE(rig.Until([&] { return server.Count("ended") == 1; }));
}

TEST(Link, WhatWasSentJustBeforeCloseIsStillWritten) {
  ScriptedServer server(R"([[["upgrade"], ["frames"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  EXPECT_TRUE(rig.link().Send("last"));
  EXPECT_TRUE(rig.link().Send("words"));
  rig.link().Close("said all");
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_TRUE(rig.Until([&] { return server.Count("ended") == 1; }));
  EXPECT_EQ(server.Count("frame 2 4 last"), 1);
  EXPECT_EQ(server.Count("frame 2 5 words"), 1);
}

TEST(Link, OpensAgainAndAgain) {
  ScriptedServer server(R"([[["upgrade"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  for (int round = 0; round < 30; ++round) {
    rig.Open("token" + std::to_string(round));
    ASSERT_TRUE(rig.UntilOpened()) << rig.what();
    rig.link().Close("round");
    ASSERT_TRUE(rig.UntilClosed());
  }
  EXPECT_TRUE(rig.Until([&] { return server.Count("ended") == 30; }));
  EXPECT_EQ(server.After("authorization"), "Bearer token29");
}

TEST(Link, ASecondOpenOfALivingAttemptDoesNothing) {
  ScriptedServer server(R"([[["upgrade"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  rig.link().Close("done");
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_EQ(server.Count("accepted"), 1);
}

TEST(Link, IsDestroyedInEveryStateWithoutAWord) {
  ScriptedServer server(R"([[["hold"]], [["upgrade"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Drop();
  rig.Make(Plain(server.port()));
  rig.Open();
  rig.Drop();
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  rig.Drop();
  rig.Make(Plain(server.port()));
  rig.Open();
  rig.link().Close("why");
  rig.Drop();
  RunFor(rig.loop(), std::chrono::milliseconds(50));
  EXPECT_EQ(rig.closed(), 0);
}

TEST(Link, RefusedCredentialsAreSaidAsSuch) {
  ScriptedServer server(R"([[["answer", "401 Unauthorized"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open("canaryhead000.canaryclaims.canarysignature");
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_TRUE(rig.refused());
  EXPECT_THAT(rig.what(), HasSubstr("API key or secret (HTTP 401)"));
  EXPECT_THAT(rig.what(), Not(HasSubstr("canary")));
}

struct Answer {
  const char* script;
  const char* text;
};

void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.script; }

class LinkAnswers : public testing::TestWithParam<Answer> {};

TEST_P(LinkAnswers, EndWithATextThatNamesThem) {
  ScriptedServer server(GetParam().script);
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_EQ(rig.opened(), 0);
  EXPECT_FALSE(rig.refused());
  EXPECT_THAT(rig.what(), HasSubstr(GetParam().text));
  EXPECT_THAT(rig.what(), HasSubstr("127.0.0.1"));
}

INSTANTIATE_TEST_SUITE_P(
    All, LinkAnswers,
    testing::Values(Answer{R"([[["answer", "404 Not Found"]]])", "HTTP 404"},
                    Answer{R"([[["answer", "503 Busy"]]])", "HTTP 503"},
                    Answer{R"([[["answer", "200 OK"]]])", "HTTP 200"},
                    Answer{R"([[["answer", "302 Found", "Location: http://127.0.0.1:1/agent"]]])", "set the url"},
                    Answer{R"([[["request"], ["raw", "SSH-2.0-what\r\n\r\n"], ["close"]]])", "ended before"},
                    Answer{R"([[["upgrade", "wrong"]]])", "wrongly"},
                    Answer{R"([[["upgrade", null, 40000]]])", "did not answer as an HTTP server"},
                    Answer{R"([[["close"]]])", "127.0.0.1"}, Answer{R"([[["reset"]]])", "127.0.0.1"},
                    Answer{R"([[["request"], ["close"]]])", "ended before the WebSocket was open"},
                    Answer{R"([[["request"], ["reset"]]])", "reset by peer"},
                    Answer{R"([[["request"], ["raw", "HTTP/1.1 101 Sw"], ["close"]]])", "ended before"},
                    Answer{R"([[["request"], ["raw", "HTTP/1.1 101 Sw"], ["reset"]]])", "ended before"}));

TEST(Link, ARefusedConnectionIsCalledThat) {
  int port = 0;
  {
    ScriptedServer gone(R"([[["hold"]]])");
    port = gone.port();
  }
  LinkRig rig;
  rig.Make(Plain(port));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("Connection refused"));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
}

TEST(Link, ASilentServerWaitsForTheOwnersPatience) {
  ScriptedServer server(R"([[["hold"]], [["request"], ["raw", "HTTP/1.1 101 Switching"], ["hold"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  for (int round = 0; round < 2; ++round) {
    rig.Open();
    ASSERT_TRUE(rig.Until([&] { return server.Count("holding") == round + 1; }));
    ASSERT_TRUE(rig.Until([&] { return rig.link().waits_for().starts_with("the answer of 127.0.0.1"); }));
    EXPECT_EQ(rig.closed(), 0);
    rig.link().Close("out of patience");
    ASSERT_TRUE(rig.UntilClosed());
    EXPECT_EQ(rig.what(), "out of patience");
  }
}

TEST(Link, ASilentServerIsGivenUpWithoutAnOwnerToo) {
  ScriptedServer server(R"([[["hold"]]])");
  LinkRig rig;
  LinkTarget target = Plain(server.port());
  target.attempt_timeout = std::chrono::seconds(2);
  rig.Make(target);
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("not open after 2.0 s: waited for the answer of 127.0.0.1"));
}

// ---- messages ----

TEST(Link, MessagesGoBothWaysInOrder) {
  ScriptedServer server(R"([[["upgrade"], ["echo"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  const std::size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};
  for (const std::size_t size : sizes) EXPECT_TRUE(rig.link().Send(std::string(size, 'a')));
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == std::size(sizes); })) << rig.what();
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    EXPECT_EQ(rig.messages()[i].first, std::string(sizes[i], 'a'));
    EXPECT_TRUE(rig.messages()[i].second);
  }
  EXPECT_EQ(rig.link().unsent(), 0u);
}

TEST(Link, AThousandSmallMessagesAreSentFast) {
  ScriptedServer server(R"([[["upgrade"], ["echo"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(rig.link().Send(std::to_string(i)));
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == 1000; }));
  EXPECT_EQ(rig.messages().back().first, "999");
}

TEST(Link, MessagesMayBeCutAnywhere) {
  ScriptedServer server(
      R"([[["cut", 1], ["upgrade"], ["frame", 2, "he", false], ["frame", 9, "ping"], ["frame", 0, "l", false],
           ["frame", 0, "", false], ["frame", 0, "lo"], ["frame", 1, "text"], ["frame", 2, ""], ["big", 2, 300, 7],
           ["frames"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == 4; })) << rig.what();
  using Message = std::pair<std::string, bool>;
  EXPECT_EQ(rig.messages()[0], Message("hello", true));
  EXPECT_EQ(rig.messages()[1], Message("text", false));
  EXPECT_EQ(rig.messages()[2], Message("", true));
  EXPECT_EQ(rig.messages()[3], Message(std::string(300, 'x'), true));
  // The ping was answered with its own bytes.
  EXPECT_TRUE(rig.Until([&] { return server.Count("frame 10 4 70696e67") == 1; }));
}

TEST(Link, SeveralMessagesInOnePacketAreSeveral) {
  ScriptedServer server(R"([[["upgrade"], ["raw", "\u0082\u0001a\u0082\u0001b\u0081\u0001c"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.Until([&] { return rig.messages().size() == 3; }));
  EXPECT_EQ(rig.messages()[2], std::make_pair(std::string("c"), false));
}

TEST(Link, AMessageAtTheLimitComesAndOnePastItEndsTheLink) {
  ScriptedServer server(R"([[["upgrade"], ["big", 2, 100000], ["big", 2, 100000, 3], ["big", 2, 100001]],
                            [["upgrade"], ["big", 2, 100001, 5]],
                            [["upgrade"], ["big", 2, 20000, 1, 4611686018427387904]]])");
  LinkRig rig;
  LinkTarget target = Plain(server.port());
  target.max_message = 100000;
  rig.Make(target);
  for (int round = 0; round < 3; ++round) {
    rig.Open();
    ASSERT_TRUE(rig.UntilClosed());
    EXPECT_THAT(rig.what(), HasSubstr("a message of more than 100000 bytes"));
    EXPECT_EQ(rig.messages().size(), 2u);
  }
  EXPECT_EQ(rig.messages()[0].first.size(), 100000u);
  EXPECT_EQ(rig.messages()[1].first.size(), 100000u);
}

TEST(Link, BrokenFramesEndTheLink) {
  const char* scripts[] = {
      R"([[["upgrade"], ["frame", 3, "reserved"]]])",
      R"([[["upgrade"], ["frame", 0, "begins nowhere"]]])",
      R"([[["upgrade"], ["raw", "\u00f2\u0001x"]]])",
      R"([[["upgrade"], ["frame", 9, "", true, 126]]])",
      R"([[["upgrade"], ["frame", 2, "a", false], ["frame", 2, "b"]]])",
      R"([[["upgrade"], ["frame", 2, "", true, 18446744073709551615]]])",
      R"([[["upgrade"], ["frame", 9, "half a ping", false]]])",
  };
  for (const char* script : scripts) {
    ScriptedServer server(script);
    LinkRig rig;
    rig.Make(Plain(server.port()));
    rig.Open();
    ASSERT_TRUE(rig.UntilClosed()) << script;
    EXPECT_EQ(rig.opened(), 1);
    EXPECT_TRUE(rig.messages().empty()) << script;
    EXPECT_THAT(rig.what(), HasSubstr("what it sent is no WebSocket frame")) << script;
  }
}

TEST(Link, TheServersGoodbyeIsAnsweredAndSaid) {
  ScriptedServer server(R"([[["upgrade"], ["frame", 8, "\u0003\u00e9going\u001baway"], ["frames"]],
                            [["upgrade"], ["frame", 8, ""]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), HasSubstr("closed the connection (1001): going\\x1baway"));
  EXPECT_TRUE(rig.Until([&] { return server.Count("frame 8 ") == 1; }));
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_THAT(rig.what(), testing::EndsWith("closed the connection"));
}

TEST(Link, AnEndWithoutAGoodbyeIsSaidWithItsCause) {
  ScriptedServer server(R"([[["upgrade"], ["wait"], ["close"]], [["upgrade"], ["wait"], ["reset"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  for (const char* text : {"closed by it without a goodbye", "reset by peer"}) {
    rig.Open();
    ASSERT_TRUE(rig.UntilOpened());
    server.Signal();
    ASSERT_TRUE(rig.UntilClosed());
    EXPECT_THAT(rig.what(), HasSubstr(text));
  }
}

TEST(Link, AServerThatRepeatsTheTokenDoesNotGetItIntoATextOfOurs) {
  ScriptedServer server(
      R"([[["upgrade"], ["frame", 8, "\u0003\u00f0bad token canaryhead000.canaryclaims.canarysignature"]],
          [["upgrade"], ["frame", 8, "\u0003\u00f0bad signature canarysignature"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  for (int round = 0; round < 2; ++round) {
    rig.Open("canaryhead000.canaryclaims.canarysignature");
    ASSERT_TRUE(rig.UntilClosed());
    EXPECT_THAT(rig.what(), HasSubstr("(1008)"));
    EXPECT_THAT(rig.what(), Not(HasSubstr("canary")));
  }
}

TEST(Link, ACallbackMayCloseAndSend) {
  ScriptedServer server(R"([[["upgrade"], ["frame", 2, "one"], ["frame", 2, "two"], ["frames"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.on_opened = [&] { EXPECT_TRUE(rig.link().Send("from opened")); };
  rig.on_message = [&] {
    if (rig.message_count() == 1) rig.link().Close("enough");
  };
  rig.Open();
  ASSERT_TRUE(rig.UntilClosed());
  EXPECT_EQ(rig.what(), "enough");
  EXPECT_EQ(rig.message_count(), 1u);
  // Opened again from the callback that says that it is closed.
  rig.on_message = nullptr;
  rig.on_closed = [&] { rig.Open(); };
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened());
  rig.link().Close("again");
  ASSERT_TRUE(rig.Until([&] { return server.Count("request") == 3; }));
  rig.on_closed = nullptr;
  ASSERT_TRUE(rig.UntilOpened());
}

TEST(Link, MoreLinksThanOneLiveSideBySide) {
  ScriptedServer server(R"([[["upgrade"], ["echo"]]])");
  LinkRig rig;
  int answered = 0;
  std::vector<std::unique_ptr<Link>> links;
  for (int i = 0; i < 20; ++i) {
    LinkEvents events;
    events.opened = [&links, i] { EXPECT_TRUE(links[static_cast<std::size_t>(i)]->Send(std::to_string(i))); };
    events.message = [&answered, i](std::string_view message, bool) {
      EXPECT_EQ(message, std::to_string(i));
      ++answered;
    };
    events.closed = [](const std::string& what, bool) { ADD_FAILURE() << what; };
    links.push_back(std::make_unique<Link>(rig.links(), Plain(server.port()), std::move(events)));
  }
  for (auto& link : links) link->Open("token");
  EXPECT_TRUE(rig.Until([&] { return answered == 20; }));
}

// A right conversation, with some of its bytes changed, some missing, some repeated.
std::string Damaged(std::minstd_rand& random) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  if (random() % 2 == 0) {
    text = "\x82\x03one\x01\x01t\x80\x01u\x89\x02pp\x82\x7e\x01\x00"s + std::string(256, 'x');
  }
  for (auto changes = 1 + random() % 6; changes > 0; --changes) {
    const std::size_t place = random() % text.size();
    const auto kind = random() % 3;
    if (kind == 0) text[place] = static_cast<char>(random());
    if (kind == 1) text.erase(place, 1 + random() % 4);
    if (kind == 2) text.insert(place, text.substr(random() % text.size(), random() % 20));
    if (text.empty()) text = "x";
  }
  std::string escaped;
  for (const char byte : text) {
    char code[8];
    std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    escaped += code;
  }
  return escaped;
}

TEST(Link, DamagedBytesEndItAndNothingElse) {
  constexpr int kRounds = 60;
  std::minstd_rand random(20);
  LinkRig rig;
  for (int servers = 0; servers < 5; ++servers) {
    std::string scripts;
    for (int i = 0; i < kRounds; ++i) {
      const std::string first = random() % 3 == 0 ? R"(["request"])" : R"(["upgrade"])";
      scripts += (i == 0 ? "[" : ", ") + ("[" + first + R"(, ["raw", ")" + Damaged(random) + R"("], ["close"]])");
    }
    ScriptedServer server(scripts + "]");
    LinkTarget target = Plain(server.port());
    target.max_message = 4096;
    rig.Make(target);
    for (int i = 0; i < kRounds; ++i) {
      rig.Open();
      ASSERT_TRUE(rig.UntilClosed()) << "server " << servers << " round " << i;
      EXPECT_FALSE(rig.what().empty());
    }
  }
}

TEST(Link, WritesNothingToStderr) {
  testing::internal::CaptureStderr();
  {
    ScriptedServer server(R"([[["answer", "401 Unauthorized"]], [["close"]], [["upgrade"], ["frame", 3, ""]]])");
    LinkRig rig;
    rig.Make(Plain(server.port()));
    rig.Open();
    EXPECT_TRUE(rig.UntilClosed());
    rig.Make(Secure("localhost", server.port(), ""));
    rig.Open();
    EXPECT_TRUE(rig.UntilClosed());
    rig.Make(Plain(server.port()));
    rig.Open();
    EXPECT_TRUE(rig.UntilClosed());
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// libwebsockets closes one number twice; a file that is opened in between would lose its descriptor.
TEST(Link, TheEndClosesNoDescriptorThatIsSomebodyElses) {
  LinkRig rig;
  bool gone = false;
  rig.links().Close([&gone] { gone = true; });
  std::vector<UniqueFd> files;
  for (int i = 0; i < 20; ++i) files.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(rig.Until([&gone] { return gone; }));
  RunFor(rig.loop(), std::chrono::milliseconds(20));
  for (const UniqueFd& file : files) EXPECT_NE(fcntl(file.get(), F_GETFD), -1);
}

TEST(Link, LeavesSigpipeAsItIs) {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &action, nullptr);
  LinkRig rig;
  sigaction(SIGPIPE, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace andiron::livekit
