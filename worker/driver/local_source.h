// Jobs of the program that embeds the worker: Submit with a callback.
//
// Each callback is called exactly once, with the refusal or the outcome, at the end of a turn, never from within
// Submit. A handle stays good after its job has ended: cancelling it then does nothing. The desk must outlive it.
#ifndef ANDIRON_WORKER_DRIVER_LOCAL_SOURCE_H_
#define ANDIRON_WORKER_DRIVER_LOCAL_SOURCE_H_

#include <absl/container/flat_hash_map.h>
#include <andiron/worker.h>

#include <cstdint>
#include <string>

#include "worker/driver/job_desk.h"
#include "worker/driver/operator.h"
#include "worker/job_source.h"

namespace andiron {

class LocalSource final : public JobSource {
 public:
  LocalSource(JobDesk& desk, CallLater call_later) : desk_(desk), call_later_(std::move(call_later)) {}

  JobHandle Submit(JobRequest request, ReportCallback report);
  void Cancel(JobHandle job);

  void OnAccepted(JobNumber) override {}
  void OnRefused(const Refused& refused) override;
  void OnStarted(JobNumber, ChildId) override {}
  void OnOutcome(JobEnd& end) override;

 private:
  struct Waiting {
    std::string id;
    ReportCallback report;
  };

  void Report(JobNumber job, JobReport report);

  JobDesk& desk_;
  CallLater call_later_;
  absl::flat_hash_map<std::uint64_t, Waiting> waiting_;  // by job number
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_LOCAL_SOURCE_H_
