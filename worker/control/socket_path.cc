#include "worker/control/socket_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace andiron {
namespace {

bool OwnDirectory(const char* path) {
  struct stat about{};
  return ::stat(path, &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

std::string Directory() {
  const bool root = ::geteuid() == 0;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/' && OwnDirectory(runtime) &&
      !(root && std::string_view(runtime).starts_with("/run/user/"))) {
    return std::string(runtime) + "/andiron";
  }
  if (root) return "/run/andiron";
  return "/tmp/andiron-" + std::to_string(::geteuid());
}

}  // namespace

std::string DefaultSocketPath(std::string_view name) { return Directory() + "/" + std::string(name) + ".sock"; }

}  // namespace andiron
