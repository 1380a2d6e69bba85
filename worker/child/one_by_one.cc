#include "worker/child/one_by_one.h"

#include <poll.h>
#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/child/threads.h"

namespace andiron {

OneByOne::~OneByOne() {
  if (!attendant_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.Set();
  attendant_.join();
}

std::string OneByOne::Start() {
  timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_ || !wake_.ok()) return std::string("no descriptor for a timer: ") + std::strerror(errno);
  return StartQuietThread(attendant_, [this] { Attend(); });
}

void OneByOne::Serve() {
  for (;;) {
    while (!next_ && !stopping_) {
      if (auto message = link_.Next()) {
        Take(std::move(*message));
      } else {
        link_.Receive();
      }
    }
    if (!next_) return;
    const std::unique_ptr<RunningJob> job = std::move(next_);
    Run(*job);
  }
}

void OneByOne::Run(RunningJob& job) {
  link_.SendAck(job.number());
  {
    const std::lock_guard lock(mutex_);
    running_ = &job;
    read_by_ = ReadBy::kNobody;
    ++jobs_;
    if (!timer_set_) SetTimer();
  }
  const JobResult result = RunCaught(handler_, job);
  {
    // Before the result goes out: the worker's next job may be on its way while this one still counts.
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
  }
  link_.SendResult(job.number(), result);
  std::unique_lock lock(mutex_);
  if (read_by_ == ReadBy::kAttendant) {
    wake_.Set();
    handed_back_.wait(lock, [this] { return read_by_ != ReadBy::kAttendant; });
  }
  read_by_ = ReadBy::kCaller;
}

// Called by whoever reads the channel.
void OneByOne::Take(ToChildMessage message) {
  if (auto* run = std::get_if<RunMessage>(&message)) {
    const std::uint64_t number = run->job;
    std::unique_lock lock(mutex_);
    if (running_ == nullptr && !next_) {
      next_ = std::make_unique<RunningJob>(std::move(*run));
      return;
    }
    lock.unlock();
    link_.SendAck(number);
    link_.SendResult(number, TooManyJobs(1));
  } else if (const auto* cancel = std::get_if<CancelMessage>(&message)) {
    // A job that isn't here has ended, and its result is on its way.
    const std::lock_guard lock(mutex_);
    if (running_ != nullptr && running_->number() == cancel->job) running_->Cancel();
    if (next_ && next_->number() == cancel->job) next_->Cancel();
  } else if (const auto* ping = std::get_if<PingMessage>(&message)) {
    link_.SendPong(ping->sequence);
  } else {
    stopping_ = true;
  }
}

void OneByOne::Attend() {
  pthread_setname_np(pthread_self(), kAttendantName);
  for (;;) {
    pollfd waits[] = {{timer_.get(), POLLIN, 0}, {wake_.descriptor(), POLLIN, 0}};
    poll(waits, 2, -1);
    if (TakeOver()) {
      ReadUntilWoken();
      HandBack();
    }
    const std::lock_guard lock(mutex_);
    if (ended_) return;
  }
}

// True: the job that ran when the timer was set still runs, and the channel is the attendant's now.
bool OneByOne::TakeOver() {
  std::uint64_t runs_out = 0;
  if (read(timer_.get(), &runs_out, sizeof runs_out) < 0) return false;
  const std::lock_guard lock(mutex_);
  timer_set_ = false;
  if (running_ == nullptr) return false;
  if (jobs_ != jobs_at_timer_) {
    SetTimer();
    return false;
  }
  read_by_ = ReadBy::kAttendant;
  return true;
}

void OneByOne::ReadUntilWoken() {
  for (;;) {
    while (auto message = link_.Next()) Take(std::move(*message));
    pollfd waits[] = {{link_.descriptor(), POLLIN, 0}, {wake_.descriptor(), POLLIN, 0}};
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) return;
    link_.Receive();
  }
}

void OneByOne::HandBack() {
  wake_.Clear();
  const std::lock_guard lock(mutex_);
  read_by_ = ReadBy::kCaller;
  handed_back_.notify_one();
}

void OneByOne::SetTimer() {
  itimerspec once{};
  once.it_value.tv_nsec = std::chrono::nanoseconds(kTakeOver).count();
  timerfd_settime(timer_.get(), 0, &once, nullptr);
  jobs_at_timer_ = jobs_;
  timer_set_ = true;
}

}  // namespace andiron
