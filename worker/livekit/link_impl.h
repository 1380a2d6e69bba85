// How an attempt goes: look-up, one address after the other, open, end. And each end is said once, in a turn of its
// own.
//
// One thread: the loop's.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_IMPL_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_IMPL_H_

#include <absl/status/statusor.h>

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/uv_handle.h"
#include "worker/livekit/link.h"
#include "worker/livekit/link_library.h"
#include "worker/livekit/link_wire.h"
#include "worker/livekit/resolve.h"

namespace andiron::livekit {

class LinkImpl {
 public:
  LinkImpl(LinksImpl& library, LinkTarget target, LinkEvents events);
  LinkImpl(const LinkImpl&) = delete;
  LinkImpl& operator=(const LinkImpl&) = delete;

  void Open(const std::string& token);
  bool Send(std::string frame) { return state_ == State::kOpen && wire_.Send(std::move(frame)); }
  void Close(std::string why);
  LinkSample Sample() const { return wire_.Sample(); }
  std::size_t unsent() const { return wire_.unsent(); }
  bool open() const { return state_ == State::kOpen; }
  std::string waits_for() const;

 private:
  enum class State {
    kIdle,        // Open()
    kLookingUp,   // the resolver
    kConnecting,  // the wire
    kOpen,        // an end
    kEnded,       // the turn in which that is said
  };

  void WireUp();
  void WireDown(const WireEnd& end);
  void LookedUp(absl::StatusOr<std::vector<std::string>> result);
  void TryNextAddress();
  void AddressTimedOut();
  void End(std::string what, bool credentials_refused);
  // Goes on in the next turn, out of the caller's or the library's way.
  void Later();
  void GoOn();
  const std::string& dialed_host() const;

  LinksImpl& library_;
  const LinkTarget target_;
  const LinkEvents events_;
  State state_ = State::kIdle;
  std::string token_;
  AddressList addresses_;
  std::deque<std::string> untried_;  // of this attempt
  std::string address_;              // the one that is tried, or connected
  std::string failure_;              // of the address tried last
  std::string end_text_;
  bool credentials_refused_ = false;
  Resolver resolver_;
  Wire wire_;
  UvHandle<uv_idle_t> later_;
  UvHandle<uv_timer_t> attempt_timer_;
  UvHandle<uv_timer_t> address_timer_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_IMPL_H_
