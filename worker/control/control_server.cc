#include "worker/control/control_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ipc/limits.h"

namespace andiron {
namespace {

std::size_t SubmitBytesMax(const WorkerSettings& settings) {
  std::size_t payload = 0;
  for (const PoolSettings& pool : settings.pools)
    payload = std::max(payload, static_cast<std::size_t>(pool.max_payload));
  return std::min(payload, kPayloadBytesMax) + kControlSubmitEnvelope;
}

bool IsOurs(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && MaySpeak(peer.uid, ::geteuid());
}

std::uint64_t LoopTime(Duration duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, static_cast<std::int64_t>(Milliseconds(duration))));
}

}  // namespace

ControlServer::ControlServer(WorkerImpl& worker, ControlSocket socket, const ControlBounds& bounds)
    : worker_(worker),
      bounds_(bounds),
      socket_(std::move(socket)),
      limits_(LimitsForControlServer(SubmitBytesMax(worker.settings()))),
      state_(worker.driver().Status().state) {}

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Create(WorkerImpl& worker, const std::string& path,
                                                                     const ControlBounds& bounds) {
  auto socket = ControlSocket::Listen(path);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<ControlServer> server(new ControlServer(worker, *std::move(socket), bounds));
  if (absl::Status started = server->Start(); !started.ok()) return started;
  worker.desk().Join(*server);
  return server;
}

absl::Status ControlServer::Start() {
  uv_loop_t* loop = worker_.loop();
  const int errors[] = {
      listener_.Init(this, [&](uv_poll_t* handle) { return uv_poll_init(loop, handle, socket_.descriptor()); }),
      look_timer_.Init(this, [&](uv_timer_t* handle) { return uv_timer_init(loop, handle); }),
      accept_timer_.Init(this, [&](uv_timer_t* handle) { return uv_timer_init(loop, handle); }),
      last_words_timer_.Init(this, [&](uv_timer_t* handle) { return uv_timer_init(loop, handle); }),
      awake_.Init(this, [&](uv_idle_t* handle) { return uv_idle_init(loop, handle); }),
  };
  for (const int error : errors) {
    if (error != 0) return absl::ResourceExhaustedError(std::string("libuv: ") + uv_strerror(error));
  }
  listener_.Unref();
  look_timer_.Unref();
  accept_timer_.Unref();
  last_words_timer_.Unref();
  awake_.Unref();
  uv_poll_start(listener_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
    if (auto* server = static_cast<ControlServer*>(handle->data)) server->Accept();
  });
  return absl::OkStatus();
}

ControlServer::~ControlServer() {
  HangUp();
  worker_.desk().Leave(*this);
}

void ControlServer::HangUp() {
  while (!peers_.empty()) Drop(peers_.begin()->first);
}

// ---- connections ----

void ControlServer::Accept() {
  for (int i = 0; i < kControlAcceptsPerTurn; ++i) {
    UniqueFd descriptor(::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (descriptor) {
      if (IsOurs(descriptor.get())) Admit(std::move(descriptor));
      continue;
    }
    // That one has gone already: the next.
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno != EAGAIN) return PauseAccepting();
    break;
  }
  if (!std::exchange(short_of_descriptors_, false)) return;
  worker_.log().Write(LogLevel::kInfo, "control_accept_resumed", "there are descriptors again: clients are taken");
}

// The connection that can't be taken stays readable: without a pause the loop would spin on it. One pause may follow
// another for hours: said once.
void ControlServer::PauseAccepting() {
  const std::string why = std::strerror(errno);
  if (!std::exchange(short_of_descriptors_, true)) {
    worker_.log().Write(LogLevel::kWarn, "control_accept_paused",
                        "cannot take a client: " + why + "; clients wait until there are descriptors (ulimit -n)");
  }
  uv_poll_stop(listener_.get());
  uv_timer_start(
      accept_timer_.get(),
      [](uv_timer_t* handle) {
        auto* server = static_cast<ControlServer*>(handle->data);
        if (server == nullptr) return;
        uv_poll_start(server->listener_.get(), UV_READABLE, [](uv_poll_t* listener, int, int) {
          if (auto* again = static_cast<ControlServer*>(listener->data)) again->Accept();
        });
      },
      LoopTime(bounds_.accept_pause), 0);
}

void ControlServer::Admit(UniqueFd descriptor) {
  const std::uint64_t number = ++last_peer_;
  auto peer = std::make_unique<ControlPeer>(number, std::move(descriptor), limits_, bounds_);
  if (peers_.size() >= bounds_.clients) {
    peer->Expel(control::Error::TOO_MANY, "the worker has " + std::to_string(peers_.size()) + " clients already");
    return;
  }
  const auto callback = [](void* owner, std::uint64_t peer_number, int status) {
    static_cast<ControlServer*>(owner)->OnPeerEvent(peer_number, status);
  };
  if (peer->Watch(worker_.loop(), this, callback) != 0) return;
  peers_.emplace(number, std::move(peer));
  KeepLooking();
}

// An idle worker isn't woken by this timer: it runs while some client owes something.
void ControlServer::KeepLooking() {
  if (std::exchange(looking_, true)) return;
  const std::uint64_t period = LoopTime(bounds_.look);
  uv_timer_start(
      look_timer_.get(),
      [](uv_timer_t* handle) {
        if (auto* server = static_cast<ControlServer*>(handle->data)) server->LookAtAll();
      },
      period, period);
}

ControlPeer* ControlServer::Find(std::uint64_t number) {
  const auto found = peers_.find(number);
  return found == peers_.end() ? nullptr : found->second.get();
}

// To tell it something in this turn: its bytes leave at the turn's end.
ControlPeer* ControlServer::Address(std::uint64_t number) {
  ControlPeer* peer = Find(number);
  if (peer != nullptr && (addressed_.empty() || addressed_.back() != number)) addressed_.push_back(number);
  return peer;
}

void ControlServer::OnPeerEvent(std::uint64_t number, int status) {
  ControlPeer* peer = Find(number);
  if (peer == nullptr) return;
  if (status < 0) {
    Drop(number);
    return;
  }
  peer->Flush();
  Serve(*peer);
}

void ControlServer::Serve(ControlPeer& peer) {
  peer.NewTurn(worker_.driver().turns());
  while (auto message = peer.Next()) Hear(peer, *message);
  Settle(peer);
}

// Who has said more than a turn hears is heard again in the next: their bytes have been read, none need come.
void ControlServer::ServeUnheard() {
  for (const std::uint64_t number : std::exchange(unheard_, {})) {
    if (ControlPeer* peer = Find(number)) Serve(*peer);
  }
  if (unheard_.empty()) uv_idle_stop(awake_.get());
}

// Writes what was said; then the loop watches for what matters now, or the connection is over.
void ControlServer::Settle(ControlPeer& peer) {
  peer.Flush();
  if (peer.ended()) {
    Drop(peer.number());
  } else {
    peer.Rewatch();
    if (peer.owes()) KeepLooking();
    if (peer.unheard()) AwaitNextTurn(peer);
  }
}

void ControlServer::AwaitNextTurn(ControlPeer& peer) {
  unheard_.insert(peer.number());
  uv_idle_start(awake_.get(), [](uv_idle_t* handle) {
    if (auto* server = static_cast<ControlServer*>(handle->data)) server->ServeUnheard();
  });
}

void ControlServer::Drop(std::uint64_t number) {
  const auto found = peers_.find(number);
  if (found == peers_.end()) return;
  const std::unique_ptr<ControlPeer> peer = std::move(found->second);
  peers_.erase(found);
  for (const std::uint64_t job : peer->jobs) {
    asked_.erase(job);
    worker_.desk().Cancel(JobNumber{job}, std::nullopt);
  }
  std::erase_if(drain_waiting_, [number](const Waiting& waiting) { return waiting.peer == number; });
  std::erase_if(stop_waiting_, [number](const Waiting& waiting) { return waiting.peer == number; });
  const bool quiet = peer->end_text().empty();
  worker_.log().Write(quiet ? LogLevel::kDebug : LogLevel::kInfo, "control_client_gone",
                      quiet ? "the client closed the connection" : peer->end_text(),
                      {{"client", peer->client}, {"jobs_cancelled", std::to_string(peer->jobs.size())}});
}

void ControlServer::LookAtAll() {
  bool anybody_owes = false;
  std::vector<std::uint64_t> over;
  for (auto& [number, peer] : peers_) {
    peer->Look();
    anybody_owes |= peer->owes();
    if (peer->ended()) over.push_back(number);
  }
  for (const std::uint64_t number : over) Drop(number);
  looking_ = anybody_owes;
  if (!looking_) uv_timer_stop(look_timer_.get());
}

void ControlServer::LimitLastWords() {
  uv_timer_start(
      last_words_timer_.get(),
      [](uv_timer_t* handle) {
        auto* server = static_cast<ControlServer*>(handle->data);
        if (server == nullptr) return;
        const auto late = std::count_if(server->peers_.begin(), server->peers_.end(),
                                        [](const auto& peer) { return peer.second->owes_reading(); });
        if (late > 0) {
          server->worker_.log().Write(
              LogLevel::kWarn, "control_clients_cut",
              "the worker ends; clients that have not read all their answers: " + std::to_string(late));
        }
        server->HangUp();
      },
      LoopTime(bounds_.last_words), 0);
}

void ControlServer::OnTurnEnd() {
  AnswerWaiting();
  // Serving one may post facts, but addresses nobody: that is done by the core's answers.
  for (const std::uint64_t number : std::exchange(addressed_, {})) {
    ControlPeer* peer = Find(number);
    if (peer == nullptr) continue;
    peer->Flush();
    Serve(*peer);
  }
}

}  // namespace andiron
