#include "worker/driver/job_desk.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "worker/base/json.h"

namespace andiron {
namespace {

std::uint64_t Key(JobNumber job) { return static_cast<std::uint64_t>(job); }
std::uint64_t Key(ReservationNumber reservation) { return static_cast<std::uint64_t>(reservation); }

}  // namespace

JobDesk::JobDesk(Inbox& inbox, const Core& core, const std::vector<PoolSettings>& pools, std::uint64_t seed)
    : inbox_(inbox), core_(core), pools_(pools) {
  char prefix[32];
  std::snprintf(prefix, sizeof prefix, "j%08x-", static_cast<unsigned>(seed));
  id_prefix_ = prefix;
}

std::string JobDesk::MakeUpId() { return id_prefix_ + std::to_string(++last_id_); }

JobNumber JobDesk::Submit(JobSource& source, JobSubmitted job) {
  job.job = JobNumber{++last_job_};
  if (job.id.empty()) job.id = MakeUpId();
  const auto pool = std::ranges::find(pools_, job.pool, &PoolSettings::name);
  jobs_.emplace(last_job_, Entry{job.id, &source, pool == pools_.end() ? nullptr : &*pool, job.start_by, job.run_for});
  undecided_.try_emplace(job.id, last_job_);
  const JobNumber number = job.job;
  inbox_.Post(std::move(job));
  return number;
}

void JobDesk::Cancel(JobNumber job, std::optional<Duration> grace) {
  if (jobs_.contains(Key(job))) inbox_.Post(JobCancelled{job, grace});
}

ReservationNumber JobDesk::Reserve(JobSource& source, std::string pool) {
  const ReservationNumber number{++last_reservation_};
  reservations_.emplace(last_reservation_, &source);
  inbox_.Post(ReservationAsked{number, std::move(pool)});
  return number;
}

void JobDesk::Release(ReservationNumber reservation) { inbox_.Post(ReservationReleased{reservation}); }

std::optional<JobNumber> JobDesk::FindJob(std::string_view pool, std::string_view id) const {
  if (const std::optional<JobNumber> known = core_.FindJob(pool, id)) return known;
  const auto found = undecided_.find(std::string(id));
  if (found == undecided_.end()) return std::nullopt;
  const PoolSettings* its_pool = jobs_.at(found->second).pool;
  if (its_pool == nullptr || (!pool.empty() && its_pool->name != pool)) return std::nullopt;
  return JobNumber{found->second};
}

void JobDesk::Join(JobSource& source) { joined_.push_back(&source); }

void JobDesk::Leave(JobSource& source) {
  std::ranges::replace(joined_, &source, static_cast<JobSource*>(nullptr));
  for (auto& [number, entry] : jobs_) {
    if (entry.source == &source) entry.source = nullptr;
  }
  for (auto& [number, asker] : reservations_) {
    if (asker == &source) asker = nullptr;
  }
}

void JobDesk::WriteSources(JsonWriter& json) const {
  json.BeginArray();
  for (const JobSource* source : joined_) {
    if (source != nullptr) source->WriteStatus(json);
  }
  json.EndArray();
}

const JobDesk::Entry* JobDesk::Find(JobNumber job) const {
  const auto found = jobs_.find(Key(job));
  return found == jobs_.end() ? nullptr : &found->second;
}

JobSource* JobDesk::SourceOf(JobNumber job) const {
  const Entry* entry = Find(job);
  return entry == nullptr ? nullptr : entry->source;
}

void JobDesk::Decided(JobNumber job) {
  const Entry* entry = Find(job);
  if (entry == nullptr) return;
  const auto found = undecided_.find(entry->id);
  if (found != undecided_.end() && found->second == Key(job)) undecided_.erase(found);
}

void JobDesk::Deliver(const Accepted& answer) {
  Decided(answer.job);
  if (JobSource* source = SourceOf(answer.job)) source->OnAccepted(answer.job);
}

void JobDesk::Deliver(const Refused& answer) {
  Decided(answer.job);
  JobSource* source = SourceOf(answer.job);
  jobs_.erase(Key(answer.job));
  if (source != nullptr) source->OnRefused(answer);
}

void JobDesk::Deliver(const ReportStarted& answer) {
  if (JobSource* source = SourceOf(answer.job)) source->OnStarted(answer.job, answer.child);
}

void JobDesk::Deliver(JobEnd& end) {
  JobSource* source = SourceOf(end.report.job);
  jobs_.erase(Key(end.report.job));
  if (source != nullptr) source->OnOutcome(end);
}

void JobDesk::Deliver(const ReservationAnswered& answer) {
  const auto found = reservations_.find(Key(answer.reservation));
  if (found == reservations_.end()) return;
  JobSource* source = found->second;
  reservations_.erase(found);
  if (source != nullptr) {
    source->OnReservation(answer);
  } else if (answer.granted) {
    Release(answer.reservation);
  }
}

// Sources may join and leave while they are told: by index, and what has left is null.
void JobDesk::Deliver(const CapacityChanged& news) {
  for (std::size_t i = 0; i < joined_.size(); ++i) {
    if (joined_[i] != nullptr) joined_[i]->OnCapacity(news);
  }
}

void JobDesk::Deliver(WorkerState news) {
  for (std::size_t i = 0; i < joined_.size(); ++i) {
    if (joined_[i] != nullptr) joined_[i]->OnWorkerState(news);
  }
}

void JobDesk::TurnEnds() {
  for (std::size_t i = 0; i < joined_.size(); ++i) {
    if (joined_[i] != nullptr) joined_[i]->OnTurnEnd();
  }
  std::erase(joined_, nullptr);
}

}  // namespace andiron
