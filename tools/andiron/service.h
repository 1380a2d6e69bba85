// `andiron start` on its loop: a worker, its control socket and its signals, until the last child has ended.
#ifndef ANDIRON_TOOLS_ANDIRON_SERVICE_H_
#define ANDIRON_TOOLS_ANDIRON_SERVICE_H_

#include <absl/status/status.h>

#include <iosfwd>
#include <memory>
#include <string>

#include "worker/config/config.h"
#include "worker/console/event_loop.h"
#include "worker/console/signals.h"
#include "worker/control/control_server.h"
#include "worker/driver/worker_impl.h"
#include "worker/livekit/source.h"

namespace andiron {

class Service {
 public:
  explicit Service(EventLoop& loop);

  // Errors: those of WorkerImpl::Make, ControlServer::Create and livekit::Source::Create; then nothing has been
  // started.
  absl::Status Open(const LoadedConfig& config);

  // Until the worker has stopped. The exit code: 0, or 128+N when signal N forced the end. Where a name look-up hangs
  // in the resolver it doesn't return: the process ends with that code.
  int Serve();

 private:
  void Announce();
  void OnSignal(int number);
  void StopFor(int number);
  void AwaitLookups();
  void LeaveLookups();

  EventLoop& loop_;
  std::unique_ptr<WorkerImpl> worker_;
  std::unique_ptr<ControlServer> server_;
  std::unique_ptr<livekit::Source> livekit_;  // null = no agent is configured
  std::unique_ptr<Signals> signals_;
  bool stopping_ = false;  // because of a signal
  int forced_by_ = 0;
  std::unique_ptr<Ticker> patience_;  // with look-ups, when nothing else is left
  bool lookup_hangs_ = false;
};

// Writes what the log still holds, for at most a second: its reader may be slow, or gone.
void FinishLog(Log& log, int descriptor);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_SERVICE_H_
