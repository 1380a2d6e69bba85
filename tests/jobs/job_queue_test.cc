#include "jobs/job_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/shows.h"

namespace andiron {
namespace {

std::vector<int> Order(JobQueue& queue, const Job* base) {
  std::vector<int> order;
  for (const Job* job = queue.First(); job != nullptr; job = queue.Next(*job))
    order.push_back(static_cast<int>(job - base));
  return order;
}

TEST(JobQueue, IsFirstInFirstOutWithinAPriority) {
  Shows("B26");
  std::array<Job, 5> jobs;
  jobs[1].priority = 5;
  jobs[3].priority = 5;
  jobs[4].priority = -1;
  JobQueue queue;
  for (Job& job : jobs) queue.PushBack(job);
  EXPECT_EQ(Order(queue, jobs.data()), (std::vector<int>{1, 3, 0, 2, 4}));
  EXPECT_EQ(queue.size(), 5U);
}

TEST(JobQueue, PromisedJobsGoBeforeEveryPriority) {
  std::array<Job, 2> jobs;
  jobs[0].priority = 1000000;
  jobs[1].promised = true;
  JobQueue queue;
  for (Job& job : jobs) queue.PushBack(job);
  EXPECT_EQ(queue.First(), &jobs[1]);
}

TEST(JobQueue, AJobHandedBackIsFirstOfItsPriority) {
  std::array<Job, 3> jobs;
  JobQueue queue;
  queue.PushBack(jobs[0]);
  queue.PushBack(jobs[1]);
  queue.PushFront(jobs[2]);
  EXPECT_EQ(Order(queue, jobs.data()), (std::vector<int>{2, 0, 1}));
}

TEST(JobQueue, AnyJobCanBeRemoved) {
  std::array<Job, 3> jobs;
  for (std::size_t gone = 0; gone < jobs.size(); ++gone) {
    JobQueue queue;
    for (Job& job : jobs) queue.PushBack(job);
    queue.Remove(jobs[gone]);
    EXPECT_EQ(queue.size(), 2U);
    for (const int left : Order(queue, jobs.data())) EXPECT_NE(left, static_cast<int>(gone));
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (i != gone) queue.Remove(jobs[i]);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.First(), nullptr);
  }
}

}  // namespace
}  // namespace andiron
