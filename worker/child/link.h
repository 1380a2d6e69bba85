// The channel as the child sees it: blocking, and not worth living without.
//
// Sending is for any thread; Receive and Next are for one thread at a time, which the caller sees to.
// Errors don't come back: when the worker is gone the process ends at once (kExitWorkerGone), also in the middle of a
// job; when the worker breaks the protocol it says so on stderr and ends (kExitProtocol). Both by _exit: other threads
// may be running, and there is nobody left to clean up for.
#ifndef ANDIRON_WORKER_CHILD_LINK_H_
#define ANDIRON_WORKER_CHILD_LINK_H_

#include <andiron/child.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "ipc/child_messages.h"
#include "ipc/frame.h"

namespace andiron {

inline constexpr int kExitWorkerGone = 69;  // EX_UNAVAILABLE: no worker there
inline constexpr int kExitProtocol = 76;    // EX_PROTOCOL

class Link {
 public:
  // A connected stream socket, which stays open until the process ends. `max_result`: bytes of a job's output that the
  // worker takes.
  Link(int descriptor, std::size_t max_result);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  int descriptor() const { return descriptor_; }

  void SendProgress(int percent, std::string_view text);
  void SendHello();
  void SendAck(std::uint64_t job);
  // An output over max_result becomes a failure that says so: sent, it would end the child. Makes the error's text fit
  // for the wire: UTF-8, at most 64 KiB.
  void SendResult(std::uint64_t job, const JobResult& result);
  void SendPong(std::uint64_t sequence);

  // Waits until bytes have come from the worker.
  void Receive();
  // The next message of those that have come.
  std::optional<ToChildMessage> Next();

 private:
  // Sends out_, which is empty afterwards. With sending_ locked.
  void SendOut();

  const int descriptor_;
  const std::size_t max_result_;
  FrameReader reader_;
  std::mutex sending_;
  std::string out_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILD_LINK_H_
