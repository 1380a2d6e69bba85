// Starting threads where the system may refuse.
#ifndef ANDIRON_WORKER_CHILD_THREADS_H_
#define ANDIRON_WORKER_CHILD_THREADS_H_

#include <pthread.h>
#include <signal.h>

#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace andiron {

// "" = it runs; else what the system refused.
template <typename Body>
std::string StartThread(std::thread& thread, Body body) {
  try {
    thread = std::thread(std::move(body));
  } catch (const std::system_error& error) {
    return std::string("no thread: ") + error.what();
  }
  return "";
}

// A thread that no signal is ever delivered to: the program's handlers run on the program's threads.
template <typename Body>
std::string StartQuietThread(std::thread& thread, Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::string refused = StartThread(thread, std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return refused;
}

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILD_THREADS_H_
