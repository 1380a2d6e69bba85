// `andiron submit --lines`: many jobs to a running worker over one connection, as many outstanding as fit.
//
// Promises: memory is bounded as in Batch; a slow reader of our output never makes us deaf to the worker; refusals that
// pass (a full queue) are tried again as long as Patience says. One thread.
#ifndef ANDIRON_TOOLS_ANDIRON_SUBMIT_RUN_H_
#define ANDIRON_TOOLS_ANDIRON_SUBMIT_RUN_H_

#include <absl/status/status.h>
#include <andiron/time.h>
#include <andiron/worker.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/andiron/batch.h"
#include "tools/andiron/batch_inputs.h"
#include "tools/andiron/patience.h"
#include "worker/console/event_loop.h"
#include "worker/console/output_writer.h"
#include "worker/control/control_client.h"

namespace andiron {

struct SubmitOptions {
  control::Submit job;  // pool, limits and priority of each
  std::vector<std::string> files;
  bool ordered = true;
  bool json = false;
  bool detach = false;                           // each ends for us when it is accepted: prints its id
  Duration patience = std::chrono::seconds(30);  // with refusals, while no job of ours is under way
};

class SubmitRun {
 public:
  SubmitRun(EventLoop& loop, ControlClient& client, const SubmitOptions& options);

  // Until every line's job has ended, or the connection has: lost() says why, if it did. Otherwise the exit code: that
  // of the jobs that didn't succeed, where they agree, else 125.
  int Run();
  const absl::Status& lost() const { return lost_; }
  // Jobs that were submitted, and whose outcome the connection's end has kept from us.
  std::int64_t unknown() const { return unknown_; }
  // An input that can't be read, or an output that can't be written; "" = none.
  std::string problem() const;

 private:
  void Pump();
  void Feed();
  void Submit();
  void RefuseNext();
  void Read();
  void Handle(const control::FromWorker& message);
  void End(std::uint64_t request, JobReport report);
  void OnTick();
  void NoteResult(std::size_t bytes);
  void SetFlight(int wanted);
  void NoteEnd(const JobReport& report);
  void OnAccepted(const control::Accepted& accepted);
  void EndDetached(const control::Accepted& accepted);
  void Write();
  int ExitCode() const;

  EventLoop& loop_;
  ControlClient& client_;
  const SubmitOptions& options_;
  Batch batch_;
  OutputWriter out_;
  OutputWriter err_;
  BatchInputs inputs_;
  std::optional<Watcher> watcher_;  // none once the connection has ended
  Ticker ticker_;
  std::map<std::uint64_t, std::int64_t> numbers_;  // request to job
  std::set<std::uint64_t> under_way_;              // requests that were accepted and have not ended
  int flight_;                                     // so many jobs at once
  std::size_t largest_ = 0;                        // result so far
  int failure_ = 0;                                // exit code of those that didn't succeed
  TimePoint submit_after_{};
  Patience patience_;
  absl::Status lost_;
  std::int64_t unknown_ = 0;
};

// The worker's words as a report.
JobReport ReportOf(const control::Outcome& outcome);
JobReport ReportOf(const control::Refused& refused);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_SUBMIT_RUN_H_
