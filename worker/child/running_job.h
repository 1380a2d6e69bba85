// One job in the child: what the handler sees of it, and what the channel's reader does to it.
#ifndef ANDIRON_WORKER_CHILD_RUNNING_JOB_H_
#define ANDIRON_WORKER_CHILD_RUNNING_JOB_H_

#include <andiron/child.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

#include "ipc/child_messages.h"

namespace andiron {

// Any thread.
class RunningJob final : public JobContext {
 public:
  explicit RunningJob(RunMessage run) : run_(std::move(run)) {}
  RunningJob(const RunningJob&) = delete;
  RunningJob& operator=(const RunningJob&) = delete;

  std::uint64_t number() const { return run_.job; }
  std::string_view id() const override { return run_.id; }
  std::string_view payload() const override { return run_.payload; }
  bool cancelled() const override { return cancelled_.load(std::memory_order_acquire); }
  bool WaitCancelled(std::chrono::milliseconds time) override;

  void Cancel();

 private:
  const RunMessage run_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;  // held to set cancelled_, so that no waiter misses it
  std::condition_variable was_cancelled_;
};

// Runs the job; an exception that escapes makes it FAILED.
JobResult RunCaught(JobHandler& handler, JobContext& job);

// What a job gets that a full child is handed: the pool's settings ask for more than the program was built for.
JobResult TooManyJobs(int concurrency);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILD_RUNNING_JOB_H_
