// The worker's end of one control connection: frames in, frames out, and how long the client keeps us waiting.
//
// It moves bytes and decodes; what a message means is the server's matter. A peer that has ended (ended()) says and
// hears nothing more; its owner destroys it, but not from within one of its methods.
// One thread: the loop's.
#ifndef ANDIRON_WORKER_CONTROL_CONTROL_PEER_H_
#define ANDIRON_WORKER_CONTROL_CONTROL_PEER_H_

#include <absl/container/flat_hash_set.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "control.pb.h"
#include "ipc/frame.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"
#include "worker/control/control_limits.h"

namespace andiron {

class ControlPeer {
 public:
  ControlPeer(std::uint64_t number, UniqueFd descriptor, const FrameLimits& limits, const ControlBounds& bounds)
      : number_(number), bounds_(bounds), descriptor_(std::move(descriptor)), reader_(limits) {}

  // Puts the descriptor on the loop: `callback` hears of every event, with status < 0 for an error, and may destroy the
  // peer. Returns an error of libuv, or 0.
  using Callback = void (*)(void* owner, std::uint64_t number, int status);
  int Watch(uv_loop_t* loop, void* owner, Callback callback);

  std::uint64_t number() const { return number_; }

  // ---- in ----

  // Allows what may be read and heard in a turn; once in each, which the number tells apart.
  void NewTurn(std::uint64_t turn);
  // The next message. Nothing: there is none now, or no more in this turn, or we don't read now, or the connection has
  // ended.
  std::optional<control::ToWorker> Next();
  // There may be more that has come already: to be asked again in the next turn, although no byte need come.
  bool unheard() const { return reading() && rest_; }

  // ---- out ----

  void Say(const control::FromWorker& message);
  void SayDone(std::uint64_t request);
  void SayError(std::uint64_t request, control::Error::Code code, const std::string& text);
  // Says why and ends the connection.
  void Expel(control::Error::Code code, const std::string& text);
  // Writes what can be written.
  void Flush();

  // ---- state ----

  bool ended() const { return ended_; }
  // Why: for the log. "" = the client went away.
  const std::string& end_text() const { return end_text_; }
  // Asks the loop for the events that matter now. What the client has to read keeps the loop running.
  void Rewatch();
  // Whether the client owes us something: its hello, the rest of a frame, to read what we say.
  bool owes() const { return !ended_ && (owes_hello() || owes_frame() || owes_reading()); }
  bool owes_reading() const { return unwritten() > 0; }
  // One more look at that: a client that has owed the same thing for too long is expelled.
  void Look();
  // Whether we read from it now: it isn't ended, has not too much undecided, and reads what we say.
  bool reading() const;

  bool greeted = false;
  std::string client;         // who it says it is
  std::size_t undecided = 0;  // its requests that wait for the core: see ControlBounds
  // Its jobs that end with the connection.
  absl::flat_hash_set<std::uint64_t> jobs;

 private:
  std::size_t unwritten() const { return out_.size() - written_; }
  bool owes_hello() const { return !greeted; }
  bool owes_frame() const { return reading() && !rest_ && reader_.half(); }
  bool Receive();
  void End(std::string text);

  std::uint64_t number_;
  const ControlBounds& bounds_;
  UniqueFd descriptor_;
  UvHandle<uv_poll_t> poll_;  // closed before the descriptor
  FrameReader reader_;
  std::string out_;
  std::size_t written_ = 0;            // bytes at the front of out_ that are gone
  std::optional<std::uint64_t> turn_;  // whose budgets these are
  std::size_t read_budget_ = 0;
  std::size_t message_budget_ = 0;
  bool rest_ = false;  // Next() has stopped before the end of what has come
  int watched_ = 0;
  void* owner_ = nullptr;
  Callback callback_ = nullptr;
  bool ended_ = false;
  std::string end_text_;
  int hello_looks_ = 0;
  int frame_looks_ = 0;
  int write_looks_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONTROL_CONTROL_PEER_H_
