// What an agent says of itself - load, FULL - and how it ends.
#include <utility>

#include "worker/livekit/agent.h"
#include "worker/livekit/agent_texts.h"

namespace andiron::livekit {

void Agent::Record(CapacityTold& fact) {
  capacity_ = fact;
  if (!Short()) {
    short_since_ = kNever;
  } else if (short_since_ == kNever) {
    short_since_ = now_;
  }
}

void Agent::Record(DrainTold& fact) { draining_ = fact.draining; }

void Agent::Record(CloseAsked&) {
  if (closing_) return;
  closing_ = true;
  flush_deadline_ = Later(now_, settings_.flush_timeout);
  retry_at_ = now_;  // the last words don't wait for a long back-off
  backoff_ = Duration::zero();
}

TellLoad Agent::Load() const {
  TellLoad load{.full = false, .load = 1, .job_count = static_cast<std::uint32_t>(jobs_.size())};
  load.full = Short() || Refusing() || Stalled();
  if (!load.full) {
    const double busy = capacity_.busy > 0 ? capacity_.busy : 0;
    load.load = static_cast<float>(kLoadMax * busy / (busy + capacity_.capacity));
  }
  return load;
}

void Agent::SayLoad(const TellLoad& load) {
  load_ = load;
  load_said_ = true;
  load_at_ = now_;
  SayWord(load);
}

// Taken places are on their way to be replaced: in a burst, FULL would be told and untold with each job, and what the
// server would offer in between is lost for everybody.
bool Agent::Dips() const {
  if (Refusing() || Stalled() || !load_said_ || load_.full) return false;
  return Short() && now_ < Later(short_since_, kLoadInterval);
}

TimePoint Agent::LoadDue() const {
  if (!Differs(Load())) return kNever;
  return Later(Dips() ? short_since_ : load_at_, kLoadInterval);
}

// The server takes a new registration for available and idle: the truth goes out in the same step.
void Agent::ReconcileLoad() {
  if (link_ != Link::kRegistered || Dips()) return;
  const TellLoad load = Load();
  const bool urgent = !load_said_ || load.full != load_.full;
  if (urgent || (Differs(load) && now_ >= Later(load_at_, kLoadInterval))) SayLoad(load);
  if (simulated_ || load_.full || agent_.simulate.empty()) return;
  simulated_ = true;
  SayWord(SimulateJob{.type = agent_.type, .room = agent_.simulate});
}

bool Agent::Differs(const TellLoad& load) const {
  return load.full != load_.full || load.load != load_.load || load.job_count != load_.job_count;
}

// Nothing is left to be said or waited for.
bool Agent::Flushed() const { return jobs_.empty() && offers_.empty() && outbox_.size() == 0; }

void Agent::ReconcileClose() {
  if (closing_ && (Flushed() || flush_deadline_ <= as_of_)) Close();
}

void Agent::Close() {
  JobEnded stopped;
  stopped.outcome = Outcome::kKilledShutdown;
  while (!jobs_.empty()) EndJob(jobs_.begin()->first, JobStatus::kFailed, FailureText(stopped));
  ReconcileEnds();
  NoteLost(outbox_.UnreadIds(), "the worker ends");
  ReleaseOffers();
  if (link_ != Link::kNone) actions_->emplace_back(CloseLink{attempt_, "the worker ends"});
  link_ = Link::kNone;
  read_out_by_ = kNever;
  closed_ = true;
  actions_->emplace_back(Closed{});
}

}  // namespace andiron::livekit
