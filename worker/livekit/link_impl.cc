#include "worker/livekit/link_impl.h"

#include <utility>

#include "worker/livekit/link_text.h"

namespace andiron::livekit {
namespace {

std::uint64_t Milliseconds(Duration time) {
  const auto count = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

std::string Seconds(Duration time) {
  const auto tenths = std::chrono::round<std::chrono::milliseconds>(time).count() / 100;
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " s";
}

}  // namespace

LinkImpl::LinkImpl(LinksImpl& library, LinkTarget target, LinkEvents events)
    : library_(library),
      target_(std::move(target)),
      events_(std::move(events)),
      resolver_(library.loop(), library.lookups()),
      wire_(library, target_,
            WireEvents{[this] { WireUp(); },
                       [this](std::string_view message, bool binary) { events_.message(message, binary); },
                       [this](const WireEnd& end) { WireDown(end); }}) {}

const std::string& LinkImpl::dialed_host() const { return target_.proxy ? target_.proxy->host : target_.url.host; }

void LinkImpl::Open(const std::string& token) {
  if (state_ != State::kIdle) return;
  token_ = token;
  failure_.clear();
  untried_.clear();
  attempt_timer_.Init(this, [this](uv_timer_t* timer) { return uv_timer_init(library_.loop(), timer); });
  uv_timer_start(
      attempt_timer_.get(),
      [](uv_timer_t* timer) {
        auto* link = static_cast<LinkImpl*>(timer->data);
        if (link == nullptr) return;
        link->End("not open after " + Seconds(link->target_.attempt_timeout) + ": waited for " + link->waits_for(),
                  false);
      },
      Milliseconds(target_.attempt_timeout), 0);
  if (absl::Status status = wire_.Prepare(); !status.ok()) {
    End(std::string(status.message()), false);
    return;
  }
  const std::string& host = dialed_host();
  if (IsAddress(host)) {
    LookedUp(std::vector<std::string>{host});
    return;
  }
  state_ = State::kLookingUp;
  resolver_.Start(host, target_.lookup_timeout,
                  [this](absl::StatusOr<std::vector<std::string>> result) { LookedUp(std::move(result)); });
}

void LinkImpl::LookedUp(absl::StatusOr<std::vector<std::string>> result) {
  if (result.ok()) {
    addresses_.Learn(*std::move(result));
  } else if (addresses_.empty()) {
    End(std::string(result.status().message()), false);
    return;
  }
  for (std::string& address : addresses_.Order()) untried_.push_back(std::move(address));
  state_ = State::kConnecting;
  TryNextAddress();
}

void LinkImpl::TryNextAddress() {
  address_timer_.Reset();
  address_.clear();
  while (!untried_.empty()) {
    address_ = std::move(untried_.front());
    untried_.pop_front();
    const absl::Status status = wire_.Connect(address_, token_);
    if (status.ok()) break;
    failure_ = "no connection to " +
               HostAndPort(dialed_host(), target_.proxy ? target_.proxy->port : target_.url.port) + " (" + address_ +
               "): " + std::string(status.message());
    addresses_.Failed(address_);
    address_.clear();
  }
  if (address_.empty()) {
    End(failure_, false);
  } else if (!untried_.empty()) {
    address_timer_.Init(this, [this](uv_timer_t* timer) { return uv_timer_init(library_.loop(), timer); });
    uv_timer_start(
        address_timer_.get(),
        [](uv_timer_t* timer) {
          if (timer->data != nullptr) static_cast<LinkImpl*>(timer->data)->AddressTimedOut();
        },
        Milliseconds(target_.address_timeout), 0);
  }
}

void LinkImpl::AddressTimedOut() {
  if (state_ != State::kConnecting || wire_.stage() != WireStage::kAddress) return;
  addresses_.Failed(address_);
  wire_.Abandon();
  TryNextAddress();
}

void LinkImpl::WireUp() {
  attempt_timer_.Reset();
  address_timer_.Reset();
  state_ = State::kOpen;
  addresses_.Worked(address_);
  events_.opened();
}

void LinkImpl::WireDown(const WireEnd& end) {
  failure_ = EndText(end, target_, address_, token_);
  if (state_ == State::kConnecting) addresses_.Failed(address_);
  if (end.stage == WireStage::kAddress && !untried_.empty()) {
    Later();
    return;
  }
  End(failure_, end.http_status == 401);
}

void LinkImpl::Close(std::string why) {
  if (state_ == State::kIdle || state_ == State::kEnded) return;
  wire_.Flush();
  End(std::move(why), false);
}

void LinkImpl::End(std::string what, bool credentials_refused) {
  if (state_ == State::kConnecting && wire_.stage() != WireStage::kNone) addresses_.Failed(address_);
  state_ = State::kEnded;
  end_text_ = std::move(what);
  credentials_refused_ = credentials_refused;
  resolver_.Cancel();
  attempt_timer_.Reset();
  address_timer_.Reset();
  wire_.Abandon();
  token_.clear();
  address_.clear();
  Later();
}

void LinkImpl::Later() {
  if (later_) return;
  later_.Init(this, [this](uv_idle_t* idle) { return uv_idle_init(library_.loop(), idle); });
  uv_idle_start(later_.get(), [](uv_idle_t* idle) {
    if (idle->data != nullptr) static_cast<LinkImpl*>(idle->data)->GoOn();
  });
}

void LinkImpl::GoOn() {
  later_.Reset();
  if (state_ == State::kConnecting) {
    TryNextAddress();
  } else if (state_ == State::kEnded) {
    state_ = State::kIdle;
    events_.closed(std::exchange(end_text_, std::string()), credentials_refused_);
  }
}

std::string LinkImpl::waits_for() const {
  switch (state_) {
    case State::kIdle:
    case State::kOpen:
    case State::kEnded:
      return "";
    case State::kLookingUp:
      return "the look-up of " + dialed_host();
    case State::kConnecting:
      return WaitText(wire_.stage(), target_, address_);
  }
  return "";
}

}  // namespace andiron::livekit
