// One WebSocket connection to a LiveKit server, on the worker's own loop, opened again as often as its owner wants.
//
// - Open() starts an attempt: name, TCP (each address of the name in turn), proxy, TLS, upgrade. Exactly one closed()
//   follows each Open(), also of an attempt that never got as far as opened(); after it comes nothing of that attempt.
// - No callback comes from within Open, Close, Send or the destructor; closed() comes in a turn of its own. A callback
//   may call any method of the link; only destroying it is for later.
// - Nothing blocks the loop: names are looked up by libuv's threads, for at most lookup_timeout. The last good
//   addresses of the host are kept, and used when a later look-up fails or takes too long.
// - Close() and the destructor release our side at once: no farewell is waited for, whatever the server does.
// - Certificates are always verified, chain and name, TLS 1.2 or newer; there is no switch to turn it off.
// - The bearer token and the proxy's password are in no text of ours.
// - The server's pings are answered; none are sent. Whether the peer lives is the owner's judgement, by Sample().
//
// One thread: the loop's. libwebsockets keeps handles on the loop (uv_run doesn't end) until Links::Close is done.
#ifndef ANDIRON_WORKER_LIVEKIT_LINK_H_
#define ANDIRON_WORKER_LIVEKIT_LINK_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <andiron/time.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/livekit/link_sample.h"
#include "worker/livekit/proxy.h"
#include "worker/livekit/url.h"

namespace andiron::livekit {

struct LinkTarget {
  Url url;
  std::string ca_file;                 // PEM, instead of the system's authorities; "" = those. Read at each Open
  std::optional<Proxy> proxy;          // as ProxyFor() says
  std::size_t max_message = 2u << 20;  // bytes; a longer message of the server closes the link
  std::size_t max_unsent = std::size_t{8} << 20;  // bytes that Send keeps; what the kernel keeps is not among them
  Duration lookup_timeout = std::chrono::seconds(3);
  Duration address_timeout = std::chrono::seconds(3);  // TCP to one address, if there is another one to try
  // The backstop of the whole attempt, for an owner that never calls Close().
  Duration attempt_timeout = std::chrono::seconds(60);
};

struct LinkEvents {
  std::function<void()> opened;
  // A whole message. `binary` is false for a text frame, which may be any bytes too. Valid during the call.
  std::function<void(std::string_view message, bool binary)> message;
  // `what` says why, for people. `credentials_refused`: the server answered 401, trying again at once is pointless.
  std::function<void(std::string what, bool credentials_refused)> closed;
};

class LinkImpl;   // link_impl.h
class LinksImpl;  // link_library.h

// What all links of a process share: one context of libwebsockets on `loop`.
class Links {
 public:
  // An error names the package to install if libwebsockets can't use libuv. Leaves SIGPIPE as it is. Turns
  // libwebsockets' own log lines off, for the whole process: it has one log, which would go to stderr.
  static absl::StatusOr<std::unique_ptr<Links>> Create(uv_loop_t* loop);
  // After done() only; or without it, if the process ends without closing the loop.
  ~Links();
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  // After the last link has been destroyed. done() comes from the loop, when nothing of ours is left on it but closing
  // handles (one more turn: uv_loop_close() returns 0) and the object may be destroyed. A look-up that hangs in the
  // resolver is waited for: libuv can't give it up, neither here nor at exit().
  void Close(std::function<void()> done);
  // Look-ups that libuv still has, also those that were given up.
  int lookups() const;

 private:
  friend class Link;
  explicit Links(std::unique_ptr<LinksImpl> impl);
  std::unique_ptr<LinksImpl> impl_;
};

class Link {
 public:
  // `links` outlives it.
  Link(Links& links, LinkTarget target, LinkEvents events);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The first, or after closed(): while an attempt lives it does nothing.
  void Open(const std::string& bearer_token);

  // Queues one binary message. False: not open, or more than max_unsent bytes would wait; the link is then to be
  // closed.
  bool Send(std::string frame);

  // Ends the attempt; closed(why) follows. Nothing, if there is none or its end has been decided already. What was sent
  // before is still written if the kernel takes it at once, but for a Close from within one of our callbacks.
  void Close(std::string why);

  LinkSample Sample() const;
  // Bytes that wait in our queue, before the kernel's.
  std::size_t unsent() const;
  // Between opened() and the end.
  bool open() const;
  // What the attempt waits for, to be said with a deadline that has passed: "the TLS handshake with host:port".
  // "" = there is no attempt, or it is open.
  std::string waits_for() const;

 private:
  std::unique_ptr<LinkImpl> impl_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_LINK_H_
