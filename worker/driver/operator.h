// What people and hosts ask of the whole worker, and who is called back when it has happened.
//
// Posts facts, decides nothing. Callbacks never run from within a call: they are handed to `call_later`, which the
// driver runs at the very end of a turn. The inbox must outlive it.
#ifndef ANDIRON_WORKER_DRIVER_OPERATOR_H_
#define ANDIRON_WORKER_DRIVER_OPERATOR_H_

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "jobs/action.h"
#include "worker/driver/inbox.h"

namespace andiron {

using CallLater = std::function<void(std::function<void()>)>;

class Operator {
 public:
  Operator(Inbox& inbox, CallLater call_later);

  // `done(true)` when no job is left; `done(false)` when a resume has called the drain off.
  void Drain(std::function<void(bool drained)> done);
  // Nothing calls off a stop.
  void Resume();
  // `done` when every child has ended or is quarantined.
  void Stop(bool now, std::function<void()> done);

  // `done` when a child of the pool is ready, or the start that all such callers share has failed, or after `patience`.
  void AwaitReady(std::string pool, Duration patience, std::function<void(InitializeEnd)> done);
  // `done` when the child's process has ended or is quarantined, at once if it isn't there.
  void StopChild(ChildId child, bool force, std::function<void(const StopAnswered&)> done);

  // ---- the core's answers ----
  void Perform(const Drained& answer);
  void Perform(const WorkerStopped& answer);
  void Perform(const WaiterAnswered& answer);
  void Perform(const StopAnswered& answer);

  // A stop was asked for: nothing calls it off.
  bool stopping() const { return stopping_; }
  bool stopped() const { return stopped_; }
  // How many there have been: who waits for a drain's end without a callback sees that it was called off.
  std::uint64_t resumes() const { return resumes_; }
  // Whether something was asked or answered since the last call that may have changed the worker's state.
  bool TakeNews();

 private:
  Inbox& inbox_;
  CallLater call_later_;
  bool stopping_ = false;
  bool stopped_ = false;
  bool news_ = false;
  std::uint64_t resumes_ = 0;
  std::uint64_t last_waiter_ = 0;
  std::vector<std::function<void(bool)>> drain_callers_;
  std::vector<std::function<void()>> stop_callers_;
  absl::flat_hash_map<std::uint64_t, std::function<void(InitializeEnd)>> ready_callers_;
  absl::flat_hash_map<std::uint64_t, std::function<void(const StopAnswered&)>> child_callers_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_OPERATOR_H_
