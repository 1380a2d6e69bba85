// Why a connection ended, for people: a sentence that names the server and, where there is one, the remedy.
//
// Pure. What the server said is made fit for a log; a text that holds a part of the token is withheld.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_TEXT_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_TEXT_H_

#include <string>
#include <string_view>

#include "worker/livekit/link_wire.h"

namespace andiron::livekit {

std::string EndText(const WireEnd& end, const LinkTarget& target, const std::string& address, std::string_view token);

// What a connection in this stage waits for; "" if for nothing.
std::string WaitText(WireStage stage, const LinkTarget& target, const std::string& address);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_TEXT_H_
