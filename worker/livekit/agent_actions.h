// What the glue of one agent must do next, in list order, without deciding anything.
//
// An action may fail in the world: then a fact says so (LinkClosed, JobRefused). Attempts and tickets are numbers that
// the agent makes, from 1 on, never the same twice.
#ifndef ANDIRON_WORKER_LIVEKIT_AGENT_ACTIONS_H_
#define ANDIRON_WORKER_LIVEKIT_AGENT_ACTIONS_H_

#include <andiron/settings.h>
#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "worker/livekit/words.h"

namespace andiron::livekit {

// Look up, connect, TLS, upgrade. The agent itself bounds the whole: CloseLink when it takes too long.
struct OpenLink {
  std::uint64_t attempt = 0;
};

// What was said before is still written, if the peer takes it at once; then the link is gone. An OpenLink may follow
// before its LinkClosed has come.
struct CloseLink {
  std::uint64_t attempt = 0;
  std::string why;
};

struct Say {
  std::uint64_t attempt = 0;
  WorkerWord word;
};

// A place of the agent's pool for one job to come.
struct AskPlace {
  std::uint64_t ticket = 0;
};

// Ends a ticket that became no job, whether its place has been granted yet or not. Of a ticket whose place is refused
// in the same batch it may be said too, and means nothing. Never after SubmitJob.
struct ReleasePlace {
  std::uint64_t ticket = 0;
};

// Uses up the ticket's place, if it has one.
struct SubmitJob {
  std::uint64_t ticket = 0;
  Assigned assignment;
};

// Once for a job at most.
struct CancelJob {
  std::uint64_t ticket = 0;
  Duration grace{};  // until the pool's stop
};

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string_view event;  // a short fixed word, for ever valid
  std::string text;        // for people; holds texts of the server, so escape it. Never a token
};

// After CloseAsked: no link is open, no place is held, nothing more will come. Once.
struct Closed {};

using AgentAction =
    std::variant<OpenLink, CloseLink, Say, AskPlace, ReleasePlace, SubmitJob, CancelJob, LogLine, Closed>;
using AgentActions = std::vector<AgentAction>;

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_AGENT_ACTIONS_H_
