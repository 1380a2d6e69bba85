#include "tools/andiron/service.h"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/status_view.h"
#include "worker/children/signals.h"
#include "worker/control/socket_path.h"

namespace andiron {
namespace {

// How long a name look-up may keep a worker that has ended otherwise.
constexpr Duration kLookupPatience = std::chrono::seconds(1);
constexpr Duration kForcedPatience = std::chrono::milliseconds(10);

// "spell (warm 4, at most 8: ./spell --dictionary en)"
std::string Describe(const PoolSettings& pool) {
  std::string text =
      pool.name + " (warm " + std::to_string(pool.warm) + ", at most " + std::to_string(pool.max_children) + ":";
  for (const std::string& word : pool.command) text += " " + word;
  return text + ")";
}

std::string Describe(const std::vector<PoolSettings>& pools) {
  std::string text;
  for (const PoolSettings& pool : pools) text += (text.empty() ? "" : ", ") + Describe(pool);
  return text;
}

std::optional<std::string> Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// The memory and the environment of a worker that holds a secret are closed to other processes of its user, its
// children among them: no debugger but root's, no core file. The children themselves aren't changed by this.
void CloseToItsOwnUser() { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

}  // namespace

Service::Service(EventLoop& loop) : loop_(loop) {}

absl::Status Service::Open(const LoadedConfig& config) {
  const WorkerSettings& settings = config.settings;
  if (config.livekit.enabled()) CloseToItsOwnUser();
  // Before there is anything that a signal should end in order. They are heard when the loop runs.
  signals_ = std::make_unique<Signals>(loop_.get(), std::initializer_list<int>{SIGTERM, SIGINT, SIGHUP, SIGUSR1},
                                       [this](int number) { OnSignal(number); });
  auto worker = WorkerImpl::Make(loop_.get(), settings, {});
  if (!worker.ok()) return worker.status();
  worker_ = *std::move(worker);
  auto server =
      ControlServer::Create(*worker_, settings.socket.empty() ? DefaultSocketPath(settings.name) : settings.socket);
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  if (config.livekit.enabled()) {
    auto source = livekit::Source::Create(*worker_, config.livekit, Variable);
    if (!source.ok()) return source.status();
    livekit_ = *std::move(source);
    livekit_->WhenLeft([this] { AwaitLookups(); });
  }
  return absl::OkStatus();
}

int Service::Serve() {
  Announce();
  loop_.Run();
  livekit_.reset();
  server_.reset();
  worker_->log().Write(LogLevel::kInfo, "worker_ended",
                       forced_by_ == 0 ? "ended" : "ended, as forced by a second signal");
  FinishLog(worker_->log(), STDERR_FILENO);
  worker_.reset();
  const int code = forced_by_ == 0 ? kExitDone : kExitSignal + forced_by_;
  if (lookup_hangs_) _exit(code);  // exit() waits for libuv's threads
  return code;
}

// The last words are said. libuv can't end a look-up that hangs in the resolver, and its loop doesn't end before it.
void Service::AwaitLookups() {
  patience_ = std::make_unique<Ticker>(loop_.get(), forced_by_ == 0 ? kLookupPatience : kForcedPatience,
                                       [this] { LeaveLookups(); });
}

// Clients may have answers to read: that is waited for (and bounded) elsewhere.
void Service::LeaveLookups() {
  if (lookup_hangs_ || !livekit_->looks_up() || server_->clients() > 0) return;
  lookup_hangs_ = true;
  worker_->log().Write(LogLevel::kWarn, "lookup_hangs",
                       "a look-up of the LiveKit server's name hangs in the resolver: it is left to the kernel");
  loop_.Stop();
}

void Service::Announce() {
  const WorkerSettings& settings = worker_->settings();
  const absl::StatusOr<StatusView> status = ReadStatus(worker_->StatusJson());
  const std::string containment = status.ok() ? status->containment : "unknown";
  worker_->log().Write(LogLevel::kInfo, "worker_started", "started",
                       {{"name", settings.name},
                        {"pid", std::to_string(getpid())},
                        {"version", Version()},
                        {"socket", server_->path()},
                        {"containment", containment},
                        {"pools", Describe(settings.pools)}});
  if (containment != "cgroup") {
    worker_->log().Write(
        LogLevel::kInfo, "no_leftovers_check",
        "no cgroup to use: processes left over from an earlier life of this worker can't be looked for");
  }
}

void Service::OnSignal(int number) {
  Log& log = worker_->log();
  switch (number) {
    case SIGHUP:
      log.Write(
          LogLevel::kWarn, "reload_unavailable",
          "SIGHUP: this version can't reload its configuration; it goes on unchanged. Restart it to apply changes");
      return;
    case SIGUSR1:
      // At whatever level is shown: somebody asked for it.
      log.Write(worker_->settings().log_level, "state", worker_->StatusJson());
      return;
    default:
      StopFor(number);
  }
}

void Service::StopFor(int number) {
  const std::string name = SignalName(number);
  if (stopping_) {
    if (forced_by_ == 0) forced_by_ = number;
    worker_->log().Write(LogLevel::kWarn, "stop_forced", name + " again: killing what is left");
    worker_->Stop(true, [] {});
    if (worker_->stopped()) server_->HangUp();
    if (patience_) AwaitLookups();
    return;
  }
  stopping_ = true;
  worker_->log().Write(LogLevel::kInfo, "stop_requested",
                       name + ": draining, then ending; a second SIGTERM or SIGINT kills what is left");
  worker_->Stop(false, [] {});
}

void FinishLog(Log& log, int descriptor) {
  constexpr int kTries = 20;
  constexpr int kTryMilliseconds = 50;
  log.Flush();
  for (int i = 0; i < kTries && log.pending(); ++i) {
    pollfd waiter{descriptor, POLLOUT, 0};
    poll(&waiter, 1, kTryMilliseconds);
    log.Flush();
  }
}

}  // namespace andiron
