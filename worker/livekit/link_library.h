// libwebsockets' context on our loop: made once, shared by all links, and taken off the loop again.
//
// The library holds the number of a wire, never its address: what it still says about one that is gone finds nobody.
// One thread: the loop's.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_LIBRARY_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_LIBRARY_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "worker/base/uv_handle.h"
#include "worker/livekit/link_tls.h"

struct lws_context;

namespace andiron::livekit {

class Wire;

// What one read of the library may bring, and the part of a message that it hands over at a time.
inline constexpr std::size_t kLibraryBuffer = std::size_t{16} << 10;
// The library's own limit for each step of a connection; the link's own ones are shorter.
inline constexpr unsigned kLibraryTimeoutSeconds = 90;

class LinksImpl {
 public:
  explicit LinksImpl(uv_loop_t* loop) : loop_(loop) {}
  LinksImpl(const LinksImpl&) = delete;
  LinksImpl& operator=(const LinksImpl&) = delete;

  absl::Status Start();
  void Close(std::function<void()> done);

  uv_loop_t* loop() const { return loop_; }
  lws_context* context() const { return context_; }
  int& lookups() { return lookups_; }
  SystemAuthorities& authorities() { return authorities_; }

  // A number by which the library's callbacks find the wire until it is forgotten.
  std::uintptr_t Remember(Wire* wire);
  void Forget(std::uintptr_t number) { wires_.erase(number); }
  Wire* Find(std::uintptr_t number) const;

 private:
  void NoteHandles(const std::vector<uv_handle_t*>& before);
  void HoldWakeupNumber() const;
  void LookWhetherGone();

  uv_loop_t* loop_;
  lws_context* context_ = nullptr;     // the library sets it to null when it has freed it
  std::vector<uv_handle_t*> handles_;  // the context's own, in its memory: a timer and an idle handle
  int wakeup_descriptor_ = -1;         // the context's own
  int lookups_ = 0;
  SystemAuthorities authorities_;
  std::uintptr_t last_number_ = 0;
  absl::flat_hash_map<std::uintptr_t, Wire*> wires_;
  std::function<void()> done_;
  UvHandle<uv_timer_t> timer_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_LIBRARY_H_
