// Addresses of a host: looked up by libuv's threads under a deadline, and which of them to try first.
//
// One thread: the loop's. A look-up that was given up goes on in the resolver, which can't be interrupted; its answer
// goes nowhere, and its count stays up until then.
#ifndef ANDIRON_WORKER_LIVEKIT_RESOLVE_H_
#define ANDIRON_WORKER_LIVEKIT_RESOLVE_H_

#include <absl/status/statusor.h>
#include <andiron/time.h>
#include <uv.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "worker/base/uv_handle.h"

namespace andiron::livekit {

// Numeric addresses in the order in which to try them. Pure.
class AddressList {
 public:
  // What a look-up has found; nothing is forgotten if it found nothing.
  void Learn(std::vector<std::string> addresses);
  bool empty() const { return addresses_.empty(); }
  // The one that worked last comes first, then the others from where the last attempts have got to: over some attempts
  // each has its turn, also where each attempt has time for one only.
  std::vector<std::string> Order() const;
  void Failed(const std::string& address);
  void Worked(const std::string& address);

 private:
  std::vector<std::string> addresses_;
  std::string good_;
  std::size_t turn_ = 0;  // where the others begin
};

// One look-up at a time.
class Resolver {
 public:
  // `running` counts the requests that libuv still has; it outlives them all.
  Resolver(uv_loop_t* loop, int& running) : loop_(loop), running_(running) {}
  ~Resolver() { Cancel(); }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Each address once, as the resolver orders them, or why there is none. Never from within Start. `done` may start the
  // next one.
  using Done = std::function<void(absl::StatusOr<std::vector<std::string>>)>;
  void Start(const std::string& host, Duration timeout, Done done);
  // Done isn't called any more.
  void Cancel();

 private:
  struct Request;
  static void Answered(uv_getaddrinfo_t* request, int status, addrinfo* found);
  void Finish(absl::StatusOr<std::vector<std::string>> result);

  uv_loop_t* loop_;
  int& running_;
  Request* request_ = nullptr;  // owned by libuv until it answers
  UvHandle<uv_timer_t> timer_;
  int start_error_ = 0;
  std::string host_;
  Done done_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_RESOLVE_H_
