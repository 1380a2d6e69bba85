// The first source of jobs: the worker's end of the control socket.
//
// Serves what proto/control.proto promises, on the worker's loop. The worker must outlive it. It keeps the loop running
// only while a client has answers to read, and for at most ControlBounds::last_words after the worker has stopped.
// Destroying it closes every connection; attached jobs are cancelled, the socket file is removed.
#ifndef ANDIRON_WORKER_CONTROL_CONTROL_SERVER_H_
#define ANDIRON_WORKER_CONTROL_CONTROL_SERVER_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control.pb.h"
#include "worker/base/uv_handle.h"
#include "worker/control/control_limits.h"
#include "worker/control/control_peer.h"
#include "worker/control/control_socket.h"
#include "worker/driver/worker_impl.h"
#include "worker/job_source.h"

namespace andiron {

class ControlServer final : public JobSource {
 public:
  // Listens at `path`. Errors: those of ControlSocket::Listen.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Create(WorkerImpl& worker, const std::string& path,
                                                               const ControlBounds& bounds = {});
  ~ControlServer() override;
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  const std::string& path() const { return socket_.path(); }
  std::size_t clients() const { return peers_.size(); }

  // Closes every connection, whatever its client has still to read.
  void HangUp();

  // ---- JobSource ----
  void OnAccepted(JobNumber job) override;
  void OnRefused(const Refused& refused) override;
  void OnStarted(JobNumber job, ChildId child) override;
  void OnOutcome(JobEnd& end) override;
  void OnWorkerState(WorkerState state) override;
  void OnTurnEnd() override;

 private:
  // A submission that hasn't been answered to the end.
  struct Asked {
    std::uint64_t peer = 0;
    std::uint64_t request = 0;
    std::string id;
    bool detach = false;
  };
  // Somebody who waits for the worker's state.
  struct Waiting {
    std::uint64_t peer = 0;
    std::uint64_t request = 0;
    std::uint64_t resumes = 0;  // how many there had been
  };

  ControlServer(WorkerImpl& worker, ControlSocket socket, const ControlBounds& bounds);
  absl::Status Start();

  // ---- connections ----
  void Accept();
  void PauseAccepting();
  void Admit(UniqueFd descriptor);
  void OnPeerEvent(std::uint64_t number, int status);
  void Serve(ControlPeer& peer);
  void ServeUnheard();
  void Settle(ControlPeer& peer);
  void AwaitNextTurn(ControlPeer& peer);
  void Drop(std::uint64_t number);
  void KeepLooking();
  void LookAtAll();
  void LimitLastWords();
  ControlPeer* Find(std::uint64_t number);
  ControlPeer* Address(std::uint64_t number);

  // ---- requests ----
  void Hear(ControlPeer& peer, control::ToWorker& message);
  void Greet(ControlPeer& peer, const control::ClientHello& hello);
  void Take(ControlPeer& peer, control::Submit& submit);
  void Take(ControlPeer& peer, const control::Cancel& cancel);
  void Take(ControlPeer& peer, const control::StatusRequest& status);
  void Take(ControlPeer& peer, const control::Drain& drain);
  void Take(ControlPeer& peer, const control::Resume& resume);
  void Take(ControlPeer& peer, const control::Stop& stop);
  void AnswerWaiting();

  WorkerImpl& worker_;
  const ControlBounds bounds_;
  ControlSocket socket_;
  FrameLimits limits_;
  UvHandle<uv_poll_t> listener_;
  UvHandle<uv_timer_t> look_timer_;
  UvHandle<uv_timer_t> accept_timer_;
  UvHandle<uv_timer_t> last_words_timer_;
  UvHandle<uv_idle_t> awake_;  // while somebody is unheard, the poll doesn't sleep
  bool looking_ = false;
  bool short_of_descriptors_ = false;  // since a client couldn't be taken, until there was one more place than clients

  std::uint64_t last_peer_ = 0;
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<ControlPeer>> peers_;
  std::vector<std::uint64_t> addressed_;             // who was told something, or may be read from again, in this turn
  std::set<std::uint64_t> unheard_;                  // who has said more than a turn hears
  absl::flat_hash_map<std::uint64_t, Asked> asked_;  // by job number
  std::vector<Waiting> drain_waiting_;
  std::vector<Waiting> stop_waiting_;
  WorkerState state_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_CONTROL_SERVER_H_
