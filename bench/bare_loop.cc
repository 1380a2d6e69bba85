// The least that can hand jobs to warm children: a libuv loop, posix_spawn, one socketpair and one pidfd for each
// child, the newest idle child first. No timeouts, no logs, no autopsies, no limits, no back-off, no capacity, no
// containment; a child that hangs hangs the bench. It shows what all of those cost, and that is its only use.
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "bench/contender.h"
#include "ipc/child_messages.h"
#include "ipc/frame.h"
#include "ipc/limits.h"
#include "worker/base/unique_fd.h"
#include "worker/base/uv_handle.h"

namespace andiron::bench {
namespace {

class BareLoop;

struct BareChild {
  explicit BareChild(BareLoop& loop) : owner(loop) {}

  BareLoop& owner;
  FrameReader reader{LimitsForWorker(4 << 20)};
  UniqueFd channel;
  UniqueFd pidfd;
  UvHandle<uv_poll_t> channel_poll;
  UvHandle<uv_poll_t> exit_poll;
  Contender::Done done;  // of the job it has
};

class BareLoop : public Contender {
 public:
  BareLoop(uv_loop_t* loop, const Plan& plan) : loop_(loop), plan_(plan) {
    for (const char* const* entry = environ; *entry != nullptr; ++entry) environment_.emplace_back(*entry);
    environment_.emplace_back("ANDIRON_CHANNEL_FD=3");
    environment_.emplace_back("ANDIRON_CHILD=bare/0.1");
    for (int slot = 0; slot < plan.children; ++slot) children_.push_back(std::make_unique<BareChild>(*this));
    for (const auto& child : children_) vacant_.push_back(child.get());
    Replenish();
  }

  std::string_view name() const override { return "bare loop"; }
  int Idle() override { return static_cast<int>(idle_.size()); }
  bool Gone() const override { return stopping_ && live_ == 0; }
  std::string failure() const override { return failure_; }

  void Submit(std::string payload, Done done) override {
    queue_.push_back({std::move(payload), std::move(done)});
    Dispatch();
  }

  void Stop() override {
    stopping_ = true;
    vacant_.clear();
    for (const auto& child : children_) End(*child);
  }

 private:
  struct Queued {
    std::string payload;
    Done done;
  };

  void Replenish() {
    while (!stopping_ && !vacant_.empty() && starting_ < plan_.starting_max && failure_.empty()) {
      BareChild& child = *vacant_.front();
      vacant_.pop_front();
      Start(child);
    }
  }

  void Start(BareChild& child) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return Fail("socketpair");
    child.channel = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    // The child's SDK expects a blocking descriptor.
    fcntl(theirs.get(), F_SETFL, fcntl(theirs.get(), F_GETFL) & ~O_NONBLOCK);
    const pid_t pid = Spawn(theirs.get());
    if (pid < 0) return Fail("posix_spawn");
    child.pidfd = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!child.pidfd) return Fail("pidfd_open");
    ++live_;
    ++starting_;
    Watch(child, child.channel.get(), child.channel_poll,
          [](uv_poll_t* poll, int, int) { static_cast<BareChild*>(poll->data)->owner.Read(poll); });
    Watch(child, child.pidfd.get(), child.exit_poll,
          [](uv_poll_t* poll, int, int) { static_cast<BareChild*>(poll->data)->owner.Reap(poll); });
  }

  pid_t Spawn(int channel) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, channel, 3);
    std::vector<char*> environment;
    for (std::string& entry : environment_) environment.push_back(entry.data());
    environment.push_back(nullptr);
    char* arguments[] = {plan_.child.data(), nullptr};
    pid_t pid = -1;
    const int error = posix_spawn(&pid, plan_.child.c_str(), &actions, nullptr, arguments, environment.data());
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? pid : -1;
  }

  void Watch(BareChild& child, int descriptor, UvHandle<uv_poll_t>& handle, uv_poll_cb callback) {
    const int error =
        handle.Init(&child, [this, descriptor](uv_poll_t* poll) { return uv_poll_init(loop_, poll, descriptor); });
    if (error != 0) return Fail("uv_poll_init");
    uv_poll_start(handle.get(), UV_READABLE, callback);
  }

  void Read(uv_poll_t* poll) {
    BareChild& child = *static_cast<BareChild*>(poll->data);
    const std::span<std::byte> space = child.reader.Space();
    const ssize_t count = recv(child.channel.get(), space.data(), space.size(), 0);
    if (count < 0) return;
    if (count == 0) {
      child.channel_poll.Reset();  // its exit follows
      return;
    }
    child.reader.Commit(static_cast<std::size_t>(count));
    while (const auto frame = child.reader.Next()) Take(child, DecodeFromChild(frame->body));
  }

  void Take(BareChild& child, FromChildMessage message) {
    if (std::holds_alternative<HelloMessage>(message)) {
      --starting_;
      idle_.push_back(&child);
      Replenish();
      Dispatch();
    } else if (auto* result = std::get_if<ResultMessage>(&message)) {
      const Done done = std::exchange(child.done, nullptr);
      if (plan_.reuse) {
        idle_.push_back(&child);
      } else {
        End(child);
      }
      done(result->text);
      Dispatch();
    } else if (!std::holds_alternative<AckMessage>(message)) {
      failure_ = "the child sent what it should not";
    }
  }

  void Dispatch() {
    while (!queue_.empty() && !idle_.empty()) {
      BareChild& child = *idle_.back();
      idle_.pop_back();
      frame_.clear();
      AppendRun(frame_, ++jobs_, "", queue_.front().payload, 0);
      child.done = std::move(queue_.front().done);
      queue_.pop_front();
      Send(child);
    }
  }

  // Polite: it exits by itself.
  void End(BareChild& child) {
    if (!child.channel) return;
    frame_.clear();
    AppendStop(frame_);
    Send(child);
  }

  void Send(BareChild& child) {
    const ssize_t count = send(child.channel.get(), frame_.data(), frame_.size(), MSG_NOSIGNAL);
    if (count != static_cast<ssize_t>(frame_.size()) && !stopping_) failure_ = "the child doesn't read";
  }

  void Reap(uv_poll_t* poll) {
    BareChild& child = *static_cast<BareChild*>(poll->data);
    siginfo_t status{};
    waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.get()), &status, WEXITED | WNOHANG);
    if (child.done || (plan_.reuse && !stopping_)) failure_ = "a child died";
    child.channel_poll.Reset();
    child.exit_poll.Reset();
    child.channel.Reset();
    child.pidfd.Reset();
    --live_;
    if (stopping_) return;
    vacant_.push_back(&child);
    Replenish();
  }

  void Fail(const char* call) { failure_ = std::string(call) + ": " + std::strerror(errno); }

  uv_loop_t* loop_;
  Plan plan_;
  std::vector<std::string> environment_;
  std::vector<std::unique_ptr<BareChild>> children_;
  std::deque<BareChild*> vacant_;
  std::vector<BareChild*> idle_;  // the newest last
  std::deque<Queued> queue_;
  std::string frame_;
  std::string failure_;
  std::uint64_t jobs_ = 0;
  int live_ = 0;
  int starting_ = 0;
  bool stopping_ = false;
};

}  // namespace

std::unique_ptr<Contender> MakeBareLoop(uv_loop_t* loop, const Plan& plan) {
  return std::make_unique<BareLoop>(loop, plan);
}

}  // namespace andiron::bench
