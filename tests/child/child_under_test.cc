#include "tests/child/child_under_test.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "ipc/limits.h"

namespace andiron {
namespace {

bool AwaitReadable(int descriptor, Wait time) {
  pollfd wait{descriptor, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(time.count())) > 0;
}

}  // namespace

ChildUnderTest::ChildUnderTest(const Options& options) : reader_(LimitsForWorker(kPayloadBytesMax)) {
  int channel[2];
  int out[2];
  int error[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(error, O_CLOEXEC), 0);
  if (!options.blocking) fcntl(channel[1], F_SETFL, O_NONBLOCK);
  pid_ = fork();
  if (pid_ == 0) BecomeTheChild(options, channel[1], out[1], error[1]);
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  channel_ = channel[0];
  stdout_ = out[0];
  stderr_ = error[0];
  for (const int theirs : {channel[1], out[1], error[1]}) close(theirs);
}

void ChildUnderTest::BecomeTheChild(const Options& options, int channel, int out, int error) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Out of the way of the numbers that the child gets.
  const int high = fcntl(channel, F_DUPFD_CLOEXEC, 100);
  dup2(out, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  dup2(high, 3);
  // The sanitizer for threads otherwise sleeps a second in every exit.
  setenv("TSAN_OPTIONS", "atexit_sleep_ms=0", 1);
  setenv("ANDIRON_CHILD", "test/0.1", 1);
  if (options.channel_variable.empty()) {
    unsetenv("ANDIRON_CHANNEL_FD");
  } else {
    setenv("ANDIRON_CHANNEL_FD", options.channel_variable.c_str(), 1);
  }
  const char* folder = std::getenv("ANDIRON_BIN_DIR");
  std::string path = std::string(folder == nullptr ? "." : folder) + "/" + options.program;
  if (!options.max_result.empty()) setenv("ANDIRON_MAX_RESULT", options.max_result.c_str(), 1);
  std::vector<char*> arguments = {path.data()};
  std::vector<std::string> rest = options.arguments;
  for (std::string& argument : rest) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  execv(path.c_str(), arguments.data());
  _exit(127);
}

ChildUnderTest::~ChildUnderTest() {
  if (!exit_) {
    syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
    WaitExit();
  }
  for (const int ours : {pidfd_, channel_, stdout_, stderr_}) {
    if (ours >= 0) close(ours);
  }
}

void ChildUnderTest::Send(std::string_view frames) {
  while (!frames.empty()) {
    const ssize_t sent = send(channel_, frames.data(), frames.size(), MSG_NOSIGNAL);
    ASSERT_GT(sent, 0) << "the child is gone";
    frames.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool ChildUnderTest::TrySend(std::string_view frames) {
  const ssize_t sent = send(channel_, frames.data(), frames.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(frames.size());
}

std::string ChildUnderTest::ReceiveRaw() {
  std::string all;
  char some[4096];
  for (;;) {
    const ssize_t count = recv(channel_, some, sizeof some, MSG_DONTWAIT);
    if (count <= 0) return all;
    all.append(some, static_cast<std::size_t>(count));
  }
}

bool ChildUnderTest::Readable(Wait time) { return AwaitReadable(channel_, time); }

FromChildMessage ChildUnderTest::Receive(Wait time) {
  for (;;) {
    if (const auto frame = reader_.Next()) return DecodeFromChild(frame->body);
    if (reader_.error() != FrameError::kNone) return ProtocolError{reader_.error_text()};
    if (!AwaitReadable(channel_, time)) return ProtocolError{"nothing came in time"};
    const std::span<std::byte> space = reader_.Space();
    const ssize_t received = recv(channel_, space.data(), space.size(), 0);
    if (received <= 0) return ProtocolError{"the channel has ended"};
    reader_.Commit(static_cast<std::size_t>(received));
  }
}

void ChildUnderTest::CloseChannel() {
  close(channel_);
  channel_ = -1;
}

int ChildUnderTest::WaitExit(Wait time) {
  if (exit_) return *exit_;
  if (!AwaitReadable(pidfd_, time)) return -1;
  int status = 0;
  waitpid(pid_, &status, 0);
  exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return *exit_;
}

std::string ChildUnderTest::ReadAll(int descriptor) {
  std::string all;
  char some[4096];
  while (AwaitReadable(descriptor, kPatience)) {
    const ssize_t count = read(descriptor, some, sizeof some);
    if (count <= 0) return all;
    all.append(some, static_cast<std::size_t>(count));
  }
  ADD_FAILURE() << "the output doesn't end";
  return all;
}

std::string ChildUnderTest::StdoutLine() {
  std::string line;
  char byte = 0;
  while (AwaitReadable(stdout_, kPatience) && read(stdout_, &byte, 1) == 1 && byte != '\n') line.push_back(byte);
  return line;
}

std::string ChildUnderTest::StderrBytes(std::size_t count) {
  std::string bytes;
  char byte = 0;
  while (bytes.size() < count && AwaitReadable(stderr_, kPatience) && read(stderr_, &byte, 1) == 1) bytes += byte;
  return bytes;
}

std::string RunFrame(std::uint64_t job, std::string_view payload) {
  std::string out;
  AppendRun(out, job, "j" + std::to_string(job), payload, 0);
  return out;
}

std::string CancelFrame(std::uint64_t job) {
  std::string out;
  AppendCancel(out, job);
  return out;
}

std::string PingFrame(std::uint64_t sequence) {
  std::string out;
  AppendPing(out, sequence);
  return out;
}

std::string StopFrame() {
  std::string out;
  AppendStop(out);
  return out;
}

void FailForMessage(const FromChildMessage& message) {
  if (const auto* error = std::get_if<ProtocolError>(&message)) {
    FAIL() << error->what;
  } else {
    FAIL() << "another kind of message came: number " << message.index();
  }
}

}  // namespace andiron
