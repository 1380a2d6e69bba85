// The jobs of a pool that wait for a place: FIFO within a priority, higher priorities first, promised jobs before all.
//
// Adding at the tail of its priority, taking the first and removing any one are O(log priorities). Jobs are not owned:
// they must stay where they are while queued.
#ifndef ANDIRON_JOBS_JOB_QUEUE_H_
#define ANDIRON_JOBS_JOB_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>

#include "jobs/job.h"

namespace andiron {

class JobQueue {
 public:
  void PushBack(Job& job);
  // For a job that is handed over once more: it has waited already.
  void PushFront(Job& job);
  void Remove(Job& job);
  Job* First() const { return lanes_.empty() ? nullptr : lanes_.begin()->second.first; }
  Job* Next(const Job& job) const;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Lane {
    Job* first = nullptr;
    Job* last = nullptr;
  };
  static std::int64_t LaneOf(const Job& job);

  std::map<std::int64_t, Lane, std::greater<>> lanes_;  // only lanes that hold jobs
  std::size_t size_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_JOB_QUEUE_H_
