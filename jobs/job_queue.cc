#include "jobs/job_queue.h"

#include <iterator>
#include <limits>

namespace andiron {

std::int64_t JobQueue::LaneOf(const Job& job) {
  return job.promised ? std::numeric_limits<std::int64_t>::max() : job.priority;
}

void JobQueue::PushBack(Job& job) {
  Lane& lane = lanes_[LaneOf(job)];
  job.before = lane.last;
  job.behind = nullptr;
  (lane.last != nullptr ? lane.last->behind : lane.first) = &job;
  lane.last = &job;
  ++size_;
}

void JobQueue::PushFront(Job& job) {
  Lane& lane = lanes_[LaneOf(job)];
  job.before = nullptr;
  job.behind = lane.first;
  (lane.first != nullptr ? lane.first->before : lane.last) = &job;
  lane.first = &job;
  ++size_;
}

void JobQueue::Remove(Job& job) {
  const auto place = lanes_.find(LaneOf(job));
  Lane& lane = place->second;
  (job.before != nullptr ? job.before->behind : lane.first) = job.behind;
  (job.behind != nullptr ? job.behind->before : lane.last) = job.before;
  job.before = job.behind = nullptr;
  if (lane.first == nullptr) lanes_.erase(place);
  --size_;
}

Job* JobQueue::Next(const Job& job) const {
  if (job.behind != nullptr) return job.behind;
  const auto next = std::next(lanes_.find(LaneOf(job)));
  return next == lanes_.end() ? nullptr : next->second.first;
}

}  // namespace andiron
