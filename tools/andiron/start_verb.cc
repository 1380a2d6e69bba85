// andiron start: the worker, in the foreground.
#include <iostream>
#include <utility>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/service.h"
#include "tools/andiron/text.h"
#include "tools/andiron/verbs.h"

namespace andiron {
namespace {

constexpr const char* kExamples =
    "Runs in the foreground; its log goes to stderr. Jobs come by the control socket: `andiron submit`.\n"
    "SIGTERM and SIGINT drain (for at most drain_timeout) and end it, a second one ends it at once; SIGUSR1 writes\n"
    "its state to the log.\n"
    "Exit: 0 drained, 128+N forced by signal N, 75 another worker has the socket, 77 permission, 78 configuration.\n"
    "Examples:\n"
    "  andiron start -- ./child                           one pool, named default\n"
    "  andiron start --warm 4 --max_children 16 -- python3 child.py\n"
    "  andiron start --config andiron.yaml --pool.spell.warm 8\n"
    "  andiron config show --config andiron.yaml          what it would do, and where each value comes from";

int Report(const absl::Status& status) {
  std::cerr << "andiron: " << Printable(std::string(status.message()));
  if (absl::IsAlreadyExists(status)) {
    std::cerr << ", or end that one with `andiron stop`\n";
    return kExitRefused;
  }
  if (absl::IsPermissionDenied(status)) {
    std::cerr << "; choose a place of your own with --socket\n";
    return kExitPermission;
  }
  std::cerr << "\n";
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ? kExitConfig : kExitInternal;
}

}  // namespace

StartVerb::StartVerb(CLI::App& app) : Verb(app, "start", "the worker, in the foreground", kExamples), flags_(app_) {}

int StartVerb::Run(const CommandLine& line) const {
  ConfigResult result = Load(flags_.Sources(line));
  if (!result.ok()) {
    std::cerr << ErrorText(result);
    return ExitCode(result);
  }
  auto loop = EventLoop::Create();
  if (!loop.ok()) return Report(loop.status());
  Service service(**loop);
  if (absl::Status opened = service.Open(result.config); !opened.ok()) return Report(opened);
  return service.Serve();
}

}  // namespace andiron
