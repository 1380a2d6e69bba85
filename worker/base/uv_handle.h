// Ownership of a libuv handle: like a unique_ptr, but the memory outlives its owner by one loop turn.
//
//     UvHandle<uv_timer_t> timer;
//     if (int error = timer.Init(this, [&](uv_timer_t* handle) { return uv_timer_init(loop, handle); })) ...
//
// The destructor (or Reset) clears handle->data, so that nothing finds the old owner, and calls uv_close; the close
// callback frees the memory. A descriptor that the handle watched may be closed as soon as Reset has returned.
// The loop must run once more before uv_loop_close. One thread; Live() may be asked from any.
#ifndef ANDIRON_WORKER_BASE_UV_HANDLE_H_
#define ANDIRON_WORKER_BASE_UV_HANDLE_H_

#include <uv.h>

#include <atomic>
#include <utility>

namespace andiron {

template <typename T>
class UvHandle {
 public:
  UvHandle() = default;
  ~UvHandle() { Reset(); }
  UvHandle(UvHandle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  UvHandle& operator=(UvHandle&& other) noexcept {
    if (this != &other) {
      Reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;

  // Runs `init` (one of uv_*_init) on new memory and points handle->data to `owner`. Returns what `init` returned;
  // after an error there is no handle: the uv_*_init functions that we use register nothing when they fail.
  template <typename InitFunction>
  int Init(void* owner, InitFunction init) {
    Reset();
    T* handle = new T{};
    const int error = init(handle);
    if (error != 0) {
      delete handle;
      return error;
    }
    handle->data = owner;
    handle_ = handle;
    live_.fetch_add(1, std::memory_order_relaxed);
    return 0;
  }

  void Reset() {
    T* handle = std::exchange(handle_, nullptr);
    if (handle == nullptr) return;
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) {
      delete reinterpret_cast<T*>(closed);
      live_.fetch_sub(1, std::memory_order_relaxed);
    });
  }

  T* get() const { return handle_; }
  T* operator->() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

  // Keeps the loop running while it is active, as every handle does at first; or doesn't. Without a handle: nothing.
  void Ref() {
    if (handle_ != nullptr) uv_ref(reinterpret_cast<uv_handle_t*>(handle_));
  }
  void Unref() {
    if (handle_ != nullptr) uv_unref(reinterpret_cast<uv_handle_t*>(handle_));
  }

  // The census: handles of this type whose memory hasn't been freed yet, in this process. A test that ends with zero
  // has leaked none.
  static int Live() { return live_.load(std::memory_order_relaxed); }

 private:
  static inline std::atomic<int> live_{0};
  T* handle_ = nullptr;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_UV_HANDLE_H_
