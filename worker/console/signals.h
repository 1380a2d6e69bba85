// Signals as calls on the loop.
//
// For a program's main only: it takes over the dispositions of the signals it watches (a library leaves them to its
// host), and unblocks them. Doesn't keep the loop running. Where it ends, its signals are ignored: the program is
// ending, and one that comes now is not to take its exit code from it. One thread.
#ifndef ANDIRON_WORKER_CONSOLE_SIGNALS_H_
#define ANDIRON_WORKER_CONSOLE_SIGNALS_H_

#include <signal.h>

#include <functional>
#include <initializer_list>
#include <vector>

#include "worker/base/uv_handle.h"

namespace andiron {

class Signals {
 public:
  // `arrived` gets the signal's number. SIGHUP stays ignored if it is ignored: somebody started us with nohup.
  Signals(uv_loop_t* loop, std::initializer_list<int> numbers, std::function<void(int)> arrived);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void Watch(uv_loop_t* loop, int number);

  std::function<void(int)> arrived_;
  sigset_t watched_;
  std::vector<UvHandle<uv_signal_t>> handles_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONSOLE_SIGNALS_H_
