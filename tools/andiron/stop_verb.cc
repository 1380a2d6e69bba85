// andiron stop: end a worker and wait until it has gone.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <iostream>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/verbs.h"
#include "worker/base/clock.h"
#include "worker/base/unique_fd.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

// After Done no child is left; other clients may have something to read (ControlBounds::last_words), then the
// connection ends, and then the process.
constexpr Duration kLastWords = std::chrono::seconds(15);

// The process at the socket's other end, if this PID namespace knows it.
UniqueFd ProcessBehind(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return UniqueFd();
  return OpenPidfd(peer.pid);
}

bool Ends(const UniqueFd& process, Duration patience) {
  if (!process) return true;
  pollfd waiter{process.get(), POLLIN, 0};
  return poll(&waiter, 1, static_cast<int>(Milliseconds(patience))) != 0;
}

Duration Left(TimePoint deadline) { return std::max(deadline - Now(), Duration::zero()); }

absl::Status WaitUntilGone(ControlClient& client, TimePoint deadline) {
  bool done = false;
  while (true) {
    const auto message = client.Next(Left(deadline));
    if (absl::IsUnavailable(message.status())) return absl::OkStatus();
    if (!message.ok()) return done ? absl::OkStatus() : message.status();
    if (message->has_error()) return absl::InternalError(message->error().text());
    if (message->has_done()) {
      done = true;
      deadline = std::min(deadline, Later(Now(), kLastWords));
    }
  }
}

}  // namespace

StopVerb::StopVerb(CLI::App& app)
    : Verb(app, "stop", "end a worker and wait until it has gone",
           "Drains first, for at most drain_timeout; then every child is stopped.\n"
           "Examples:\n"
           "  andiron stop\n"
           "  andiron stop --now        kill what runs"),
      address_(app_) {
  app_.add_flag("--now", now_, "don't drain: kill what runs; also ends a drain that goes on");
  app_.add_option("--timeout", timeout_, "longest wait (DURATION)")->capture_default_str();
}

int StopVerb::Run() const {
  const std::optional<Duration> timeout = ReadTimeout(timeout_, std::cerr);
  if (!timeout.has_value()) return kExitUsage;
  const TimePoint deadline = Later(Now(), *timeout);
  auto client = address_.Connect("andiron stop", *timeout);
  if (!client.ok()) return address_.Report(client.status(), std::cerr);
  const UniqueFd process = ProcessBehind((*client)->fd());
  control::ToWorker request;
  request.mutable_stop()->set_request((*client)->NewRequest());
  request.mutable_stop()->set_now(now_);
  request.mutable_stop()->set_wait(true);
  absl::Status gone = (*client)->Send(request, Left(deadline));
  if (gone.ok()) gone = WaitUntilGone(**client, deadline);
  if (gone.ok()) {
    if (Ends(process, std::min(Left(deadline), kLastWords))) return kExitDone;
    std::cerr << "andiron: the worker has stopped, but its process (pid " << (*client)->worker().pid()
              << ") doesn't end; its log says what it still waits for\n";
    return kExitTimedOut;
  }
  if (absl::IsDeadlineExceeded(gone)) {
    std::cerr << "andiron: the worker (pid " << (*client)->worker().pid() << ") is still there after " << timeout_
              << "; `andiron status` shows what runs, `andiron stop --now` kills it\n";
    return kExitTimedOut;
  }
  return address_.Report(gone, std::cerr);
}

}  // namespace andiron
