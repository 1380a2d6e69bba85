#include "worker/control/control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace andiron {
namespace {

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

std::string Why(const std::string& what) { return what + ": " + std::strerror(errno); }

std::string DirectoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Others may not put a socket of theirs where ours should be.
absl::Status CheckDirectory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::PermissionDeniedError(Why("cannot make the directory of the control socket, " + directory));
  }
  struct stat about{};
  if (::stat(directory.c_str(), &about) != 0) return absl::PermissionDeniedError(Why(directory));
  if (!S_ISDIR(about.st_mode)) return absl::FailedPreconditionError(directory + " is not a directory");
  const bool sticky = (about.st_mode & S_ISVTX) != 0;
  if ((about.st_uid != ::geteuid() && about.st_uid != 0) || ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)) {
    return absl::PermissionDeniedError(directory + " can be changed by other users: no place for a control socket");
  }
  return absl::OkStatus();
}

// Two workers that start at once look, remove and bind one after the other. Where others can lock the directory too
// (/tmp), they can't keep us from starting: after a second it goes on without.
UniqueFd LockDirectory(const std::string& directory) {
  UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int tries = 0; lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && tries < 100; ++tries) {
    ::poll(nullptr, 0, 10);
  }
  return lock;
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("the path of a socket has 1 to 107 bytes, this one has " +
                                      std::to_string(path.size()) + ": " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd NewSocket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

// Removes what a dead worker left. OK = the place is free.
absl::Status MakeRoom(const std::string& path, const sockaddr_un& address) {
  struct stat about{};
  if (::lstat(path.c_str(), &about) != 0) {
    return errno == ENOENT ? absl::OkStatus() : absl::PermissionDeniedError(Why(path));
  }
  if (!S_ISSOCK(about.st_mode)) {
    return absl::FailedPreconditionError(path + " is there and isn't a socket: remove it, or choose another --socket");
  }
  if (about.st_uid != ::geteuid()) return absl::PermissionDeniedError(path + " belongs to another user");
  const UniqueFd knock = NewSocket();
  if (!knock) return absl::ResourceExhaustedError(Why("socket"));
  // A full backlog (EAGAIN) is a worker too.
  const int error =
      ::connect(knock.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  if (error != ECONNREFUSED && error != ENOENT) {
    return absl::AlreadyExistsError("a worker answers at " + path +
                                    " already: give this one another --name or --socket");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return absl::PermissionDeniedError(Why(path));
  return absl::OkStatus();
}

int BindPrivately(int descriptor, const sockaddr_un& address) {
  const mode_t before = ::umask(0177);
  const int error = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  ::umask(before);
  return error;
}

}  // namespace

ControlSocket::ControlSocket(std::string path, UniqueFd descriptor)
    : path_(std::move(path)), descriptor_(std::move(descriptor)) {
  struct stat about{};
  if (::lstat(path_.c_str(), &about) == 0) {
    device_ = about.st_dev;
    inode_ = about.st_ino;
  }
}

absl::StatusOr<ControlSocket> ControlSocket::Listen(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address.ok()) return address.status();
  const std::string directory = DirectoryOf(path);
  if (absl::Status status = CheckDirectory(directory); !status.ok()) return status;
  const UniqueFd lock = LockDirectory(directory);
  if (absl::Status status = MakeRoom(path, *address); !status.ok()) return status;
  UniqueFd descriptor = NewSocket();
  if (!descriptor) return absl::ResourceExhaustedError(Why("socket"));
  if (const int error = BindPrivately(descriptor.get(), *address); error != 0) {
    errno = error;
    return absl::PermissionDeniedError(Why("cannot make the control socket " + path));
  }
  if (::listen(descriptor.get(), kBacklog) != 0) return absl::InternalError(Why("listen " + path));
  return ControlSocket(path, std::move(descriptor));
}

ControlSocket::~ControlSocket() {
  if (!descriptor_) return;  // moved from
  const UniqueFd lock = LockDirectory(DirectoryOf(path_));
  struct stat about{};
  if (::lstat(path_.c_str(), &about) == 0 && about.st_dev == device_ && about.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace andiron
