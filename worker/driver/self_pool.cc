#include <andiron/worker.h>
#include <unistd.h>

#include <climits>

namespace andiron {

PoolSettings SelfPool(std::string name, char** argv) {
  PoolSettings pool;
  pool.name = std::move(name);
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  pool.command.emplace_back(length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "/proc/self/exe");
  for (char** argument = argv + 1; argv[0] != nullptr && *argument != nullptr; ++argument) {
    pool.command.emplace_back(*argument);
  }
  return pool;
}

}  // namespace andiron
