#include "worker/console/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "worker/console/event_loop.h"

namespace andiron {
namespace {

// A process that has ended its work, and gets one more signal before it has left.
[[noreturn]] void EndWithASignal() {
  auto loop = *EventLoop::Create();
  auto signals = std::make_unique<Signals>(loop->get(), std::initializer_list<int>{SIGTERM, SIGINT}, [](int) {});
  signals.reset();
  loop.reset();
  raise(SIGTERM);
  _exit(7);
}

TEST(Signals, OneThatComesAtTheVeryEndDoesNotTakeTheExitCode) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) EndWithASignal();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace andiron
