// One connection at a time by libwebsockets, to one address, and all that is the library's: the callbacks, the frames,
// the queue of what goes out.
//
// Everything that it says comes from within a callback of the library: Up, then messages, then one Down; or one Down.
// After Abandon() it says nothing more. What is over is the library's to bury: nothing here waits for it.
// One thread: the loop's.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_WIRE_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_WIRE_H_

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "worker/livekit/link.h"
#include "worker/livekit/link_tls.h"

struct lws;
struct lws_vhost;

namespace andiron::livekit {

// What a connection waits for.
enum class WireStage {
  kNone,     // there is no connection
  kAddress,  // TCP
  kProxy,    // the proxy's answer
  kTls,      // the handshake
  kUpgrade,  // the server's answer to our request
  kOpen,     // messages
};

// Why it ended. What isn't known is 0 or "".
struct WireEnd {
  WireStage stage = WireStage::kNone;
  int socket_error = 0;       // errno
  bool by_library = false;    // it didn't like what it read
  int http_status = 0;        // of the answer to the upgrade
  std::string tls;            // why the handshake failed
  bool said_goodbye = false;  // by a close frame
  int close_code = 0;         // of it
  std::string close_reason;   // of it, as it came
  std::string library;        // libwebsockets' own words
  std::string ours;           // we ended it
};

struct WireEvents {
  std::function<void()> up;
  std::function<void(std::string_view message, bool binary)> message;
  std::function<void(const WireEnd& end)> down;
};

class Wire {
 public:
  Wire(LinksImpl& library, const LinkTarget& target, WireEvents events)
      : library_(library), target_(target), events_(std::move(events)) {}
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Before the first connection of an attempt: what can be wrong with our side.
  absl::Status Prepare();
  // To a numeric address, of the proxy if there is one. An error: it failed at once, and no Down follows.
  absl::Status Connect(const std::string& address, const std::string& token);
  void Abandon();

  bool Send(std::string frame);
  // Writes what waits, as far as the kernel takes it at once: before an end, the last chance.
  void Flush();
  WireStage stage() const;
  std::size_t unsent() const { return unsent_ + held_; }
  LinkSample Sample() const;

  // The library's one door. `reason` is its lws_callback_reasons; a return value that isn't 0 ends the connection.
  int Hear(lws* connection, int reason, void* in, std::size_t length);

 private:
  absl::Status MakeHost();
  absl::Status SetProxy(const std::string& address);
  int AddToken(lws* connection, void* in, std::size_t length);
  int Receive(lws* connection, std::string_view part);
  int Write(lws* connection);
  void Goodbye(std::string_view payload);
  void Down(WireEnd end);

  LinksImpl& library_;
  const LinkTarget& target_;
  const WireEvents events_;
  std::unique_ptr<LinkTls> tls_;  // none for ws://
  lws_vhost* host_ = nullptr;     // the library's place for our settings; dies some turns after the wire
  lws* connection_ = nullptr;
  std::uintptr_t number_ = 0;  // of the connection, in the library's memory
  bool inside_ = false;        // the library calls us about the connection just now
  WireStage stage_ = WireStage::kNone;
  std::string token_;
  int http_status_ = 0;
  std::string message_;  // what there is of it
  bool binary_ = false;
  std::deque<std::string> queue_;  // each with the library's room before it
  std::size_t unsent_ = 0;         // bytes of messages in the queue
  std::size_t held_ = 0;           // bytes of the message that the library has taken but not written whole
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_WIRE_H_
