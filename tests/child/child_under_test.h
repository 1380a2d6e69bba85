// A real child process with the test at the other end of its channel. Every wait is bounded; none outlives its test.
#ifndef ANDIRON_TESTS_CHILD_CHILD_UNDER_TEST_H_
#define ANDIRON_TESTS_CHILD_CHILD_UNDER_TEST_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/child_messages.h"
#include "ipc/frame.h"

namespace andiron {

using Wait = std::chrono::milliseconds;

// How long anything may take that has no limit of its own.
inline constexpr Wait kPatience{20000};

class ChildUnderTest {
 public:
  struct Options {
    std::string program = "andiron-test-child";
    std::vector<std::string> arguments = {};
    std::string channel_variable = "3";  // "" = not set
    bool blocking = true;
    std::string max_result = "";  // bytes; "" = not told
  };

  explicit ChildUnderTest(const Options& options);
  // Kills and reaps it, if that hasn't happened.
  ~ChildUnderTest();
  ChildUnderTest(const ChildUnderTest&) = delete;
  ChildUnderTest& operator=(const ChildUnderTest&) = delete;

  pid_t pid() const { return pid_; }

  void Send(std::string_view frames);
  // Without waiting; false if it can't be written: nobody reads, or the other end is gone.
  bool TrySend(std::string_view frames);
  // All bytes that are there now and that Receive() hasn't read, as they are.
  std::string ReceiveRaw();
  // Reads nothing for now; true if something is there within the time.
  bool Readable(Wait time);
  // The next message; fails the test if none comes.
  FromChildMessage Receive(Wait time = kPatience);
  // The next message, which must be of this kind.
  template <typename Message>
  Message Expect(Wait time = kPatience);
  void CloseChannel();

  // The exit code; 128 + signal; -1 = it didn't end in time.
  int WaitExit(Wait time = kPatience);
  // All of stdout or stderr, until its end. After WaitExit.
  std::string Stdout() { return ReadAll(stdout_); }
  std::string Stderr() { return ReadAll(stderr_); }
  // One line of stdout while it runs.
  std::string StdoutLine();
  // So many bytes of stderr while it runs.
  std::string StderrBytes(std::size_t count);

 private:
  [[noreturn]] void BecomeTheChild(const Options& options, int channel, int out, int error);
  static std::string ReadAll(int descriptor);

  pid_t pid_ = -1;
  int pidfd_ = -1;
  int channel_ = -1;
  int stdout_ = -1;
  int stderr_ = -1;
  std::optional<int> exit_;
  FrameReader reader_;
};

// Frames to send. The job's id is "j" and its number.
std::string RunFrame(std::uint64_t job, std::string_view payload);
std::string CancelFrame(std::uint64_t job);
std::string PingFrame(std::uint64_t sequence);
std::string StopFrame();

// Fails the test, with what came instead.
void FailForMessage(const FromChildMessage& message);

template <typename Message>
Message ChildUnderTest::Expect(Wait time) {
  FromChildMessage message = Receive(time);
  if (auto* wanted = std::get_if<Message>(&message)) return std::move(*wanted);
  FailForMessage(message);
  return {};
}

}  // namespace andiron

#endif  // ANDIRON_TESTS_CHILD_CHILD_UNDER_TEST_H_
