// Where a worker's control socket is, if nobody says otherwise.
#ifndef ANDIRON_WORKER_CONTROL_SOCKET_PATH_H_
#define ANDIRON_WORKER_CONTROL_SOCKET_PATH_H_

#include <string>
#include <string_view>

namespace andiron {

// $XDG_RUNTIME_DIR/andiron/NAME.sock; for root /run/andiron/NAME.sock, so that a login and a service find the same
// one. An XDG_RUNTIME_DIR that isn't ours is ignored (su keeps the other user's); one that is ours but isn't the
// login's was set on purpose, and counts for root too. Without it, others use /tmp/andiron-UID/NAME.sock.
std::string DefaultSocketPath(std::string_view name);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_SOCKET_PATH_H_
