#include "worker/child/running_job.h"

#include <algorithm>
#include <exception>
#include <string>

namespace andiron {

bool RunningJob::WaitCancelled(std::chrono::milliseconds time) {
  // The clock's end is near enough for an overflow; a job that sleeps for a year has no need of more.
  const std::chrono::milliseconds bounded = std::min<std::chrono::milliseconds>(time, std::chrono::hours(24 * 365));
  std::unique_lock lock(mutex_);
  return was_cancelled_.wait_for(lock, bounded, [this] { return cancelled(); });
}

void RunningJob::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_.store(true, std::memory_order_release);
  was_cancelled_.notify_all();
}

JobResult RunCaught(JobHandler& handler, JobContext& job) {
  try {
    return handler.Run(job);
  } catch (const std::exception& exception) {
    return JobResult::Failure(exception.what());
  } catch (...) {
    return JobResult::Failure("the job threw something that is no std::exception");
  }
}

JobResult TooManyJobs(int concurrency) {
  return JobResult::Failure("this child runs " + std::to_string(concurrency) +
                            " at once (ChildOptions::concurrency) and was handed one more: the pool's "
                            "max_concurrent_jobs_per_child is too large for it");
}

}  // namespace andiron
