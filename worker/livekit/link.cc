#include "worker/livekit/link.h"

#include <utility>

#include "worker/livekit/link_impl.h"
#include "worker/livekit/link_library.h"

namespace andiron::livekit {

absl::StatusOr<std::unique_ptr<Links>> Links::Create(uv_loop_t* loop) {
  auto impl = std::make_unique<LinksImpl>(loop);
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Links>(new Links(std::move(impl)));
}

Links::Links(std::unique_ptr<LinksImpl> impl) : impl_(std::move(impl)) {}
Links::~Links() = default;
void Links::Close(std::function<void()> done) { impl_->Close(std::move(done)); }
int Links::lookups() const { return impl_->lookups(); }

Link::Link(Links& links, LinkTarget target, LinkEvents events)
    : impl_(std::make_unique<LinkImpl>(*links.impl_, std::move(target), std::move(events))) {}
Link::~Link() = default;
void Link::Open(const std::string& bearer_token) { impl_->Open(bearer_token); }
bool Link::Send(std::string frame) { return impl_->Send(std::move(frame)); }
void Link::Close(std::string why) { impl_->Close(std::move(why)); }
LinkSample Link::Sample() const { return impl_->Sample(); }
std::size_t Link::unsent() const { return impl_->unsent(); }
bool Link::open() const { return impl_->open(); }
std::string Link::waits_for() const { return impl_->waits_for(); }

}  // namespace andiron::livekit
