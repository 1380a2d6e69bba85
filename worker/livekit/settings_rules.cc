#include "worker/livekit/settings_rules.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ipc/text.h"
#include "worker/livekit/url.h"

namespace andiron::livekit {
namespace {

using S = Settings;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMillisecond;
constexpr std::int64_t kDay = std::int64_t{24} * 3600 * kSecond;
constexpr int kOutboxMax = 1'000'000;
constexpr std::int64_t kMessageMin = std::int64_t{64} << 10;
constexpr std::int64_t kMessageMax = std::int64_t{64} << 20;

constexpr NumberRule kNumberRules[] = {
    {"connect_timeout", &S::connect_timeout, 100 * kMillisecond, kDay},
    {"token_ttl", &S::token_ttl, 60 * kSecond, 365 * kDay},
    {"backoff_min", &S::backoff_min, 10 * kMillisecond, kDay},
    {"backoff_max", &S::backoff_max, 10 * kMillisecond, kDay},
    {"ping_interval", &S::ping_interval, 100 * kMillisecond, kDay},
    {"ping_timeout", &S::ping_timeout, 100 * kMillisecond, kDay},
    {"dead_after", &S::dead_after, kSecond, kDay},
    {"stall_limit", &S::stall_limit, 500 * kMillisecond, kDay},
    {"termination_grace", &S::termination_grace, 0, kDay},
    {"status_ttl", &S::status_ttl, kSecond, kDay},
    {"flush_timeout", &S::flush_timeout, 0, kDay},
    {"outbox_limit", &S::outbox_limit, 1, kOutboxMax},
    {"max_message", &S::max_message, kMessageMin, kMessageMax},
};

class Rules {
 public:
  Rules(const Settings& settings, const std::vector<PoolSettings>& pools) : settings_(settings), pools_(pools) {}

  std::vector<Problem> Find() {
    Server();
    if (settings_.agents.empty()) Add("agents", "no agent: say which agents this worker serves");
    if (settings_.agents.size() > kAgentsMax) Add("agents", "more than " + std::to_string(kAgentsMax) + " agents");
    for (std::size_t i = 0; i < settings_.agents.size(); ++i) Agent(static_cast<int>(i), settings_.agents[i]);
    return std::move(found_);
  }

 private:
  void Add(std::string key, std::string text, std::string other = {}) {
    found_.push_back({-1, std::move(key), std::move(other), std::move(text)});
  }
  void Add(int agent, std::string key, std::string text) {
    found_.push_back({agent, std::move(key), {}, std::move(text)});
  }

  void Server() {
    if (settings_.url.empty()) {
      Add("url", "url is missing: write ws://HOST:7880 or wss://HOST, or set LIVEKIT_URL");
    } else if (const auto url = ParseUrl(settings_.url); !url.ok()) {
      Add("url", std::string(url.status().message()));
    }
    if (settings_.key.empty()) Add("key", "key is missing: write the API key, or set LIVEKIT_API_KEY");
    if (settings_.secret.empty()) Add("secret", "secret is missing: set LIVEKIT_API_SECRET");
    if (settings_.backoff_min > settings_.backoff_max)
      Add("backoff_min", "backoff_min is longer than backoff_max: lower it, or raise backoff_max", "backoff_max");
    if (settings_.ping_timeout <= settings_.ping_interval)
      Add("ping_timeout", "ping_timeout isn't longer than ping_interval: raise it, or ping more often",
          "ping_interval");
  }

  void Agent(int number, const AgentSettings& agent) {
    if (agent.name.size() > kAgentNameBytesMax || !IsUtf8(agent.name))
      Add(number, "name", "an agent's name is text of at most " + std::to_string(kAgentNameBytesMax) + " bytes");
    const auto pool =
        std::find_if(pools_.begin(), pools_.end(), [&](const PoolSettings& one) { return one.name == agent.pool; });
    if (pool == pools_.end()) {
      Add(number, "pool",
          agent.pool.empty() ? "pool is missing, and there isn't exactly one: name the pool that runs this agent's jobs"
                             : "there is no pool '" + agent.pool + "'");
    } else if (pool->warm == 0) {
      Add(number, "pool",
          "pool " + pool->name + " keeps nothing warm: the server would be told FULL for ever; set its warm");
    } else if (agent.min_ready > pool->warm) {
      Add(number, "min_ready",
          "min_ready is more than the pool's warm (" + std::to_string(pool->warm) +
              "): when idle it would be FULL; lower it, or raise warm");
    }
    for (int i = 0; i < number; ++i) {
      const AgentSettings& other = settings_.agents[static_cast<std::size_t>(i)];
      if (other.name == agent.name && other.type == agent.type)
        return Add(number, "name", "another agent has this name and type: one of them is enough");
    }
  }

  const Settings& settings_;
  const std::vector<PoolSettings>& pools_;
  std::vector<Problem> found_;
};

}  // namespace

std::span<const NumberRule> NumberRules() { return kNumberRules; }

std::vector<Problem> FindProblems(const Settings& settings, const std::vector<PoolSettings>& pools) {
  return Rules(settings, pools).Find();
}

}  // namespace andiron::livekit
