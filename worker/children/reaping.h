// Takes the status of a process that has been killed, where nobody will be told of its end any more.
#ifndef ANDIRON_WORKER_CHILDREN_REAPING_H_
#define ANDIRON_WORKER_CHILDREN_REAPING_H_

namespace andiron {

// Waits for its end, `wait_ms` at most, and reaps it. A signal that arrives meanwhile, such as the news of another
// child's death, doesn't cut the wait short. False: it hasn't ended in that time.
bool ReapWithin(int pidfd, int wait_ms);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_REAPING_H_
