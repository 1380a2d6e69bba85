#include "tests/sim_livekit/plan.h"

#include <algorithm>

#include "tests/sim/clock_start.h"
#include "tests/sim/random.h"

namespace andiron::livekit_sim {
namespace {

using andiron::sim::Random;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::string_view kNames[] = {"open_refused",
                                       "unauthorized",
                                       "open_hangs",
                                       "register_hangs",
                                       "link_dropped",
                                       "half_open",
                                       "not_established",
                                       "ack_frozen",
                                       "uncounted",
                                       "slow_acks",
                                       "garbage",
                                       "link_facts_late",
                                       "pong_lost",
                                       "pong_lie",
                                       "pong_slow",
                                       "word_slow",
                                       "word_twice",
                                       "words_swapped",
                                       "offer_again",
                                       "offer_flood",
                                       "assign_unasked",
                                       "assign_again",
                                       "assign_forgotten",
                                       "assign_slow",
                                       "book_slow",
                                       "terminate",
                                       "terminate_unknown",
                                       "registered_again",
                                       "place_refused",
                                       "place_slow",
                                       "place_forgotten",
                                       "job_refused",
                                       "job_slow",
                                       "job_unstarted",
                                       "odd_outcome",
                                       "cancel_ignored",
                                       "capacity_noise",
                                       "drain",
                                       "stale_facts",
                                       "stall",
                                       "short_stall",
                                       "spread",
                                       "close"};
static_assert(std::size(kNames) == kFaultCount);

Duration Draw(Random& random, Duration low, Duration high) {
  return Duration(random.Between(low.count(), high.count()));
}

// How often at most, of 65536, where it isn't about one event in thirty.
std::uint32_t MostOf(Fault fault) {
  if (fault == Fault::kStall) return 400;
  if (fault == Fault::kShortStall || fault == Fault::kGarbage || fault == Fault::kNotEstablished) return 1000;
  if (fault == Fault::kLinkDropped || fault == Fault::kHalfOpen || fault == Fault::kAckFrozen) return 1000;
  if (fault == Fault::kOfferFlood || fault == Fault::kDrain) return 3000;
  if (fault == Fault::kClose) return 1500;
  return 20'000;
}

void DrawSettings(Random& random, livekit::Settings& settings) {
  settings.connect_timeout = Draw(random, milliseconds(500), milliseconds(10'000));
  settings.backoff_min = Draw(random, milliseconds(1), milliseconds(300));
  settings.backoff_max = Draw(random, milliseconds(300), milliseconds(20'000));
  settings.ping_interval = Draw(random, milliseconds(300), milliseconds(5000));
  settings.ping_timeout = Draw(random, milliseconds(1000), milliseconds(30'000));
  settings.dead_after = Draw(random, milliseconds(1000), milliseconds(10'000));
  settings.stall_limit = Draw(random, milliseconds(300), milliseconds(2000));
  settings.status_ttl = random.Coin() ? settings.status_ttl : Draw(random, milliseconds(500), milliseconds(60'000));
  settings.flush_timeout = Draw(random, milliseconds(50), milliseconds(2000));
  settings.outbox_limit = random.Coin() ? settings.outbox_limit : static_cast<int>(random.Between(1, 8));
  settings.termination_grace = milliseconds(random.Between(1, 15'000));
}

}  // namespace

std::string_view Name(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

Plan DrawPlan(std::uint64_t seed) {
  Random random(seed * 0x9e3779b97f4a7c15U + 1);
  Plan plan;
  DrawSettings(random, plan.settings);
  plan.agent.name = "clerk";
  plan.agent.pool = "clerks";
  plan.jitter_seed = random.Next();
  plan.jobs = static_cast<int>(random.Between(4, 24));
  plan.slots = static_cast<int>(random.Between(1, 6));
  plan.agent.min_ready = random.Chance(16'384) ? static_cast<int>(random.Between(1, plan.slots)) : 0;
  plan.queue = static_cast<int>(random.Between(0, 4));
  plan.latency = Draw(random, microseconds(50), milliseconds(random.Coin() ? 1 : 60));
  plan.work = Draw(random, microseconds(100), milliseconds(random.Coin() ? 50 : 3000));
  plan.arrival = Draw(random, microseconds(500), milliseconds(random.Coin() ? 100 : 2000));
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    if (random.Coin()) continue;
    const std::uint32_t most = MostOf(static_cast<Fault>(i));
    plan.odds[i] = static_cast<std::uint32_t>(random.Between(1, random.Coin() ? most : std::max(2U, most / 8)));
  }
  plan.start = Duration(andiron::sim::DrawClockStart(random));
  return plan;
}

Duration SettleBound(const Plan& plan) {
  const livekit::Settings& settings = plan.settings;
  return 2 * settings.connect_timeout + 2 * settings.backoff_max + settings.ping_interval + settings.ping_timeout +
         settings.dead_after + std::chrono::seconds(20);
}

}  // namespace andiron::livekit_sim
