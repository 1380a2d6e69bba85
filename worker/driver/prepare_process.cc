// What a program that is nothing but a worker does to itself before its first thread. An embedded worker does none of
// it.
#include "worker/driver/prepare_process.h"

#include <andiron/worker.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace andiron {
namespace {

bool prepared = false;

// A closed 0, 1 or 2 would be given to the next thing that is opened, and a library's message would end up in it.
void OpenStandardDescriptors() {
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one.
    if (open("/dev/null", O_RDWR) < 0) return;
  }
}

// Before Linux 5.11 close_range doesn't know the flag: then one by one.
void CloseOthersOnExec() {
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    const int descriptor = std::atoi(entry->d_name);
    if (descriptor > 2) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  closedir(directory);
}

// An ignored SIGCHLD, inherited from whoever started us, would make the kernel throw exit statuses away.
void SetSignals() {
  struct sigaction action{};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
  // A log that reaches the limit of a file's size (ulimit -f) is a failed write, no reason to die.
  sigaction(SIGXFSZ, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void PrepareProcess() {
  OpenStandardDescriptors();
  CloseOthersOnExec();
  SetSignals();
  // As process 1 orphans come to us anyway; elsewhere they come because of this.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  prepared = true;
}

bool ProcessIsPrepared() { return prepared; }

}  // namespace andiron
