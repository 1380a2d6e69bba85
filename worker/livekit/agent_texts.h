// What an agent says to people: texts of ends, states and times.
#ifndef ANDIRON_WORKER_LIVEKIT_AGENT_TEXTS_H_
#define ANDIRON_WORKER_LIVEKIT_AGENT_TEXTS_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <cstddef>
#include <string>

#include "worker/livekit/agent_facts.h"

namespace andiron::livekit {

// "2.5 s"
std::string Seconds(Duration duration);

// Why a job that wasn't started failed.
std::string RefusalText(Refusal reason);

// Why a job failed: what was said of it, or a sentence of our own. Never empty.
std::string FailureText(const JobEnded& end);

// At most `max` bytes of it, cut between two characters of UTF-8, "..." where it was cut.
std::string Shortened(std::string text, std::size_t max);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_AGENT_TEXTS_H_
