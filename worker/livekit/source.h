// The LiveKit source: registers this worker's agents at a LiveKit server and carries what is said to and fro.
//
// Glue, and nothing else: each agent (agent.h) decides, its links (link.h) carry, the desk (job_source.h) runs the
// jobs. It lives on the worker's loop beside the driver. Its turn comes before the driver's in the same round of the
// loop, and what the core answers reaches the agents at the driver's end of turn: an offer that was read is answered in
// that round.
//
// When the worker has stopped, each agent says its last words (bounded by flush_timeout) and the source leaves the
// loop: the loop can end, but for a name look-up that hangs in the resolver (link.h). Secrets (key, secret, tokens) go
// into requests and payloads, never into a log or a status.
//
// Threads: one, the loop's. The worker must outlive it. Destroy it only after the loop has ended, or without running
// the loop any further.
#ifndef ANDIRON_WORKER_LIVEKIT_SOURCE_H_
#define ANDIRON_WORKER_LIVEKIT_SOURCE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "worker/base/uv_handle.h"
#include "worker/driver/worker_impl.h"
#include "worker/livekit/agent_seat.h"
#include "worker/livekit/link.h"
#include "worker/livekit/settings.h"

namespace andiron::livekit {

class Source {
 public:
  // InvalidArgument: a URL or a proxy variable that can't be read. FailedPrecondition: libwebsockets can't use libuv.
  static absl::StatusOr<std::unique_ptr<Source>> Create(WorkerImpl& worker, const Settings& settings,
                                                        const Lookup& environment);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // `left` is called from the loop, once, when the last words are said.
  void WhenLeft(std::function<void()> left) { left_ = std::move(left); }
  // Then it is only this that keeps the loop: a look-up that nobody can end.
  bool looks_up() const { return links_->lookups() > 0; }

 private:
  Source(WorkerImpl& worker, std::unique_ptr<Links> links);

  absl::Status TakePlace();
  void Wake();
  void Turn();
  void Rearm();
  void Leave();

  WorkerImpl& worker_;
  std::unique_ptr<Links> links_;
  Settings settings_;
  std::vector<std::unique_ptr<AgentSeat>> seats_;
  UvHandle<uv_prepare_t> prepare_;
  UvHandle<uv_idle_t> idle_;
  UvHandle<uv_timer_t> timer_;
  TimePoint as_of_{};  // the clock at the end of the last turn: older than what the next poll brings
  TimePoint armed_ = kNever;
  bool begun_ = false;  // the first step needs no fact: it opens the links
  std::function<void()> left_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_SOURCE_H_
