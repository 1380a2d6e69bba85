// The embedding API: a worker inside your program, on your libuv loop.
//
//     andiron::WorkerSettings settings;                  // one pool, its children this same program
//     settings.pools.push_back(andiron::SelfPool("jobs", argv));
//     auto worker = andiron::Worker::Create(loop, settings);
//     (*worker)->Submit({.pool = "jobs", .payload = "hello"}, [](const andiron::JobReport& report) { ... });
//     uv_run(loop, UV_RUN_DEFAULT);
//
// Threads: one. Everything is called, and calls back, on the thread that runs the loop. (A helper thread of
// the worker's own starts processes; nothing of yours runs there.)
// Errors: bad settings come back from Create. Nothing here throws, and nothing aborts on what comes from outside.
// The host keeps: its signal handlers, dispositions, mask and descriptors. Only PrepareProcess() touches them,
// and only if the host calls it. The host must not reap with waitpid(-1): it would take our children's statuses
// (we notice and say so, but the exit codes are lost).
#ifndef ANDIRON_WORKER_H_
#define ANDIRON_WORKER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <andiron/outcome.h>
#include <andiron/settings.h>
#include <andiron/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct uv_loop_s;

namespace andiron {

struct JobRequest {
  std::string pool = "default";
  std::string id{};       // "" = one is made up
  std::string payload{};  // opaque bytes
  std::optional<Duration> start_by{};
  std::optional<Duration> run_for{};
  int priority = 0;
};

// The one end of a job. Either it was refused (then it was never accepted), or it has its one outcome.
struct JobReport {
  std::string id;
  bool refused = false;
  Refusal refusal = Refusal::kQueueFull;  // if refused
  Duration retry_after{};                 // if refused; zero = don't
  Outcome outcome = Outcome::kSucceeded;  // if not refused
  std::string output;                     // after kSucceeded
  std::string error;                      // else: what happened and what to do about it, for people
  Duration queued{};
  Duration ran{};
  std::string child;           // "pool/slot.generation" that had it last; "" = none
  int signal = 0;              // that ended its child, if one did
  bool still_running = false;  // its child could not be killed
};

// Called for a job's report: exactly once, from the loop, never from within Submit. Not after the worker's destruction.
using ReportCallback = std::function<void(const JobReport&)>;

// One job's way through the worker; survives the job.
enum class JobHandle : std::uint64_t {};

class Worker {
 public:
  // The loop must outlive the worker. Starts the pools at the next loop turn.
  // InvalidArgument: settings that contradict each other, all of them named in the message.
  // FailedPrecondition: the process is a subreaper or process 1, and has a worker.
  // ResourceExhausted: the loop has no memory or descriptors.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(uv_loop_s* loop, WorkerSettings settings);

  // Kills what is left of the children and gives the loop its handles back; they close while the loop runs on
  // (one turn), so run the loop once more before uv_loop_close. After Stop() has reported, nothing is left to kill.
  virtual ~Worker() = default;

  virtual JobHandle Submit(JobRequest request, ReportCallback report) = 0;
  // Harmless for a job that has ended.
  virtual void Cancel(JobHandle job) = 0;

  // Accept nothing, let jobs end until drain_timeout. `done` is called when none is left, or when a Resume has called
  // the drain off.
  virtual void Drain(std::function<void()> done) = 0;
  // Accept jobs again. Nothing, once a Stop was asked for.
  virtual void Resume() = 0;
  // Drain (or with `now`: kill), stop every child, then call `done`: no child is left, or the log says which.
  virtual void Stop(bool now, std::function<void()> done) = 0;

  // The JSON that `andiron status -o json` prints.
  virtual std::string StatusJson() const = 0;
};

// A pool whose children are this very program, started again with the same arguments: main() asks IsChild() first
// (andiron/child.h). `argv` is main's.
PoolSettings SelfPool(std::string name, char** argv);

// For a program that is nothing but a worker: descriptors 0-2 open, others close-on-exec, SIGCHLD default and
// unblocked, SIGPIPE and SIGXFSZ ignored, orphaned descendants adopted. First thing in main(), before any thread.
// After it Worker::Create forks, where there is a cgroup and this isn't process 1: a keeper, which kills what children
// have left behind if this process is killed, and ends with the worker.
void PrepareProcess();

}  // namespace andiron

#endif  // ANDIRON_WORKER_H_
