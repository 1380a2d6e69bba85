// Runs jobs on the caller's thread, one at a time, at the cost of the system calls alone.
//
// While there is no job, the caller's thread itself reads the channel: a job needs no hop between threads. While a job
// runs, nobody reads, until it has run for kTakeOver: then a second thread, the attendant, reads, answers pings and
// delivers cancels until the job ends, and hands the channel back. The attendant sleeps on a timer that is set when a
// job begins and is left to run out: with short jobs it wakes once in kTakeOver at most and never for a job, and an
// idle child sleeps without an end.
#ifndef ANDIRON_WORKER_CHILD_ONE_BY_ONE_H_
#define ANDIRON_WORKER_CHILD_ONE_BY_ONE_H_

#include <andiron/child.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "ipc/child_messages.h"
#include "worker/base/unique_fd.h"
#include "worker/child/link.h"
#include "worker/child/running_job.h"
#include "worker/child/wake_event.h"

namespace andiron {

class OneByOne {
 public:
  // A ping or cancel waits this long for its reader, and at most twice as long.
  static constexpr std::chrono::milliseconds kTakeOver{10};

  // What ps and gdb call that thread.
  static constexpr const char* kAttendantName = "attendant";

  OneByOne(Link& link, JobHandler& handler) : link_(link), handler_(handler) {}
  ~OneByOne();
  OneByOne(const OneByOne&) = delete;
  OneByOne& operator=(const OneByOne&) = delete;

  // Starts the attendant. "" = done; else what the system refused.
  std::string Start();

  // Until the worker says stop.
  void Serve();

 private:
  enum class ReadBy { kCaller, kNobody, kAttendant };

  void Run(RunningJob& job);
  void Take(ToChildMessage message);

  // The attendant.
  void Attend();
  bool TakeOver();
  void ReadUntilWoken();
  void HandBack();
  void SetTimer();

  Link& link_;
  JobHandler& handler_;

  // Belong to whoever reads the channel.
  std::unique_ptr<RunningJob> next_;  // has come and not begun
  bool stopping_ = false;

  std::mutex mutex_;  // guards what follows
  std::condition_variable handed_back_;
  ReadBy read_by_ = ReadBy::kCaller;
  RunningJob* running_ = nullptr;
  std::uint64_t jobs_ = 0;           // begun so far
  std::uint64_t jobs_at_timer_ = 0;  // as it was when the timer was set
  bool timer_set_ = false;
  bool ended_ = false;

  UniqueFd timer_;
  WakeEvent wake_;  // to the attendant: hand back, or end
  std::thread attendant_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILD_ONE_BY_ONE_H_
