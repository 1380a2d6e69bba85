// Runs up to `concurrency` jobs at once, each on a thread of its own; the caller's thread reads the channel all the
// time, so that acknowledgements, pings and cancels wait for no job.
#ifndef ANDIRON_WORKER_CHILD_SIDE_BY_SIDE_H_
#define ANDIRON_WORKER_CHILD_SIDE_BY_SIDE_H_

#include <andiron/child.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ipc/child_messages.h"
#include "worker/child/link.h"
#include "worker/child/running_job.h"
#include "worker/child/wake_event.h"

namespace andiron {

class SideBySide {
 public:
  SideBySide(Link& link, JobHandler& handler, int concurrency)
      : link_(link), handler_(handler), concurrency_(concurrency) {}
  ~SideBySide();
  SideBySide(const SideBySide&) = delete;
  SideBySide& operator=(const SideBySide&) = delete;

  // Starts the threads. "" = done; else what the system refused.
  std::string Start();

  // Until the worker has said stop and the last result has been sent.
  void Serve();

 private:
  void Take(ToChildMessage message);
  void Begin(RunMessage run);
  bool Finished();

  // Each of the threads.
  void RunJobs();

  Link& link_;
  JobHandler& handler_;
  const int concurrency_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_came_;
  std::vector<RunningJob*> jobs_;                    // that have come and not ended
  std::deque<std::unique_ptr<RunningJob>> waiting_;  // for a thread
  std::size_t unanswered_ = 0;                       // jobs whose result has not been sent
  bool stopping_ = false;
  bool ended_ = false;

  WakeEvent wake_;  // to the caller's thread: the last job has ended after a stop
  std::vector<std::thread> threads_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILD_SIDE_BY_SIDE_H_
