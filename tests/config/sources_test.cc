// sources.livekit: what may be written, what is said of what may not, and that the secret stays one.
#include <gmock/gmock.h>

#include "tests/config/loading.h"
#include "worker/livekit/settings_rules.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view kServer = "    url: ws://127.0.0.1:7880\n    key: k\n    secret: s3cr3t\n";
constexpr std::string_view kAgents = "    agents:\n      - name: clerk\n";

std::string WithLiveKit(std::string_view lines, std::string_view agents = kAgents) {
  return OnePool("    warm: 2\n") + "sources:\n  livekit:\n" + std::string(kServer) + std::string(lines) +
         std::string(agents);
}

ConfigSources With(std::vector<std::string> environment) {
  ConfigSources sources;
  sources.environment = std::move(environment);
  return sources;
}

TEST(LiveKit, IsReadWithItsDefaults) {
  const ConfigResult result = LoadText(WithLiveKit(""));
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  const livekit::Settings& settings = result.config.livekit;
  EXPECT_EQ(settings.url, "ws://127.0.0.1:7880");
  EXPECT_EQ(settings.termination_grace, std::chrono::seconds(15));
  ASSERT_EQ(settings.agents.size(), 1U);
  EXPECT_EQ(settings.agents[0].pool, "p") << "the only pool";
  EXPECT_EQ(settings.agents[0].permissions, livekit::Permissions());
}

TEST(LiveKit, TakesAllThatAnAgentMayBe) {
  const ConfigResult result = LoadText(
      WithLiveKit("    ping_interval: 1s\n    max_message: 1MiB\n",
                  "    agents:\n      - {name: a, type: participant, pool: p, min_ready: 1, permissions: [hidden]}\n"
                  "      - {name: a, type: Publisher}\n"));
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  const livekit::Settings& settings = result.config.livekit;
  EXPECT_EQ(settings.ping_interval, std::chrono::seconds(1));
  EXPECT_EQ(settings.max_message, 1 << 20);
  ASSERT_EQ(settings.agents.size(), 2U);
  EXPECT_EQ(settings.agents[0].type, livekit::JobType::kParticipant);
  EXPECT_EQ(settings.agents[0].min_ready, 1);
  EXPECT_TRUE(settings.agents[0].permissions.hidden);
  EXPECT_FALSE(settings.agents[0].permissions.can_publish) << "what isn't named isn't permitted";
  EXPECT_EQ(settings.agents[1].type, livekit::JobType::kPublisher);
}

TEST(LiveKit, TakesAddressAndKeysFromTheEnvironment) {
  const std::string text = OnePool("") + "sources:\n  livekit:\n    url: ws://file:1\n" + std::string(kAgents);
  const ConfigResult result =
      LoadText(text, With({"LIVEKIT_URL=wss://environment", "LIVEKIT_API_KEY=k", "LIVEKIT_API_SECRET=s"}));
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_EQ(result.config.livekit.url, "wss://environment");
  EXPECT_EQ(result.config.livekit.secret, "s");
  EXPECT_EQ(ToString(result.config.origins.at("sources.livekit.url")), "environment LIVEKIT_URL");
}

TEST(LiveKit, IsNotUsedWhereOnlyTheEnvironmentKnowsIt) {
  const ConfigResult result = LoadText(OnePool(""), With({"LIVEKIT_URL=ws://x", "LIVEKIT_API_KEY=k"}));
  EXPECT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_FALSE(result.config.livekit.enabled());
}

struct Wrong {
  const char* name;
  std::string lines;
  std::string agents;
  const char* error;
};

class WrongLiveKit : public testing::TestWithParam<Wrong> {};

TEST_P(WrongLiveKit, IsToldWithItsPlaceAndTheRemedy) {
  EXPECT_THAT(ErrorsOf(WithLiveKit(GetParam().lines, GetParam().agents)), ElementsAre(HasSubstr(GetParam().error)));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, WrongLiveKit,
    testing::Values(
        Wrong{"UnknownKey", "    pnig_interval: 1s\n", std::string(kAgents),
              "c.yaml:10:5: unknown setting 'pnig_interval': did you mean 'ping_interval'?"},
        Wrong{"UnknownAgentKey", "", "    agents:\n      - nmae: x\n", "unknown setting 'nmae': did you mean 'name'?"},
        Wrong{"NoUnit", "    dead_after: 5\n", std::string(kAgents), "expected a duration with a unit"},
        Wrong{"NoAgents", "", "", "no agent: say which agents this worker serves"},
        Wrong{"AgentsNoList", "", "    agents: clerk\n", "expected a list of agents"},
        Wrong{"UnknownPool", "", "    agents:\n      - {name: a, pool: q}\n",
              "c.yaml:11:25: sources.livekit: agent: there is no pool 'q'"},
        Wrong{"Twice", "", "    agents:\n      - name: a\n      - name: a\n", "another agent has this name and type"},
        Wrong{"Permission", "", "    agents:\n      - {name: a, permissions: [publsh]}\n", "did you mean 'publish'?"},
        Wrong{"Type", "", "    agents:\n      - {name: a, type: rooms}\n", "did you mean 'room'?"},
        Wrong{"MinReady", "", "    agents:\n      - {name: a, min_ready: 10000}\n",
              "min_ready is more than the pool's warm"},
        Wrong{"MinReadyOnePast", "", "    agents:\n      - {name: a, min_ready: 3}\n", "warm (2)"},
        Wrong{"Backoff", "    backoff_min: 31s\n", std::string(kAgents), "lower it, or raise backoff_max"},
        Wrong{"Ping", "    ping_timeout: 5s\n", std::string(kAgents), "ping_timeout isn't longer than ping_interval"}),
    [](const auto& test) { return test.param.name; });

TEST(LiveKit, APoolThatKeepsNothingWarmWouldBeFullForEver) {
  const std::string lines = "sources:\n  livekit:\n" + std::string(kServer) + std::string(kAgents);
  EXPECT_THAT(ErrorsOf(OnePool("    warm: 0\n") + lines), ElementsAre(HasSubstr("keeps nothing warm")));
  EXPECT_THAT(ErrorsOf(OnePool("    warm: 1\n") + lines), IsEmpty());
}

TEST(LiveKit, SaysWhatIsMissing) {
  const std::string text = OnePool("") + "sources:\n  livekit:\n" + std::string(kAgents);
  EXPECT_THAT(ErrorsOf(text), ElementsAre(HasSubstr("set LIVEKIT_URL"), HasSubstr("set LIVEKIT_API_KEY"),
                                          HasSubstr("set LIVEKIT_API_SECRET")));
  EXPECT_THAT(ErrorsOf(OnePool("") + "sources:\n  livekti: {}\n"), ElementsAre(HasSubstr("did you mean 'livekit'?")));
}

TEST(LiveKit, ABadAddressIsToldWithoutASecretInIt) {
  const std::vector<std::string> errors =
      ErrorsOf(OnePool("") + "sources:\n  livekit:\n    {url: 'ftp://h', key: k, secret: s, agents: [{name: a}]}\n");
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0], HasSubstr("c.yaml:"));
}

TEST(LiveKit, NumbersAreTakenAtTheirLimitAndRefusedOnePast) {
  for (const livekit::NumberRule& rule : livekit::NumberRules()) {
    const auto line = [&rule](std::int64_t value) {
      std::string unit = std::holds_alternative<Duration livekit::Settings::*>(rule.member) ? "ns" : "B";
      if (std::holds_alternative<int livekit::Settings::*>(rule.member)) unit.clear();
      return "    " + std::string(rule.key) + ": " + std::to_string(value) + unit + "\n";
    };
    const auto out_of_range = [](const std::string& lines) {
      const auto errors = ErrorsOf(WithLiveKit(lines));
      return std::any_of(errors.begin(), errors.end(),
                         [](const std::string& error) { return error.find("out of range") != std::string::npos; });
    };
    EXPECT_FALSE(out_of_range(line(rule.min))) << rule.key;
    EXPECT_FALSE(out_of_range(line(rule.max))) << rule.key;
    EXPECT_TRUE(out_of_range(line(rule.max + 1))) << rule.key;
    if (rule.min > 0) {
      EXPECT_TRUE(out_of_range(line(rule.min - 1))) << rule.key;
    }
  }
}

TEST(LiveKit, AgentsAreBounded) {
  const auto agents = [](std::size_t count) {
    std::string text = "    agents:\n";
    for (std::size_t i = 0; i < count; ++i) text += "      - name: a" + std::to_string(i) + "\n";
    return text;
  };
  EXPECT_THAT(ErrorsOf(WithLiveKit("", agents(livekit::kAgentsMax))), IsEmpty());
  EXPECT_THAT(ErrorsOf(WithLiveKit("", agents(livekit::kAgentsMax + 1))),
              ElementsAre(HasSubstr("more than 64 agents")));
  const std::string longest(livekit::kAgentNameBytesMax, 'n');
  EXPECT_THAT(ErrorsOf(WithLiveKit("", "    agents: [{name: " + longest + "}]\n")), IsEmpty());
  EXPECT_THAT(ErrorsOf(WithLiveKit("", "    agents: [{name: " + longest + "n}]\n")),
              ElementsAre(HasSubstr("at most 256 bytes")));
}

TEST(LiveKit, IsShownWithoutItsSecret) {
  const ConfigResult result = LoadText(WithLiveKit(""));
  const std::string yaml = ConfigYaml(result.config);
  EXPECT_THAT(yaml, HasSubstr("url: \"ws://127.0.0.1:7880\""));
  EXPECT_THAT(yaml, HasSubstr("- name: clerk"));
  EXPECT_THAT(yaml, Not(HasSubstr("s3cr3t")));
  EXPECT_THAT(ConfigJson(result.config), Not(HasSubstr("s3cr3t")));
  const ConfigResult again = LoadText(yaml, With({"LIVEKIT_API_SECRET=s3cr3t"}));
  ASSERT_THAT(ErrorLines(again), IsEmpty());
  EXPECT_EQ(again.config.livekit.secret, "s3cr3t");
  EXPECT_EQ(again.config.livekit.agents[0].permissions, result.config.livekit.agents[0].permissions);
}

}  // namespace
}  // namespace andiron
