// A descriptor with one owner, closed with it. -1 = none.
#ifndef ANDIRON_WORKER_BASE_UNIQUE_FD_H_
#define ANDIRON_WORKER_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace andiron {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int descriptor) : descriptor_(descriptor) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : descriptor_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      descriptor_ = other.Release();
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  int Release() { return std::exchange(descriptor_, -1); }
  void Reset() {
    const int descriptor = Release();
    if (descriptor >= 0) close(descriptor);
  }

 private:
  int descriptor_ = -1;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_UNIQUE_FD_H_
