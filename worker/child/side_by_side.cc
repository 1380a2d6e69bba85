#include "worker/child/side_by_side.h"

#include <poll.h>

#include <utility>

#include "worker/child/threads.h"

namespace andiron {

SideBySide::~SideBySide() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  work_came_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::string SideBySide::Start() {
  if (!wake_.ok()) return "no descriptor for an event";
  for (int i = 0; i < concurrency_; ++i) {
    std::thread thread;
    std::string refused = StartThread(thread, [this] { RunJobs(); });
    if (!refused.empty()) return refused;
    threads_.push_back(std::move(thread));
  }
  return "";
}

void SideBySide::Serve() {
  for (;;) {
    while (auto message = link_.Next()) Take(std::move(*message));
    if (Finished()) return;
    pollfd waits[] = {{link_.descriptor(), POLLIN, 0}, {wake_.descriptor(), POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) wake_.Clear();
    if (waits[0].revents != 0) link_.Receive();
  }
}

bool SideBySide::Finished() {
  const std::lock_guard lock(mutex_);
  return stopping_ && unanswered_ == 0;
}

void SideBySide::Take(ToChildMessage message) {
  if (auto* run = std::get_if<RunMessage>(&message)) {
    Begin(std::move(*run));
  } else if (const auto* cancel = std::get_if<CancelMessage>(&message)) {
    // A job that isn't here has ended, and its result is on its way.
    const std::lock_guard lock(mutex_);
    for (RunningJob* job : jobs_) {
      if (job->number() == cancel->job) job->Cancel();
    }
  } else if (const auto* ping = std::get_if<PingMessage>(&message)) {
    link_.SendPong(ping->sequence);
  } else {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
}

void SideBySide::Begin(RunMessage run) {
  const std::uint64_t number = run.job;
  link_.SendAck(number);
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() < static_cast<std::size_t>(concurrency_)) {
      waiting_.push_back(std::make_unique<RunningJob>(std::move(run)));
      jobs_.push_back(waiting_.back().get());
      ++unanswered_;
      work_came_.notify_one();
      return;
    }
  }
  link_.SendResult(number, TooManyJobs(concurrency_));
}

void SideBySide::RunJobs() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_came_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const std::unique_ptr<RunningJob> job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const JobResult result = RunCaught(handler_, *job);
    // Before the result goes out: the worker's next job may be on its way while this one still counts.
    lock.lock();
    std::erase(jobs_, job.get());
    lock.unlock();
    link_.SendResult(job->number(), result);
    lock.lock();
    --unanswered_;
    if (stopping_ && unanswered_ == 0) wake_.Set();
  }
}

}  // namespace andiron
