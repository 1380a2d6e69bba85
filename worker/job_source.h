// The seam between the worker and where jobs come from. Nothing else in the worker knows which source is in use.
//
// A source runs on the worker's loop and uses the Desk: it submits, reserves and cancels by number, and is called back
// through its JobSource methods in the order of the core's actions. Every number that was submitted gets exactly one
// OnRefused, or one OnAccepted and later one OnOutcome. A source that is gone must have told the desk (Leave): its
// numbers then report to nobody.
#ifndef ANDIRON_WORKER_JOB_SOURCE_H_
#define ANDIRON_WORKER_JOB_SOURCE_H_

#include <optional>
#include <string>
#include <string_view>

#include "jobs/action.h"
#include "jobs/fact.h"
#include "jobs/status.h"

namespace andiron {

class JsonWriter;

// The end of a job with the texts that people read.
struct JobEnd {
  ReportOutcome report;
  std::string error;  // "" after SUCCEEDED; else what happened and, where a child died, the autopsy's advice
  std::string child;  // "pool/slot.generation" or ""
  int signal = 0;     // that ended the child, if one did
  int exit_code = 0;  // of the child, if it died of itself
};

class JobSource {
 public:
  virtual ~JobSource() = default;
  virtual void OnAccepted(JobNumber job) = 0;
  virtual void OnRefused(const Refused& refused) = 0;
  virtual void OnStarted(JobNumber job, ChildId child) = 0;
  virtual void OnOutcome(JobEnd& end) = 0;  // may move strings out of it
  virtual void OnReservation(const ReservationAnswered&) {}
  virtual void OnCapacity(const CapacityChanged&) {}
  virtual void OnWorkerState(WorkerState) {}
  // The turn's other calls have been made: write what they left. For joined sources, at the end of every turn
  // that had something to say to anybody.
  virtual void OnTurnEnd() {}
  // One object, for the `sources` of the worker's status; a source without anything to tell writes nothing.
  virtual void WriteStatus(JsonWriter&) const {}
};

// What the worker offers to its sources. Everything posts a fact; the answer comes with the turn's step.
class Desk {
 public:
  virtual JobNumber Submit(JobSource& source, JobSubmitted job) = 0;  // `job.job` is filled in
  // `grace`: to end in when told; none = the pool's cancel_grace.
  virtual void Cancel(JobNumber job, std::optional<Duration> grace) = 0;
  virtual ReservationNumber Reserve(JobSource& source, std::string pool) = 0;
  virtual void Release(ReservationNumber reservation) = 0;
  // `pool`: only if it is a job of that pool; "" = whichever. No two jobs have one id at the same time. Finds also what
  // has been submitted and isn't decided yet.
  virtual std::optional<JobNumber> FindJob(std::string_view pool, std::string_view id) const = 0;
  virtual void Join(JobSource& source) = 0;   // from now on it hears OnCapacity and OnWorkerState
  virtual void Leave(JobSource& source) = 0;  // its numbers report to nobody

 protected:
  ~Desk() = default;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_JOB_SOURCE_H_
