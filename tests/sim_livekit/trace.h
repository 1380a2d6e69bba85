// Facts and actions of an agent as text, for traces and for hashes.
#ifndef ANDIRON_TESTS_SIM_LIVEKIT_TRACE_H_
#define ANDIRON_TESTS_SIM_LIVEKIT_TRACE_H_

#include <andiron/time.h>

#include <string>

#include "worker/livekit/agent_actions.h"
#include "worker/livekit/agent_facts.h"

namespace andiron::livekit_sim {

std::string TextOf(TimePoint time);  // seconds
std::string TextOf(const livekit::AgentFact& fact);
std::string TextOf(const livekit::AgentAction& action);

}  // namespace andiron::livekit_sim

#endif  // ANDIRON_TESTS_SIM_LIVEKIT_TRACE_H_
