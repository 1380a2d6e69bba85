// The core's words and the wire's words for the same things.
#ifndef ANDIRON_WORKER_CONTROL_CONTROL_WORDS_H_
#define ANDIRON_WORKER_CONTROL_CONTROL_WORDS_H_

#include <andiron/outcome.h>

#include <optional>

#include "control.pb.h"

namespace andiron {

inline constexpr std::uint32_t kControlProtocolVersion = 1;

control::Outcome::Kind ToWire(Outcome outcome);
control::Refused::Reason ToWire(Refusal refusal);

// Nothing for a value that this version doesn't know.
std::optional<Outcome> FromWire(control::Outcome::Kind kind);
std::optional<Refusal> FromWire(control::Refused::Reason reason);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_CONTROL_WORDS_H_
