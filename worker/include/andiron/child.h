// For programs that are children: warm up once, then run the jobs that the worker hands over.
//
//     int main(int argc, char** argv) {
//       Spell spell;                                              // implements andiron::JobHandler
//       return andiron::ChildMain(argc, argv, spell);
//     }
//
// ChildMain speaks the protocol of proto/child.proto on the descriptor that ANDIRON_CHANNEL_FD names.
// It needs no libuv and no Abseil, and links statically (a static child starts 5 times faster).
//
// Threads: Prewarm and Run are called on the caller's thread (with a concurrency above one, each Run on a thread of its
// own). Pings and cancels are answered while a job runs, by a thread of ChildMain's own that takes no signals; it takes
// over only when a job has run for 10 ms, so a short job costs no switch between threads, and a cancel reaches a job
// within 20 ms. All of JobContext may be used from any thread while Run lasts.
//
// The process exits by itself, within 20 milliseconds, when the worker is gone, also in the middle of a job: by
// _exit(69), without destructors. While Prewarm lasts nobody reads: then Progress notices it, and the kernel's
// parent-death signal.
//
// Exit codes: 0 told to stop (where the stop signal, by default SIGTERM, hasn't ended it before), 1 not
// warm, 64 started by hand, 69 the worker is gone, 76 it broke the protocol.
//
// Descriptors: the channel becomes close-on-exec and ANDIRON_CHANNEL_FD is unset, so that what a job starts doesn't
// hold it. stdout becomes line-buffered: it is the child's log.
#ifndef ANDIRON_CHILD_H_
#define ANDIRON_CHILD_H_

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace andiron {

// What Prewarm may use.
class WarmUp {
 public:
  // Says that warming up goes on: moves init_stall_timeout on. `percent` 0-100, or -1 if unknown.
  virtual void Progress(int percent, std::string_view text) = 0;

 protected:
  ~WarmUp() = default;
};

// One job, valid while its Run lasts.
class JobContext {
 public:
  virtual std::string_view id() const = 0;
  virtual std::string_view payload() const = 0;
  // Somebody wants the job to end: return soon. Poll it, or wait with WaitCancelled.
  virtual bool cancelled() const = 0;
  // Sleeps until the job is cancelled (true) or the time is over (false).
  virtual bool WaitCancelled(std::chrono::milliseconds time) = 0;

 protected:
  ~JobContext() = default;
};

struct JobResult {
  enum class End { kSucceeded, kFailed, kCancelled };
  End end = End::kSucceeded;
  std::string text;  // the output (bytes), or the error's text (made UTF-8 and cut to 64 KiB)

  static JobResult Success(std::string output) { return {End::kSucceeded, std::move(output)}; }
  static JobResult Failure(std::string error) { return {End::kFailed, std::move(error)}; }
  static JobResult Cancelled() { return {End::kCancelled, {}}; }
};

class JobHandler {
 public:
  virtual ~JobHandler() = default;
  // Loads what is slow to load. "" = warm; else why not: the text goes to stderr and the child exits with 1. So does an
  // exception's.
  virtual std::string Prewarm(WarmUp& warm_up);
  // Runs one job. An exception that escapes becomes FAILED with its what().
  virtual JobResult Run(JobContext& job) = 0;
};

struct ChildOptions {
  // Jobs that may run at once, each on its own thread. The worker hands over no more than the pool's
  // max_concurrent_jobs_per_child, else it is told so by a FAILED job; 1 runs them on the main thread.
  int concurrency = 1;
};

// Whether this process was started by a worker (ANDIRON_CHANNEL_FD is set). A one-file worker asks this first: not
// after ChildMain, which unsets it.
bool IsChild();

// Serves until the worker says stop or goes away; returns the exit code for main. Started by hand, not by a
// worker, it says so on stderr and returns 64. argc and argv are the program's, for messages only.
int ChildMain(int argc, char** argv, JobHandler& handler, const ChildOptions& options = {});

}  // namespace andiron

#endif  // ANDIRON_CHILD_H_
