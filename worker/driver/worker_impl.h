// The worker behind the embedding API, with what the sources of jobs and the `andiron` program need beyond it.
//
// Not installed. Threads, errors and lifetime are those of andiron/worker.h.
#ifndef ANDIRON_WORKER_DRIVER_WORKER_IMPL_H_
#define ANDIRON_WORKER_DRIVER_WORKER_IMPL_H_

#include <absl/status/statusor.h>
#include <andiron/worker.h>

#include <functional>
#include <memory>
#include <string>

#include "worker/base/log.h"
#include "worker/driver/adoption.h"
#include "worker/driver/driver.h"
#include "worker/driver/local_source.h"

namespace andiron {

class WorkerImpl final : public Worker {
 public:
  struct Options {
    int log_descriptor = 2;
    bool allow_cgroup = true;
    bool strict = false;  // an impossible state aborts: for tests
    Duration stall_grace = Driver::kStallGrace;
  };

  static absl::StatusOr<std::unique_ptr<WorkerImpl>> Make(uv_loop_s* loop, WorkerSettings settings,
                                                          const Options& options);

  // ---- Worker ----
  JobHandle Submit(JobRequest request, ReportCallback report) override;
  void Cancel(JobHandle job) override;
  void Drain(std::function<void()> done) override;
  void Resume() override;
  void Stop(bool now, std::function<void()> done) override;
  std::string StatusJson() const override;

  // ---- for sources and programs ----
  JobDesk& desk() { return driver_.desk(); }
  Operator& control() { return driver_.control(); }
  Driver& driver() { return driver_; }
  const Driver& driver() const { return driver_; }
  Log& log() { return log_; }
  uv_loop_s* loop() const { return loop_; }
  // As they rule: with every default filled in.
  const WorkerSettings& settings() const { return driver_.settings(); }
  // Every child has ended or is quarantined, after a Stop.
  bool stopped() const { return driver_.stopped(); }

 private:
  WorkerImpl(uv_loop_s* loop, WorkerSettings settings, const Options& options, std::unique_ptr<Adoption> adoption);

  std::unique_ptr<Adoption> adoption_;  // until the last child has been reaped
  uv_loop_s* loop_;
  Log log_;
  mutable Driver driver_;  // telling the loop's lag forgets what is too old to be told
  LocalSource local_;
};

// The same program version that `--version` and `status` tell.
std::string_view Version();

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_WORKER_IMPL_H_
