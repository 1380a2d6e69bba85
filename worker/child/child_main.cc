#include <andiron/child.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "ipc/limits.h"
#include "worker/child/link.h"
#include "worker/child/one_by_one.h"
#include "worker/child/side_by_side.h"

namespace andiron {
namespace {

constexpr const char* kChannelVariable = "ANDIRON_CHANNEL_FD";
constexpr const char* kMaxResultVariable = "ANDIRON_MAX_RESULT";
constexpr int kExitNotWarm = 1;
constexpr int kConcurrencyMax = 1024;

class WarmUpOverLink final : public WarmUp {
 public:
  explicit WarmUpOverLink(Link& link) : link_(link) {}
  void Progress(int percent, std::string_view text) override { link_.SendProgress(percent, text); }

 private:
  Link& link_;
};

std::string_view ProgramName(int argc, char** argv) {
  const std::string_view path = argc > 0 ? argv[0] : "this program";
  return path.substr(path.rfind('/') + 1);
}

void Say(std::string_view program, std::string_view text) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(program.size()), program.data(), static_cast<int>(text.size()),
               text.data());
}

bool IsStreamSocket(int descriptor) {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

// The channel that the worker left for us; -1 = there is none, and stderr says so.
int ChannelDescriptor(std::string_view program) {
  const char* text = std::getenv(kChannelVariable);
  if (text == nullptr) {
    Say(program, "this is a child of an Andiron worker and can't run by itself; try: andiron run FILE -- " +
                     std::string(program));
    return -1;
  }
  int descriptor = -1;
  const char* end = text + std::strlen(text);
  const auto [parsed, error] = std::from_chars(text, end, descriptor);
  if (error != std::errc() || parsed != end || descriptor < 0 || !IsStreamSocket(descriptor)) {
    Say(program, std::string(kChannelVariable) + "=" + text + " doesn't name a stream socket");
    return -1;
  }
  return descriptor;
}

// A worker that doesn't say it checks it all the same.
std::size_t MaxResult() {
  const char* text = std::getenv(kMaxResultVariable);
  std::size_t bytes = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), bytes).ec != std::errc())
    return kPayloadBytesMax;
  return std::min(bytes, kPayloadBytesMax);
}

// What the handler starts must not hold the channel, nor take itself for a child. ANDIRON_CHILD stays: by it the worker
// knows whose descendants they are.
void KeepToOurselves(int descriptor) {
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  unsetenv(kChannelVariable);
  unsetenv(kMaxResultVariable);
}

std::string PrewarmCaught(JobHandler& handler, WarmUp& warm_up) {
  try {
    return handler.Prewarm(warm_up);
  } catch (const std::exception& exception) {
    return std::string("exception: ") + exception.what();
  } catch (...) {
    return "something was thrown that is no std::exception";
  }
}

template <typename Service>
int Serve(Link& link, Service& service, std::string_view program) {
  if (const std::string refused = service.Start(); !refused.empty()) {
    Say(program, refused);
    return kExitNotWarm;
  }
  link.SendHello();
  service.Serve();
  return 0;
}

}  // namespace

std::string JobHandler::Prewarm(WarmUp&) { return ""; }

bool IsChild() { return std::getenv(kChannelVariable) != nullptr; }

int ChildMain(int argc, char** argv, JobHandler& handler, const ChildOptions& options) {
  const std::string_view program = ProgramName(argc, argv);
  const int descriptor = ChannelDescriptor(program);
  if (descriptor < 0) return EX_USAGE;
  const std::size_t max_result = MaxResult();
  KeepToOurselves(descriptor);
  // A pipe is block-buffered otherwise, and the lines of a job would show when it is long over.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);

  Link link(descriptor, max_result);
  WarmUpOverLink warm_up(link);
  if (const std::string why = PrewarmCaught(handler, warm_up); !why.empty()) {
    Say(program, "warming up failed: " + why);
    return kExitNotWarm;
  }
  if (options.concurrency <= 1) {
    OneByOne service(link, handler);
    return Serve(link, service, program);
  }
  SideBySide service(link, handler, std::min(options.concurrency, kConcurrencyMax));
  return Serve(link, service, program);
}

}  // namespace andiron
