#include "worker/driver/local_source.h"

#include <utility>

#include "worker/driver/end_text.h"

namespace andiron {

JobHandle LocalSource::Submit(JobRequest request, ReportCallback report) {
  JobSubmitted job;
  job.id = request.id.empty() ? desk_.MakeUpId() : std::move(request.id);
  job.pool = std::move(request.pool);
  job.payload = std::move(request.payload);
  job.start_by = request.start_by;
  job.run_for = request.run_for;
  job.priority = request.priority;
  std::string id = job.id;
  const JobNumber number = desk_.Submit(*this, std::move(job));
  waiting_.emplace(static_cast<std::uint64_t>(number), Waiting{std::move(id), std::move(report)});
  return static_cast<JobHandle>(number);
}

void LocalSource::Cancel(JobHandle job) { desk_.Cancel(static_cast<JobNumber>(job), std::nullopt); }

void LocalSource::OnRefused(const Refused& refused) {
  JobReport report;
  report.refused = true;
  report.refusal = refused.reason;
  report.retry_after = refused.retry_after;
  report.error = ExplainRefusal(refused.reason, desk_.pools());
  Report(refused.job, std::move(report));
}

void LocalSource::OnOutcome(JobEnd& end) {
  JobReport report;
  report.outcome = end.report.outcome;
  if (report.outcome == Outcome::kSucceeded) report.output = std::move(end.report.result);
  report.error = std::move(end.error);
  report.queued = end.report.queued;
  report.ran = end.report.ran;
  report.child = std::move(end.child);
  report.signal = end.signal;
  report.still_running = end.report.still_running;
  Report(end.report.job, std::move(report));
}

void LocalSource::Report(JobNumber job, JobReport report) {
  auto waiting = waiting_.extract(static_cast<std::uint64_t>(job));
  if (waiting.empty()) return;
  report.id = std::move(waiting.mapped().id);
  if (!waiting.mapped().report) return;
  call_later_([call = std::move(waiting.mapped().report), told = std::move(report)] { call(told); });
}

}  // namespace andiron
