// Takes the status of a process that has been killed, where nobody will be told of its end any more.
#ifndef ANDIRON_WORKER_CHILDREN_REAPING_H_
#define ANDIRON_WORKER_CHILDREN_REAPING_H_

namespace andiron {

// Waits for its end, about `wait_ms`, and reaps it. In short rounds: a signal that arrives meanwhile, such as the
// news of another child's death, cuts none short, and a machine that stands still costs one. False: it hasn't ended in
// that time.
bool ReapWithin(int pidfd, int wait_ms);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_REAPING_H_
