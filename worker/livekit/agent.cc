#include "worker/livekit/agent.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "worker/livekit/agent_texts.h"

namespace andiron::livekit {

Agent::Agent(const AgentSettings& agent, const Settings& settings, std::uint64_t jitter_seed)
    : agent_(agent), settings_(settings), jitter_(jitter_seed), outbox_(settings.outbox_limit, settings.status_ttl) {}

void Agent::Step(TimePoint as_of, TimePoint now, std::span<AgentFact> facts, AgentActions& actions) {
  if (closed_) return;
  actions_ = &actions;
  unread_since_ = now_;
  as_of_ = as_of;
  now_ = now;
  NoteStall();
  for (AgentFact& fact : facts) {
    std::visit([this](auto& known) { Record(known); }, fact);
  }
  // Verdicts about the link come after all that it brought.
  if (Stalled()) AfterStall();
  CheckLinkDeadlines();
  std::vector<std::string> lost;
  outbox_.Expire(as_of_, lost);
  NoteLost(lost, "given up unread: status_ttl or outbox_limit");
  ReconcileLink();
  ReconcileLoad();  // first: a server takes a new registration for available
  ReconcileEnds();
  ReconcileOffers();
  ReconcilePing();
  ReconcileClose();
  unread_ = 0;
  waits_for_.clear();
  actions_ = nullptr;
}

void Agent::Record(ServerSaid& fact) {
  if (!Current(fact.attempt)) return;
  std::visit([this](auto& word) { Hear(word); }, fact.word);
}

// While a link is open a step is due every kTick. One that comes much later shows that our loop stood still, and that
// what the server has said may be as old.
void Agent::NoteStall() {
  if (!Open() || now_ < tick_at_) return;
  const bool stood_still = now_ > Later(tick_at_, settings_.stall_limit);
  tick_at_ = Later(now_, kTick);
  if (!stood_still || Stalled()) return;
  stall_ = now_ - unread_since_;
  read_out_by_ = Later(now_, kReadOut);
  Log(LogLevel::kWarn, "agent_stalled", "this worker stood still for " + Seconds(stall_) + "; connects anew");
}

// What was offered may be answered by nobody any more. What was assigned is ours, also what lies in the kernel still: a
// turn reads only a part of it. So FULL is told at once, and the link is closed when it is read out; a server that goes
// on and on doesn't hold it.
void Agent::AfterStall() {
  ReconcileLoad();
  ReleaseUnanswered();
  if (link_ == Link::kRegistered && unread_ > 0 && as_of_ < read_out_by_) {
    tick_at_ = Later(now_, kReadOutTick);
    return;
  }
  const std::string why = "this worker stood still for " + Seconds(stall_);
  actions_->emplace_back(CloseLink{attempt_, why});
  LinkGone(why);
}

TimePoint Agent::NextDeadline() const {
  if (closed_) return kNever;
  TimePoint next = std::min(flush_deadline_, outbox_.NextDeadline());
  if (link_ == Link::kNone) next = std::min(next, retry_at_);
  if (link_ == Link::kConnecting || link_ == Link::kRegistering) next = std::min(next, link_deadline_);
  if (Open()) next = std::min(next, tick_at_);
  if (link_ == Link::kRegistered) next = std::min({next, ping_at_, LoadDue()});
  if (Stalled()) return std::min(next, read_out_by_);  // nothing else of its link is judged
  if (link_ == Link::kRegistered) next = std::min(next, pong_deadline_);
  for (const auto& [ticket, offer] : offers_) next = std::min(next, offer.deadline);
  return next;
}

bool Agent::WantsSample(TimePoint now) const {
  if (closed_ || link_ == Link::kNone) return false;
  return Open() ? Stalled() || now >= tick_at_ : now >= link_deadline_;
}

AgentStatus Agent::Status() const {
  AgentStatus status = status_;
  status.state = State();
  status.jobs = static_cast<int>(jobs_.size());
  status.outbox = static_cast<int>(outbox_.size());
  return status;
}

AgentState Agent::State() const {
  if (closed_) return AgentState::kClosed;
  if (closing_) return AgentState::kClosing;
  switch (link_) {
    case Link::kNone:
      return AgentState::kBackingOff;
    case Link::kConnecting:
      return AgentState::kConnecting;
    case Link::kRegistering:
      return AgentState::kRegistering;
    case Link::kRegistered:
      return AgentState::kRegistered;
  }
  return AgentState::kBackingOff;
}

void Agent::SayWord(WorkerWord word) { actions_->emplace_back(Say{attempt_, std::move(word)}); }

void Agent::Log(LogLevel level, std::string_view event, std::string text) {
  actions_->emplace_back(LogLine{level, event, std::move(text)});
}

}  // namespace andiron::livekit
