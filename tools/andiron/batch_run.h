// `andiron run` on its loop: a private worker, the inputs, the outputs, signals, and the end.
//
// Everything meets in Pump(): what is read is submitted as far as there is room, what has ended is printed, and when
// nothing is left the worker is stopped. One thread.
#ifndef ANDIRON_TOOLS_ANDIRON_BATCH_RUN_H_
#define ANDIRON_TOOLS_ANDIRON_BATCH_RUN_H_

#include <andiron/settings.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/andiron/batch.h"
#include "tools/andiron/batch_inputs.h"
#include "tools/andiron/progress.h"
#include "worker/console/event_loop.h"
#include "worker/console/output_writer.h"
#include "worker/console/signals.h"
#include "worker/driver/worker_impl.h"

namespace andiron {

struct RunOptions {
  WorkerSettings settings;  // with one pool
  std::vector<std::string> files;
  Split split = Split::kLine;
  bool ordered = true;
  bool json = false;
  bool quiet = false;  // no progress, no summary
};

class BatchRun {
 public:
  BatchRun(EventLoop& loop, const RunOptions& options);

  // Until the last child has ended; the exit code.
  int Run();

 private:
  enum class Phase {
    kFeeding,   // reads, submits, prints
    kStopping,  // the worker has been told to stop: what it reports is still printed
    kEnded,     // no child is left; what waits for a slow reader is still written
  };

  void Pump();
  void Feed();
  void Submit();
  void OnReport(std::int64_t number, JobReport report);
  void Write();
  void CheckOutputs();
  void CheckEnd();
  void Stop(bool now);
  void OnSignal(int number);
  void OnTick();
  void CheckBreaker();
  void ShowProgress();
  void Say(const std::string& line);
  void GiveUp(int exit_code, const std::string& why);
  int ExitCode() const;

  EventLoop& loop_;
  const RunOptions& options_;
  TimePoint started_;
  Batch batch_;
  OutputWriter out_;
  OutputWriter err_;
  BatchInputs inputs_;
  Signals signals_;
  Ticker ticker_;
  std::unique_ptr<WorkerImpl> worker_;

  Phase phase_ = Phase::kFeeding;
  TimePoint submit_after_{};  // a refusal asked for a pause
  std::optional<TimePoint> stuck_since_;
  TimePoint next_check_{};
  Pace pace_;
  bool live_ = false;        // stderr is a terminal: progress is shown
  bool line_shown_ = false;  // there is a progress line to be erased
  int signal_ = 0;           // the first that told us to stop
  int exit_code_ = 0;        // of what ended the run early
};

// How many jobs are under way at once: enough that no child waits for us.
int FlightMax(const PoolSettings& pool);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_BATCH_RUN_H_
