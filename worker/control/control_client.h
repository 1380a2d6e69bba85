// The client's end of the control socket: for the `andiron` command and for programs that have jobs for a worker.
//
// Two ways to use it, mixed as you like:
//   - one thing at a time: Send, then Next until the answer is there; both wait, never longer than they are told;
//   - many at once: Queue as much as `queued_bytes` allows, and call Wait, Pump and Take in a loop (or poll `fd`
//   yourself,
//     for reading always and for writing while `wants_write`). Nothing of it blocks but Wait.
// One thread. SIGPIPE can't happen. Messages: proto/control.proto; the hellos are exchanged by Connect, and an
// Error about the whole connection comes back as a status, not as a message.
//
// Statuses, and what a command makes of them:
//   NotFound          no socket at that path                           "no worker there", exit code 69
//   Unavailable       a socket, but nobody listens; or the worker closed the connection       exit code 69
//   PermissionDenied  not your worker                                  exit code 77
//   DeadlineExceeded  the time was over; the connection is still good (but for Connect)       exit code 124
//   FailedPrecondition  different protocol versions, or the worker says that we broke it      exit code 70
//   ResourceExhausted   the worker has as many clients as it takes     exit code 75
//   InvalidArgument   a path that doesn't fit a socket address, a message over its limit      exit code 64 or 65
#ifndef ANDIRON_WORKER_CONTROL_CONTROL_CLIENT_H_
#define ANDIRON_WORKER_CONTROL_CONTROL_CLIENT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <andiron/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "control.pb.h"

namespace andiron {

class ControlClient {
 public:
  // `client` says who we are, for the worker's log: "andiron run". `timeout` is for connecting and both hellos.
  static absl::StatusOr<std::unique_ptr<ControlClient>> Connect(const std::string& path, Duration timeout,
                                                                const std::string& client);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  // What the worker said about itself.
  const control::WorkerHello& worker() const;

  // A number for the next request: 1, 2, 3 ...
  std::uint64_t NewRequest();

  // ---- one thing at a time ----

  // Queues the message and waits until all that is queued has been written. Reads meanwhile, so two that both
  // write much can't block each other.
  absl::Status Send(const control::ToWorker& message, Duration timeout);

  // The next message, in the order of arrival.
  absl::StatusOr<control::FromWorker> Next(Duration timeout);

  // ---- many at once ----

  int fd() const;
  bool wants_write() const;
  // Bytes that the worker has not taken yet: stop queueing when they grow (1 MiB is plenty).
  std::size_t queued_bytes() const;

  // Puts the message behind those that wait. InvalidArgument: it is over its limit, and is not queued.
  absl::Status Queue(const control::ToWorker& message);

  // Waits until Pump can do something or a message can be taken; OK also when the time is over.
  absl::Status Wait(Duration timeout);

  // Writes and reads what can be without waiting. After an error, what has arrived whole can still be taken.
  absl::Status Pump();

  // The next message that has arrived.
  std::optional<control::FromWorker> Take();

 private:
  class Impl;
  explicit ControlClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_CONTROL_CLIENT_H_
