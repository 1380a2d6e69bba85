#include "worker/livekit/link_library.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "worker/livekit/link_wire.h"

namespace andiron::livekit {
namespace {

// Connections that there may be at once, dying ones too. Without a number of ours the library makes tables as large as
// the process's limit of descriptors.
constexpr unsigned kConnectionsMax = 1024;
// Headers of an answer: load balancers send large cookies.
constexpr unsigned short kHeaderBytes = 16384;
constexpr std::uint64_t kLookMs = 2;

std::vector<uv_handle_t*> HandlesOn(uv_loop_t* loop) {
  std::vector<uv_handle_t*> handles;
  uv_walk(
      loop, [](uv_handle_t* handle, void* all) { static_cast<std::vector<uv_handle_t*>*>(all)->push_back(handle); },
      &handles);
  return handles;
}

bool Contains(const std::vector<uv_handle_t*>& handles, const uv_handle_t* handle) {
  return std::find(handles.begin(), handles.end(), handle) != handles.end();
}

}  // namespace

absl::Status LinksImpl::Start() {
  lws_set_log_level(0, nullptr);
  void* loops[] = {loop_};
  lws_context_creation_info options{};
  options.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  options.foreign_loops = loops;
  options.port = CONTEXT_PORT_NO_LISTEN;
  options.fd_limit_per_thread = kConnectionsMax;
  options.pt_serv_buf_size = kLibraryBuffer;
  options.max_http_header_data = kHeaderBytes;
  options.timeout_secs = kLibraryTimeoutSeconds;
  options.pcontext = &context_;
  options.user = this;

  const std::vector<uv_handle_t*> before = HandlesOn(loop_);
  // The library sets SIGPIPE to "ignore" for the whole process. That is the host's matter; our writes raise none.
  struct sigaction pipe_action{};
  sigaction(SIGPIPE, nullptr, &pipe_action);
  context_ = lws_create_context(&options);
  sigaction(SIGPIPE, &pipe_action, nullptr);
  if (context_ == nullptr) {
    return absl::UnavailableError(
        "libwebsockets can't work on libuv's loop; mostly its libuv part is missing: install the package "
        "libwebsockets-evlib-uv");
  }
  NoteHandles(before);
  return absl::OkStatus();
}

void LinksImpl::NoteHandles(const std::vector<uv_handle_t*>& before) {
  for (uv_handle_t* handle : HandlesOn(loop_)) {
    if (Contains(before, handle)) continue;
    if (uv_handle_get_type(handle) == UV_POLL) {
      uv_fileno(handle, &wakeup_descriptor_);
    } else {
      handles_.push_back(handle);
    }
  }
}

// libwebsockets 4.1 has closed its wake-up descriptor by now, and closes the same number once more in a later turn,
// whosever it is by then. So something stands there that is nobody's.
void LinksImpl::HoldWakeupNumber() const {
  const int placeholder = fcntl(uv_backend_fd(loop_), F_DUPFD_CLOEXEC, wakeup_descriptor_);
  if (placeholder >= 0 && placeholder != wakeup_descriptor_) close(placeholder);
}

void LinksImpl::Close(std::function<void()> done) {
  done_ = std::move(done);
  if (context_ != nullptr) {
    lws_context_destroy(context_);
    HoldWakeupNumber();
  }
  timer_.Init(this, [this](uv_timer_t* timer) { return uv_timer_init(loop_, timer); });
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<LinksImpl*>(timer->data)->LookWhetherGone();
      },
      0, kLookMs);
}

// With a loop that isn't its own, the library closes its handles over some turns and then wants to be told once more.
// That frees the memory of the last ones, so it must not come before they are off the loop.
void LinksImpl::LookWhetherGone() {
  for (const uv_handle_t* handle : HandlesOn(loop_)) {
    if (Contains(handles_, handle)) return;
  }
  if (context_ != nullptr) lws_context_destroy(context_);
  if (context_ != nullptr || lookups_ > 0) return;
  timer_.Reset();
  const auto done = std::exchange(done_, nullptr);
  if (done) done();
}

std::uintptr_t LinksImpl::Remember(Wire* wire) {
  wires_[++last_number_] = wire;
  return last_number_;
}

Wire* LinksImpl::Find(std::uintptr_t number) const {
  const auto found = wires_.find(number);
  return found == wires_.end() ? nullptr : found->second;
}

}  // namespace andiron::livekit
