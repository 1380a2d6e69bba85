// For LD_PRELOAD: a resolver that never comes back from a look-up of a name in ".test". Before that it makes the file
// that HANGING_NAMES names.
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || !std::string_view(name).ends_with(".test")) return real(name, service, hints, result);
  const char* const mark = std::getenv("HANGING_NAMES");
  if (mark != nullptr) close(open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  while (true) pause();
}
