#include "worker/livekit/resolve.h"

#include <absl/status/status.h>
#include <netdb.h>

#include <algorithm>
#include <utility>

namespace andiron::livekit {
namespace {

std::vector<std::string> Numeric(const addrinfo* found) {
  std::vector<std::string> addresses;
  for (; found != nullptr; found = found->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) addresses.emplace_back(text);
  }
  return addresses;
}

}  // namespace

void AddressList::Learn(std::vector<std::string> addresses) {
  if (addresses.empty()) return;
  // A resolver that shuffles doesn't restart our turn: it is a number, not an address.
  addresses_ = std::move(addresses);
}

std::vector<std::string> AddressList::Order() const {
  std::vector<std::string> order = addresses_;
  if (order.empty()) return order;
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(turn_ % order.size()), order.end());
  const auto good = std::find(order.begin(), order.end(), good_);
  if (good != order.end()) std::rotate(order.begin(), good, good + 1);
  return order;
}

void AddressList::Failed(const std::string& address) {
  // The good one failed: it is one of many again, and its turn is over too.
  if (address == good_) good_.clear();
  const auto place = std::find(addresses_.begin(), addresses_.end(), address);
  if (place != addresses_.end()) turn_ = static_cast<std::size_t>(place - addresses_.begin()) + 1;
}

void AddressList::Worked(const std::string& address) { good_ = address; }

struct Resolver::Request {
  uv_getaddrinfo_t handle{};
  Resolver* owner = nullptr;  // null once it has been given up
  int* running = nullptr;
};

void Resolver::Start(const std::string& host, Duration timeout, Done done) {
  Cancel();
  host_ = host;
  done_ = std::move(done);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  auto* request = new Request;
  request->handle.data = request;
  request->owner = this;
  request->running = &running_;
  start_error_ = uv_getaddrinfo(loop_, &request->handle, &Resolver::Answered, host.c_str(), nullptr, &hints);
  if (start_error_ == 0) {
    request_ = request;
    ++running_;
  } else {
    delete request;  // the timer says so, at once
  }
  timer_.Init(this, [this](uv_timer_t* timer) { return uv_timer_init(loop_, timer); });
  const auto wait = start_error_ == 0 ? std::chrono::ceil<std::chrono::milliseconds>(timeout).count() : 0;
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        auto* resolver = static_cast<Resolver*>(timer->data);
        if (resolver == nullptr) return;
        const std::string why = resolver->start_error_ == 0 ? "the look-up of " + resolver->host_ + " takes too long"
                                                            : std::string(uv_strerror(resolver->start_error_));
        resolver->Finish(absl::DeadlineExceededError(why));
      },
      static_cast<std::uint64_t>(std::max<std::int64_t>(wait, 0)), 0);
}

void Resolver::Cancel() {
  timer_.Reset();
  if (request_ == nullptr) return;
  request_->owner = nullptr;
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->handle));  // helps if no thread has taken it yet
  request_ = nullptr;
}

void Resolver::Answered(uv_getaddrinfo_t* handle, int status, addrinfo* found) {
  auto* request = static_cast<Request*>(handle->data);
  Resolver* owner = request->owner;
  --*request->running;
  delete request;
  std::vector<std::string> addresses = Numeric(found);
  uv_freeaddrinfo(found);
  if (owner == nullptr) return;
  owner->request_ = nullptr;
  if (status == 0 && !addresses.empty()) {
    owner->Finish(std::move(addresses));
  } else {
    const char* why = status == 0 ? "it has no address" : uv_strerror(status);
    owner->Finish(absl::NotFoundError("the look-up of " + owner->host_ + " failed: " + why));
  }
}

void Resolver::Finish(absl::StatusOr<std::vector<std::string>> result) {
  Cancel();
  const Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace andiron::livekit
