// What the tests of the link have in common: a loop, a link that remembers what it heard, and a scripted server.
#ifndef ANDIRON_TESTS_LIVEKIT_LINK_RIG_H_
#define ANDIRON_TESTS_LIVEKIT_LINK_RIG_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/loop.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"
#include "worker/livekit/link.h"

namespace andiron::livekit {

// A process of link_server.py; killed and reaped with the object.
class ScriptedServer {
 public:
  // `scripts`: as the server takes them, JSON.
  explicit ScriptedServer(const std::string& scripts, const std::string& address = "127.0.0.1", int port = 0);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const { return port_; }
  // Lets a script go on that waits.
  void Signal();
  // SIGSTOP, SIGCONT: it is our own child and hasn't been reaped.
  void Send(int signal) const;

  // The lines that it has said; each call looks for new ones.
  const std::vector<std::string>& lines();
  int Count(std::string_view beginning);
  // What follows that word in the last line that begins with it; "" = there is none.
  std::string After(std::string_view word);

 private:
  pid_t process_ = -1;
  UniqueFd in_;
  UniqueFd out_;
  int port_ = 0;
  std::string unread_;
  std::vector<std::string> lines_;
};

// A loop and one link on it. The end of the test closes all and checks that nothing is left on the loop.
class LinkRig {
 public:
  LinkRig();
  ~LinkRig();
  LinkRig(const LinkRig&) = delete;
  LinkRig& operator=(const LinkRig&) = delete;

  uv_loop_t* loop() { return &loop_; }
  Links& links() { return *links_; }
  Link& link() { return *link_; }
  // A link to `target`, instead of the one there was.
  void Make(LinkTarget target);
  void Drop() { link_.reset(); }
  void Open(const std::string& token = "the.token");

  bool Until(const std::function<bool()>& condition) { return RunUntil(&loop_, condition); }
  bool UntilOpened() {
    return Until([this] { return opened_ > 0; });
  }
  bool UntilClosed() {
    return Until([this] { return closed_ > 0; });
  }

  int opened() const { return opened_; }
  int closed() const { return closed_; }
  const std::string& what() const { return what_; }
  bool refused() const { return refused_; }
  // Whole messages, and whether they were binary.
  const std::vector<std::pair<std::string, bool>>& messages() const { return messages_; }
  std::uint64_t message_count() const { return message_count_; }
  void CountMessagesOnly() { keep_ = false; }

  std::function<void()> on_opened;
  std::function<void()> on_message;
  std::function<void()> on_closed;

 private:
  const int descriptors_;  // open before the rig
  uv_loop_t loop_;
  std::unique_ptr<Links> links_;
  std::unique_ptr<Link> link_;
  int opened_ = 0;
  int closed_ = 0;
  bool inside_ = false;
  bool keep_ = true;
  std::string what_;
  bool refused_ = false;
  std::uint64_t message_count_ = 0;
  std::vector<std::pair<std::string, bool>> messages_;
};

// ws://127.0.0.1:PORT/agent, and wss:// with an authority of the tests.
LinkTarget Plain(int port);
LinkTarget Secure(const std::string& host, int port, const std::string& ca_file);

}  // namespace andiron::livekit

#endif  // ANDIRON_TESTS_LIVEKIT_LINK_RIG_H_
