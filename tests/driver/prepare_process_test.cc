#include <andiron/worker.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/shows.h"

namespace andiron {
namespace {

// Runs `body` in a process of its own; returns its exit code.
template <typename Body>
int InAProcess(Body body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

TEST(PrepareProcess, PutsRightWhatAParentMayHaveLeftBehind) {
  Shows("C8", "C9", "C10", "R102");
  const int result = InAProcess([] {
    close(0);
    close(2);
    const int left_open = open("/", O_RDONLY);  // becomes 0
    const int high = fcntl(left_open, F_DUPFD, 20);
    close(left_open);
    signal(SIGCHLD, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    PrepareProcess();
    if (fcntl(0, F_GETFD) != 0 || fcntl(2, F_GETFD) != 0) return 1;
    if (fcntl(high, F_GETFD) != FD_CLOEXEC) return 2;
    struct sigaction action{};
    sigaction(SIGCHLD, nullptr, &action);
    if (action.sa_handler != SIG_DFL) return 3;
    sigaction(SIGPIPE, nullptr, &action);
    if (action.sa_handler != SIG_IGN) return 4;
    sigaction(SIGXFSZ, nullptr, &action);
    if (action.sa_handler != SIG_IGN) return 7;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, nullptr, &mask);
    if (sigismember(&mask, SIGCHLD) != 0 || sigismember(&mask, SIGTERM) != 0) return 5;
    int subreaper = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    return subreaper == 1 ? 0 : 6;
  });
  EXPECT_EQ(result, 0);
}

TEST(SelfPool, IsThisProgramWithItsArguments) {
  char name[] = "whatever";
  char flag[] = "--flag";
  char* argv[] = {name, flag, nullptr};
  const PoolSettings pool = SelfPool("self", argv);
  EXPECT_EQ(pool.name, "self");
  ASSERT_EQ(pool.command.size(), 2U);
  EXPECT_EQ(pool.command[0][0], '/');
  EXPECT_NE(pool.command[0].find("driver_test"), std::string::npos);
  EXPECT_EQ(pool.command[1], "--flag");
}

}  // namespace
}  // namespace andiron
