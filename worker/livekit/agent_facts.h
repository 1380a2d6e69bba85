// What happened to one agent (one registration at a LiveKit server): facts for Agent::Step, posted by its glue.
//
// Plain values in the past tense, recorded in order, one batch per loop turn; what follows from them is decided in
// Agent::Step alone. Facts about a link carry its attempt, facts about a place or a job their ticket: both are numbers
// of the agent's own actions, never used twice. A fact of another attempt than the present one, or of a ticket that
// has ended, is dropped.
//
// What the glue promises:
//   - after OpenLink, at most one LinkOpened, then anything, then exactly one LinkClosed, and nothing after it;
//   - what has been read is in the batch, in the order of arrival: all that was readable when `as_of` was read, but of
//     a link that has more than a turn reads. What the kernel still holds of that the step's LinkSampled says;
//   - AskPlace is answered by at most one PlaceAnswered; SubmitJob by one JobRefused, or by one JobAccepted, at most
//     one JobStarted and one JobEnded.
#ifndef ANDIRON_WORKER_LIVEKIT_AGENT_FACTS_H_
#define ANDIRON_WORKER_LIVEKIT_AGENT_FACTS_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <variant>

#include "worker/livekit/words.h"

namespace andiron::livekit {

// ---- about a link ----

// The upgrade has been answered: words can be said.
struct LinkOpened {
  std::uint64_t attempt = 0;
};

// What a link that isn't open yet waits for: "the TLS handshake with host:7880". Given with a step for which
// Agent::WantsSample says so.
struct LinkWaits {
  std::uint64_t attempt = 0;
  std::string what;
};

// It ended, or never opened. Also after CloseLink, which by then nobody waits for.
struct LinkClosed {
  std::uint64_t attempt = 0;
  std::string what;                  // "connection refused"
  bool credentials_refused = false;  // 401
};

// How the kernel sees the connection. Read just before a step for which Agent::WantsSample says so.
struct LinkSampled {
  std::uint64_t attempt = 0;
  bool established = true;
  bool counted = true;              // the kernel counts what the peer acknowledges
  std::int64_t unacknowledged = 0;  // bytes that the peer's kernel hasn't acknowledged, unsent ones included
  std::uint64_t acknowledged = 0;   // bytes, in all
  std::uint64_t received = 0;       // bytes, in all
  std::int64_t unread = 0;          // bytes that our kernel holds for us
};

struct ServerSaid {
  std::uint64_t attempt = 0;
  ServerWord word;
};

// It sent what can't be decoded, or too much. The agent closes the link.
struct ServerBroke {
  std::uint64_t attempt = 0;
  std::string what;  // a sentence: "the server's message can't be read: an offer"
};

// ---- from the pool ----

struct PlaceAnswered {
  std::uint64_t ticket = 0;
  bool granted = false;
  Refusal reason = Refusal::kQueueFull;  // if not granted
};

struct JobAccepted {
  std::uint64_t ticket = 0;
};

struct JobRefused {
  std::uint64_t ticket = 0;
  Refusal reason = Refusal::kQueueFull;
};

struct JobStarted {
  std::uint64_t ticket = 0;
};

struct JobEnded {
  std::uint64_t ticket = 0;
  Outcome outcome = Outcome::kSucceeded;
  std::string error;  // a sentence; "" = none said
  Duration ran{};
};

// What the agent's pool can take now. Until the first one it can take nothing.
struct CapacityTold {
  int capacity = 0;      // jobs that it could take at once
  int ready = 0;         // children with a free place, promised or not
  int busy = 0;          // children that run jobs
  bool failing = false;  // its breaker isn't closed: children fail to start
};

// ---- from the worker ----

struct DrainTold {
  bool draining = false;
};

// The worker ends: last words, then Closed.
struct CloseAsked {};

using AgentFact = std::variant<LinkOpened, LinkWaits, LinkClosed, LinkSampled, ServerSaid, ServerBroke, PlaceAnswered,
                               JobAccepted, JobRefused, JobStarted, JobEnded, CapacityTold, DrainTold, CloseAsked>;

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_AGENT_FACTS_H_
