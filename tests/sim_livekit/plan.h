// What one seed draws before its schedule begins: settings, load, and which faults exist how often.
//
// Swarm: each kind of fault is absent from half of all plans, so that rare interplays aren't drowned by the frequent
// ones.
#ifndef ANDIRON_TESTS_SIM_LIVEKIT_PLAN_H_
#define ANDIRON_TESTS_SIM_LIVEKIT_PLAN_H_

#include <andiron/time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "worker/livekit/settings.h"

namespace andiron::livekit_sim {

enum class Fault : std::uint8_t {
  // links
  kOpenRefused,
  kUnauthorized,
  kOpenHangs,
  kRegisterHangs,
  kLinkDropped,     // at any time
  kHalfOpen,        // nothing arrives any more, either way
  kNotEstablished,  // the kernel knows that it is gone
  kAckFrozen,       // the peer's kernel acknowledges no more
  kUncounted,       // our kernel doesn't count what it acknowledges
  kSlowAcks,        // it does, slowly: an honest peer
  kGarbage,
  kLinkFactsLate,  // after CloseLink the server's words still come for a while
  // the server
  kPongLost,
  kPongLie,
  kPongSlow,
  kWordSlow,
  kWordTwice,
  kWordsSwapped,
  kOfferAgain,
  kOfferFlood,
  kAssignUnasked,
  kAssignAgain,
  kAssignForgotten,
  kAssignSlow,
  kBookSlow,  // it knows a job only some time after it has assigned it
  kTerminate,
  kTerminateUnknown,
  kRegisteredAgain,
  // the pool
  kPlaceRefused,
  kPlaceSlow,
  kPlaceForgotten,  // never answered
  kJobRefused,
  kJobSlow,
  kJobUnstarted,
  kOddOutcome,
  kCancelIgnored,
  kCapacityNoise,
  kDrain,
  kStaleFacts,  // of tickets and attempts that have ended
  // our own loop
  kStall,
  kShortStall,
  kSpread,  // facts of different origins in another order
  kClose,
};
inline constexpr std::size_t kFaultCount = static_cast<std::size_t>(Fault::kClose) + 1;

std::string_view Name(Fault fault);

struct Plan {
  livekit::AgentSettings agent;
  livekit::Settings settings;
  std::uint64_t jitter_seed = 0;
  std::array<std::uint32_t, kFaultCount> odds{};  // of 65536; 0 = this plan doesn't have it
  int jobs = 0;                                   // that the server offers by itself
  int slots = 0;                                  // children of the pool
  int queue = 0;                                  // places beyond them
  Duration start{};                               // what the clock shows at the beginning
  Duration latency{};                             // of the link, one way
  Duration work{};                                // of a job
  Duration arrival{};                             // between two jobs
};

Plan DrawPlan(std::uint64_t seed);

// A time within which a healthy agent settles after the faults have stopped, whatever state they left.
Duration SettleBound(const Plan& plan);

}  // namespace andiron::livekit_sim

#endif  // ANDIRON_TESTS_SIM_LIVEKIT_PLAN_H_
