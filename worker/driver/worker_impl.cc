#include "worker/driver/worker_impl.h"

#include <random>
#include <utility>
#include <vector>

#include "jobs/settings_rules.h"
#include "worker/driver/cpus.h"
#include "worker/driver/prepare_process.h"

namespace andiron {
namespace {

Driver::Options DriverOptions(const WorkerSettings& settings, const WorkerImpl::Options& options, bool adopts) {
  std::random_device random;
  Driver::Options made;
  made.stall_grace = options.stall_grace;
  made.children.worker_name = settings.name;
  made.children.allow_cgroup = options.allow_cgroup;
  made.children.adopt_orphans = adopts;
  made.children.keep = ProcessIsPrepared();
  made.seed = (std::uint64_t{random()} << 32) | random();
  made.strict = options.strict;
  return made;
}

}  // namespace

WorkerImpl::WorkerImpl(uv_loop_s* loop, WorkerSettings settings, const Options& options,
                       std::unique_ptr<Adoption> adoption)
    : adoption_(std::move(adoption)),
      loop_(loop),
      log_(options.log_descriptor, settings.log_level, settings.log_format),
      driver_(loop, log_, settings, DriverOptions(settings, options, adoption_->claimed())),
      local_(driver_.desk(), [this](std::function<void()> call) { driver_.Later(std::move(call)); }) {}

absl::StatusOr<std::unique_ptr<WorkerImpl>> WorkerImpl::Make(uv_loop_s* loop, WorkerSettings settings,
                                                             const Options& options) {
  const int cpus = ContainerCpus();
  for (PoolSettings& pool : settings.pools) ResolveDefaults(pool, cpus);
  std::string wrong;
  for (const std::string& sentence : Contradictions(settings)) wrong += (wrong.empty() ? "" : "\n") + sentence;
  if (!wrong.empty()) return absl::InvalidArgumentError(wrong);
  auto adoption = std::make_unique<Adoption>();
  if (!adoption->Claim()) {
    return absl::FailedPreconditionError(
        "this process adopts orphans (it is a subreaper, or process 1) and has a worker already, and two would take "
        "each other's children for orphans: give one worker several pools");
  }
  std::unique_ptr<WorkerImpl> worker(new WorkerImpl(loop, std::move(settings), options, std::move(adoption)));
  if (absl::Status started = worker->driver_.Start(); !started.ok()) return started;
  return worker;
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(uv_loop_s* loop, WorkerSettings settings) {
  auto worker = WorkerImpl::Make(loop, std::move(settings), {});
  if (!worker.ok()) return worker.status();
  return std::unique_ptr<Worker>(*std::move(worker));
}

JobHandle WorkerImpl::Submit(JobRequest request, ReportCallback report) {
  return local_.Submit(std::move(request), std::move(report));
}

void WorkerImpl::Cancel(JobHandle job) { local_.Cancel(job); }

void WorkerImpl::Drain(std::function<void()> done) {
  driver_.control().Drain([call = std::move(done)](bool) {
    if (call) call();
  });
}

void WorkerImpl::Resume() { driver_.control().Resume(); }
void WorkerImpl::Stop(bool now, std::function<void()> done) { driver_.control().Stop(now, std::move(done)); }
std::string WorkerImpl::StatusJson() const { return driver_.StatusJson(); }

std::string_view Version() { return ANDIRON_VERSION; }

}  // namespace andiron
