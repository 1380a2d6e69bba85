// What the oracle demands of an agent after each step.
#include <algorithm>

#include "tests/sim_livekit/oracle.h"

namespace andiron::livekit_sim {
namespace {

using livekit::Agent;
using livekit::JobStatus;

// The agent's own account is looked at every so many steps: it is dearer than the step itself.
constexpr std::int64_t kLookEvery = 8;

bool Same(float a, float b) { return a > b - 1e-6F && a < b + 1e-6F; }

}  // namespace

void Oracle::Check(const std::vector<livekit::AgentAction>& actions, const livekit::Agent& agent) {
  closes_now_ = std::any_of(actions.begin(), actions.end(),
                            [](const auto& action) { return std::holds_alternative<livekit::Closed>(action); });
  Demand(!closed_ || actions.empty(), "CLOSE and goes on");
  if (closed_) return;
  NoteStall(actions);
  EndUnsubmitted(actions);
  Judge();
  for (const livekit::AgentAction& action : actions) {
    Demand(!closed_, "CLOSE and goes on");
    std::visit([this](const auto& known) { Did(known); }, action);
  }
  AfterLink();
  AfterOffers();
  AfterJobs();
  AfterLoad();
  AfterClose();
  AfterStatus(agent);
  offered_.clear();
  owed_.clear();
  new_.clear();
  runnings_.clear();
  cancels_.clear();
  refused_.clear();
}

// From then on until its link is gone it answers no offers, and keeps what it has accepted.
void Oracle::NoteStall(const std::vector<livekit::AgentAction>& actions) {
  const bool said = std::any_of(actions.begin(), actions.end(), [](const auto& action) {
    const auto* line = std::get_if<livekit::LogLine>(&action);
    return line != nullptr && line->event == "agent_stalled";
  });
  Demand(!said || (maybe_stalled_ && !ReadsOut()), "LINK stalled without a stall");
  Demand(said || !stalled_ || ReadsOut() || link_ == 0, "LINK stalls and doesn't say so");
  if (!said) return;
  stalled_ = true;
  if (link_ == 0) {
    hurry_ = true;
    return;
  }
  read_out_by_ = now_ + Agent::kReadOut;
  pending_.clear();
  owed_.clear();
}

// An assigned job that isn't submitted has failed at once.
void Oracle::EndUnsubmitted(const std::vector<livekit::AgentAction>& actions) {
  std::set<std::string> submitted;
  for (const livekit::AgentAction& action : actions) {
    if (const auto* submit = std::get_if<livekit::SubmitJob>(&action)) submitted.insert(submit->assignment.job_id);
  }
  for (const auto& [job_id, fresh] : new_) {
    if (submitted.contains(job_id)) continue;
    Demand(fresh.refusing && !fresh.accepted, "JOB assigned and not submitted: " + job_id);
    cancels_.erase(job_id);
    Job& job = jobs_.at(job_id);
    job.terminated = false;
    EndJob(job, JobStatus::kFailed, "not started");
    job.repeat = true;
  }
}

void Oracle::Judge() {
  for (auto entry = accepted_.begin(); entry != accepted_.end();) {
    const bool given_up = !ReadsOut() && as_of_ - entry->second >= Agent::kAssignmentDeadline;
    entry = given_up ? accepted_.erase(entry) : std::next(entry);
  }
  const bool late = !registered_ && as_of_ - opened_at_ >= settings_.connect_timeout;
  const bool silent = registered_ && !pings_.empty() && as_of_ - pong_since_ >= settings_.ping_timeout;
  const bool more = ReadsOut() && registered_ && unread_ > 0 && as_of_ < read_out_by_;
  must_close_ = link_ != 0 && (gone_ || broke_ || (!more && (late || silent || stuck_ || stalled_)));
  may_close_ = must_close_ || closes_now_;
  // Closing early would give up what a little time could have brought home.
  const bool waits = !accepted_.empty() && !must_close_;
  Demand(!closes_now_ || !waits || as_of_ >= close_by_, "CLOSE before all is said");
}

void Oracle::AfterLink() {
  Demand(!must_close_, "PEER keeps a link that it must drop");
  if (closed_) return;
  Demand(link_ != 0 || closing_ || now_ - ended_at_ < settings_.backoff_max, "LINK stays away");
  Demand(link_ != 0 || !hurry_, "LINK doesn't hurry");
  Demand(!opened_ || register_said_, "LINK doesn't register");
  Demand(!registered_ || now_ < ping_at_, "PEER isn't pinged");
}

void Oracle::AfterOffers() {
  if (closed_) return;
  Demand(owed_.empty(), "I15 offered again, and no answer");
  for (const auto& [job_id, read] : pending_) {
    Demand(now_ - read < Agent::kAnswerDeadline, "OFFER not answered in time: " + job_id);
    Demand(!Refusing(), "OFFER not refused at once: " + job_id);
  }
  const std::size_t asked = pending_.size() + accepted_.size();
  Demand(places_.size() <= asked, "PLACE held for nobody");
  Demand(Granted() >= static_cast<std::int64_t>(accepted_.size()), "I20 accepted, and the place is gone");
  Demand(places_.size() == asked, "OFFER waits for nothing");
}

void Oracle::AfterJobs() {
  Demand(cancels_.empty(), "JOB isn't cancelled");
  if (closed_) return;
  Demand(!registered_ || runnings_.empty(), "JOB started, and the server isn't told");
  Demand(unproved_.empty(), "I16 said without asking for a proof");
  Demand(Unread() <= settings_.outbox_limit, "I16 more than outbox_limit");
  for (const auto& [job_id, job] : jobs_) {
    if (!job.unread) continue;
    Demand(!registered_ || job.due > now_, "I16 not said though it could be: " + job_id);
    Demand(as_of_ - job.unread_since < settings_.status_ttl, "I16 kept longer than status_ttl: " + job_id);
  }
}

void Oracle::AfterLoad() {
  if (!registered_ || closed_) return;
  const livekit::TellLoad truth = Truth();
  Demand(load_told_, "LOAD isn't told after a registration");
  if (Dips()) return;  // it is told when it lasts
  Demand(told_.full == truth.full, "I19 told that it can take a job, or that it can't, and the truth is other");
  const bool same = Same(told_.load, truth.load) && told_.job_count == truth.job_count;
  Demand(same || now_ - told_at_ < Agent::kLoadInterval, "LOAD isn't told in time");
}

void Oracle::AfterClose() {
  if (!closing_ || closed_) return;
  Demand(as_of_ < close_by_, "CLOSE takes too long");
  Demand(!quiet(), "CLOSE waits for nothing");
}

void Oracle::AfterStatus(const livekit::Agent& agent) {
  const livekit::AgentStatus status = agent.Status();
  const TimePoint next = agent.NextDeadline();
  if (closed_) return Demand(next == kNever, "TIME goes on after Closed");
  Demand(next > as_of_, "TIME a deadline has passed");
  Demand(!opened_ || next <= now_ + Agent::kTick, "TIME no tick on an open link");
  Demand(status.succeeded == succeeded_ && status.failed == failed_, "STATUS counts ends wrongly");
  Demand(status.terminated == terminated_, "STATUS counts terminations wrongly");
  Demand(status.unacknowledged == lost_, "STATUS counts lost ends wrongly");
  Demand(status.outbox == Unread(), "STATUS counts unread ends wrongly");
  Demand(status.jobs == live_, "STATUS counts jobs wrongly");
  if (steps_ % kLookEvery != 0) return;
  const std::string problem = agent.CheckInvariants();
  Demand(problem.empty(), "INSIDE " + problem);
}

}  // namespace andiron::livekit_sim
