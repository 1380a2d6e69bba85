// Wakes a thread that sleeps in poll(): readable from Set() to Clear().
#ifndef ANDIRON_WORKER_CHILD_WAKE_EVENT_H_
#define ANDIRON_WORKER_CHILD_WAKE_EVENT_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "worker/base/unique_fd.h"

namespace andiron {

// Any thread.
class WakeEvent {
 public:
  WakeEvent() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // False: there was no descriptor left for it.
  bool ok() const { return static_cast<bool>(descriptor_); }
  int descriptor() const { return descriptor_.get(); }

  void Set() {
    const std::uint64_t one = 1;
    // Fails only on a counter that is full, and then it is readable.
    [[maybe_unused]] const ssize_t written = write(descriptor_.get(), &one, sizeof one);
  }

  void Clear() {
    std::uint64_t count = 0;
    // Fails only on a counter that is empty.
    [[maybe_unused]] const ssize_t taken = read(descriptor_.get(), &count, sizeof count);
  }

 private:
  UniqueFd descriptor_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILD_WAKE_EVENT_H_
