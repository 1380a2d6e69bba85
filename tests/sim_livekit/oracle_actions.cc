// What the oracle demands of an agent's actions, one by one.
#include <algorithm>
#include <sstream>

#include "tests/sim_livekit/oracle.h"
#include "tests/sim_livekit/world.h"

namespace andiron::livekit_sim {
namespace {

using livekit::Agent;
using livekit::JobStatus;

bool Differ(const livekit::TellLoad& a, const livekit::TellLoad& b) {
  return a.full != b.full || a.job_count != b.job_count || a.load < b.load - 1e-6F || a.load > b.load + 1e-6F;
}

}  // namespace

void Oracle::Break(const std::string& rule) {
  if (problem_.empty()) problem_ = rule;
}

// ---- links ----

void Oracle::Did(const livekit::OpenLink& action) {
  Demand(link_ == 0, "LINK opens a second link");
  Demand(action.attempt == last_attempt_ + 1, "LINK attempts aren't counted");
  Demand(hurry_ || now_ - ended_at_ >= settings_.backoff_min, "LINK comes back before backoff_min");
  link_ = last_attempt_ = action.attempt;
  opened_at_ = now_;
  hurry_ = false;
}

void Oracle::Did(const livekit::CloseLink& action) {
  Demand(Current(action.attempt), "LINK closes a link that isn't there");
  Demand(may_close_, "PEER drops a healthy link: " + action.why);
  Demand(!action.why.empty(), "LINK closes without a reason");
  Demand(!stalled_ || !registered_ || told_.full, "LOAD after a stall isn't FULL");
  must_close_ = false;
  EndLink();
}

void Oracle::Did(const livekit::Say& action) {
  Demand(Current(action.attempt) && opened_, "LINK speaks on a link that isn't open");
  Demand(registered_ || std::holds_alternative<livekit::Register>(action.word), "LINK speaks before Registered");
  std::visit([this](const auto& word) { Said(word); }, action.word);
}

void Oracle::Said(const livekit::Register& word) {
  Demand(!register_said_, "LINK registers twice");
  Demand(word.agent_name == plan_.agent.name && !word.version.empty(), "LINK registers as somebody else");
  register_said_ = true;
}

void Oracle::Said(const livekit::Ping& word) {
  Demand(word.timestamp > last_ping_, "LINK ping isn't a new one");
  last_ping_ = word.timestamp;
  if (pings_.empty()) pong_since_ = now_;
  pings_.insert(last_ping_);
  ping_at_ = now_ + settings_.ping_interval;
  for (const std::string& job_id : unproved_) jobs_.at(job_id).proof = last_ping_;
  unproved_.clear();
}

// ---- offers and places ----

void Oracle::Said(const livekit::AnswerOffer& word) {
  const auto job = jobs_.find(word.job_id);
  const bool live = job != jobs_.end() && job->second.live;
  const bool known = live || accepted_.contains(word.job_id);
  const auto offer = pending_.find(word.job_id);
  owed_.erase(word.job_id);
  Demand(!stalled_, "OFFER answered after a stall");
  if (known || offer == pending_.end()) {
    Demand(offered_.contains(word.job_id), "OFFER answered that wasn't made: " + word.job_id);
    return Demand(word.available == known, "I15 another answer to the same offer: " + word.job_id);
  }
  if (word.available) {
    Demand(now_ - offer->second < std::chrono::milliseconds(2500), "OFFER accepted too late: " + word.job_id);
    Demand(!Refusing(), "OFFER accepted while draining or closing: " + word.job_id);
    Demand(Granted() > static_cast<std::int64_t>(accepted_.size()), "I20 accepted without a place: " + word.job_id);
    Demand(word.identity == "agent-" + word.job_id, "OFFER accepted as nobody: " + word.job_id);
    Demand(!jobs_.contains(word.job_id), "I15 an ended job is accepted: " + word.job_id);
    accepted_.emplace(word.job_id, now_);
  }
  pending_.erase(offer);
}

void Oracle::Did(const livekit::AskPlace& action) {
  Demand(action.ticket > last_ticket_, "PLACE ticket isn't a new one");
  last_ticket_ = action.ticket;
  places_.emplace(action.ticket, Place::kAsked);
}

void Oracle::Did(const livekit::ReleasePlace& action) {
  Demand(places_.erase(action.ticket) > 0 || refused_.erase(action.ticket) > 0, "PLACE released that isn't held");
}

// ---- jobs ----

void Oracle::Did(const livekit::SubmitJob& action) {
  const std::string& job_id = action.assignment.job_id;
  const auto assigned = new_.find(job_id);
  if (assigned == new_.end()) return Break("I15 submitted again, or unasked: " + job_id);
  Demand(!jobs_.at(job_id).submitted, "I15 submitted twice: " + job_id);
  Demand(action.assignment.token == std::string(kCanary) + job_id, "JOB has lost its token: " + job_id);
  const auto place = places_.find(action.ticket);
  const bool granted = place != places_.end() && place->second == Place::kGranted;
  Demand(granted || !assigned->second.accepted, "I20 the place of an accepted job isn't used: " + job_id);
  Demand(granted || action.ticket > last_ticket_, "JOB ticket isn't a new one");
  if (place != places_.end()) places_.erase(place);
  last_ticket_ = std::max(last_ticket_, action.ticket);
  Demand(tickets_.emplace(action.ticket, job_id).second, "JOB ticket is used twice");
  jobs_.at(job_id).submitted = true;
}

void Oracle::Did(const livekit::CancelJob& action) {
  const auto ticket = tickets_.find(action.ticket);
  if (ticket == tickets_.end()) return Break("JOB unknown is cancelled");
  const Job& job = jobs_.at(ticket->second);
  Demand(cancels_.erase(ticket->second) > 0, "JOB cancelled unasked, or twice: " + ticket->second);
  Demand(job.terminated, "JOB cancelled unasked: " + ticket->second);
  Demand(action.grace == settings_.termination_grace, "JOB cancelled with another grace");
  ++terminated_;
}

void Oracle::Said(const livekit::TellJob& word) {
  const auto known = jobs_.find(word.job_id);
  if (known == jobs_.end()) return Break("END of an unknown job: " + word.job_id);
  Job& job = known->second;
  if (word.status == JobStatus::kRunning) {
    const auto owed = runnings_.find(word.job_id);
    if (owed == runnings_.end()) return Break("JOB said to run that hasn't started: " + word.job_id);
    runnings_.erase(owed);
    return;
  }
  if (job.live && closes_now_) EndJob(job, JobStatus::kFailed, "");
  Demand(!job.live, "END of a job that hasn't ended: " + word.job_id);
  Demand(word.status == job.status, "END of another kind: " + word.job_id);
  Demand(word.status == JobStatus::kSuccess ? word.error.empty() : !word.error.empty(), "END text: " + word.job_id);
  Demand(word.error.find(job.must_hold) != std::string::npos, "END text doesn't tell why: " + word.job_id);
  Demand(!job.said || word.error == job.text, "END told in two ways: " + word.job_id);
  Demand(now_ >= job.not_before, "END before the server can know the job: " + word.job_id);
  Demand(job.due <= now_, "END said once too often: " + word.job_id);
  job.said = true;
  job.text = word.error;
  job.due = job.repeat ? now_ + livekit::Outbox::kRepeatDelay : kNever;
  job.repeat = false;
  unproved_.push_back(word.job_id);
}

// ---- load ----

void Oracle::Said(const livekit::TellLoad& word) {
  const livekit::TellLoad truth = Truth();
  Demand(word.full || word.load < 0.69F, "LOAD at which the server offers nothing");
  Demand(word.job_count == truth.job_count, "LOAD with another number of jobs");
  Demand(!Differ(word, truth), "I19 LOAD isn't the truth of its step");
  Demand(!Dips(), "LOAD FULL for what may be over in an instant");
  const bool urgent = !load_told_ || word.full != told_.full;
  Demand(urgent || now_ - told_at_ >= Agent::kLoadInterval, "LOAD told too often");
  Demand(!load_told_ || Differ(word, told_), "LOAD told again");
  told_ = word;
  told_at_ = now_;
  load_told_ = true;
}

// ---- texts and the end ----

void Oracle::Did(const livekit::LogLine& action) {
  Demand(action.text.find(kCanary) == std::string::npos, "SECRET in the log");
  Demand(!action.event.empty() && !action.text.empty(), "TEXT is empty");
  if (action.event != "agent_end_unacknowledged") return;
  std::istringstream ids(action.text.substr(action.text.find("):") + 2));
  for (std::string job_id; ids >> job_id;) {
    Job& job = jobs_.at(job_id);
    if (job.live && closes_now_) EndJob(job, JobStatus::kFailed, "");
    Demand(job.unread, "I16 lost, but the server knows it: " + job_id);
    const bool old = as_of_ - job.unread_since >= settings_.status_ttl;
    const bool many = Unread() > settings_.outbox_limit;
    Demand(old || many || (closes_now_ && as_of_ >= close_by_), "I16 given up too early: " + job_id);
    job.unread = false;
    job.lost = true;
    job.due = kNever;
    ++lost_;
  }
}

void Oracle::Did(const livekit::Closed&) {
  Demand(closing_, "CLOSE unasked");
  Demand(link_ == 0, "CLOSE with an open link");
  Demand(places_.empty(), "CLOSE with a place in the hand");
  Demand(Unread() == 0, "CLOSE without a word about unread ends");
  closed_ = true;
}

}  // namespace andiron::livekit_sim
