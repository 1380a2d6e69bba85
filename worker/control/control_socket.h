// The control socket's place in the file system: made so that only we can reach it, taken over only from the dead.
#ifndef ANDIRON_WORKER_CONTROL_CONTROL_SOCKET_H_
#define ANDIRON_WORKER_CONTROL_CONTROL_SOCKET_H_

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <string>

#include "worker/base/unique_fd.h"

namespace andiron {

// Whether a worker of user `own` listens to a peer of user `peer`: to its own user's, and to root's, who may do
// everything anyway.
constexpr bool MaySpeak(uid_t peer, uid_t own) { return peer == own || peer == 0; }

// A listening socket at a path. The destructor removes the file, if it is still ours.
class ControlSocket {
 public:
  // Makes the directory (0700) if it isn't there, and the socket (0600). A socket file that is there is replaced only
  // if it is ours and nobody answers. To be called before threads start: it sets the umask for a moment.
  //   AlreadyExists     a worker answers there
  //   PermissionDenied  the directory can be changed by others, or can't be used; somebody else's file
  //   InvalidArgument   the path doesn't fit a socket address
  //   FailedPrecondition  something is there that isn't a socket
  static absl::StatusOr<ControlSocket> Listen(const std::string& path);

  ControlSocket(ControlSocket&&) noexcept = default;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();

  int descriptor() const { return descriptor_.get(); }
  const std::string& path() const { return path_; }

 private:
  ControlSocket(std::string path, UniqueFd descriptor);

  std::string path_;
  UniqueFd descriptor_;
  dev_t device_ = 0;  // of the file, to know it again
  ino_t inode_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_CONTROL_SOCKET_H_
