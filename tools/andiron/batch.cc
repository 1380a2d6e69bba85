#include "tools/andiron/batch.h"

#include <numeric>
#include <utility>
#include <vector>

#include "tools/andiron/text.h"

namespace andiron {

std::int64_t BatchCounts::done() const { return std::accumulate(outcomes.begin(), outcomes.end(), refused); }

bool Batch::HasRoom(std::size_t unwritten) const {
  if (!waiting_.empty() || counts_.in_flight >= options_.flight_max) return false;
  if (bytes_ + output_.size() + errors_.size() + unwritten > options_.bytes_max) return false;
  return jobs_.empty() || !options_.ordered || last_ - jobs_.begin()->first < options_.held_max;
}

std::int64_t Batch::Add(std::string place, std::string payload) {
  ++last_;
  bytes_ += payload.size();
  jobs_.emplace(last_, Job{std::move(place), std::move(payload), std::nullopt});
  waiting_.push_back(last_);
  return last_;
}

Batch::Submission Batch::Next() {
  const std::int64_t number = waiting_.front();
  waiting_.pop_front();
  ++counts_.in_flight;
  return {number, jobs_.at(number).payload};
}

bool Batch::End(std::int64_t number, const JobReport& report) {
  if (report.refused && report.retry_after > Duration::zero()) {
    --counts_.in_flight;
    waiting_.push_back(number);
    return false;
  }
  Record(number, report);
  std::string text;
  if (options_.json) {
    text = JobJson(report.id.empty() ? std::to_string(number) : report.id, place(number), report);
  } else if (!report.refused && report.outcome == Outcome::kSucceeded) {
    text = EndedLine(report.output);
  }
  --counts_.in_flight;
  Print(jobs_.find(number), std::move(text));
  return true;
}

void Batch::EndWith(std::int64_t number, std::string text) {
  ++counts_.outcomes[static_cast<std::size_t>(Outcome::kSucceeded)];
  --counts_.in_flight;
  Print(jobs_.find(number), std::move(text));
}

void Batch::Record(std::int64_t number, const JobReport& report) {
  if (report.refused) {
    ++counts_.refused;
  } else {
    ++counts_.outcomes[static_cast<std::size_t>(report.outcome)];
    if (report.outcome == Outcome::kSucceeded) return;
  }
  errors_ += "andiron: " + FailureText(report.id.empty() ? std::to_string(number) : report.id, place(number), report);
}

void Batch::Print(std::map<std::int64_t, Job>::iterator job, std::string text) {
  bytes_ -= job->second.payload.size();
  std::string().swap(job->second.payload);
  if (!options_.ordered) {
    output_ += text;
    jobs_.erase(job);
    return;
  }
  bytes_ += text.size();
  job->second.text = std::move(text);
  while (!jobs_.empty() && jobs_.begin()->second.text.has_value()) {
    const std::string& ready = *jobs_.begin()->second.text;
    output_ += ready;
    bytes_ -= ready.size();
    jobs_.erase(jobs_.begin());
  }
}

std::int64_t Batch::DropUnfinished() {
  waiting_.clear();
  counts_.in_flight = 0;
  std::vector<std::int64_t> unfinished;
  for (const auto& [number, job] : jobs_) {
    if (!job.text.has_value()) unfinished.push_back(number);
  }
  for (const std::int64_t number : unfinished) Print(jobs_.find(number), "");
  return static_cast<std::int64_t>(unfinished.size());
}

std::string Batch::TakeOutput() { return std::exchange(output_, {}); }

std::string Batch::TakeErrors() { return std::exchange(errors_, {}); }

}  // namespace andiron
