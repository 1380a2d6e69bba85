// Who waits for which number: carries what sources ask to the core, and what the core answers to the right source.
//
// Posts facts, decides nothing. O(1) for each job. The inbox, the core and the pools' settings must outlive it.
#ifndef ANDIRON_WORKER_DRIVER_JOB_DESK_H_
#define ANDIRON_WORKER_DRIVER_JOB_DESK_H_

#include <absl/container/flat_hash_map.h>
#include <andiron/settings.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/action.h"
#include "jobs/core.h"
#include "worker/driver/inbox.h"
#include "worker/job_source.h"

namespace andiron {

class JobDesk final : public Desk {
 public:
  // What the desk remembers of a job, for the texts of its end.
  struct Entry {
    std::string id;
    JobSource* source = nullptr;         // null = it has left
    const PoolSettings* pool = nullptr;  // null = there is none of that name
    std::optional<Duration> start_by;    // where they differ from the pool's
    std::optional<Duration> run_for;
  };

  // `seed` sets the made-up ids of this worker's life apart from those of others.
  JobDesk(Inbox& inbox, const Core& core, const std::vector<PoolSettings>& pools, std::uint64_t seed);

  // ---- Desk ----
  JobNumber Submit(JobSource& source, JobSubmitted job) override;
  void Cancel(JobNumber job, std::optional<Duration> grace) override;
  ReservationNumber Reserve(JobSource& source, std::string pool) override;
  void Release(ReservationNumber reservation) override;
  std::optional<JobNumber> FindJob(std::string_view pool, std::string_view id) const override;
  void Join(JobSource& source) override;
  void Leave(JobSource& source) override;

  // A name for a job whose submitter gave none: never used twice.
  std::string MakeUpId();

  // ---- the core's answers ----
  void Deliver(const Accepted& answer);
  void Deliver(const Refused& answer);
  void Deliver(const ReportStarted& answer);
  void Deliver(const ReservationAnswered& answer);
  void Deliver(const CapacityChanged& news);
  void Deliver(WorkerState news);
  // The job's last: forgets it.
  void Deliver(JobEnd& end);
  void TurnEnds();
  // An array with an object of each joined source that has something to tell.
  void WriteSources(JsonWriter& json) const;

  // What is known of a job that hasn't ended; null = none.
  const Entry* Find(JobNumber job) const;
  std::size_t unfinished() const { return jobs_.size(); }
  const std::vector<PoolSettings>& pools() const { return pools_; }

 private:
  JobSource* SourceOf(JobNumber job) const;
  void Decided(JobNumber job);

  Inbox& inbox_;
  const Core& core_;
  const std::vector<PoolSettings>& pools_;
  std::string id_prefix_;
  std::uint64_t last_job_ = 0;
  std::uint64_t last_reservation_ = 0;
  std::uint64_t last_id_ = 0;
  absl::flat_hash_map<std::uint64_t, Entry> jobs_;
  // Ids of jobs that the core hasn't answered for yet, of equal ones the first: that one it may accept.
  absl::flat_hash_map<std::string, std::uint64_t> undecided_;
  absl::flat_hash_map<std::uint64_t, JobSource*> reservations_;
  std::vector<JobSource*> joined_;  // null = left while they were being told
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_JOB_DESK_H_
