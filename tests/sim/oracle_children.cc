// Actions about children.
#include <algorithm>

#include "tests/sim/oracle.h"

namespace andiron::sim {
namespace {

// Ends that somebody planned.
bool Planned(Intent intent) {
  switch (intent) {
    case Intent::kRetired:
    case Intent::kStopRequested:
    case Intent::kDrainTimeout:
    case Intent::kWorkerStopping:
      return true;
    case Intent::kNone:
    case Intent::kInitTimeout:
    case Intent::kInitStalled:
    case Intent::kProtocol:
    case Intent::kChannelLost:
    case Intent::kAckTimeout:
    case Intent::kRunTimeout:
    case Intent::kJobCancelled:
    case Intent::kPingTimeout:
    case Intent::kHalted:
    case Intent::kFrameTimeout:
    case Intent::kWriteTimeout:
      return false;
  }
  return false;
}

InitializeEnd EndBy(Intent intent) {
  if (Planned(intent)) return InitializeEnd::kCancelled;
  if (intent == Intent::kProtocol || intent == Intent::kChannelLost) return InitializeEnd::kProtocolError;
  return InitializeEnd::kTimedOut;
}

}  // namespace

void Oracle::Broken(const char* rule, const char* text, const ChildSeen* child, const JobSeen* job) {
  if (!problem_.empty()) return;
  problem_ = std::string("[") + rule + "] " + text;
  if (child != nullptr) problem_ += ": child " + NameOf(child->id);
  if (job != nullptr) problem_ += ": job " + std::to_string(job - jobs_.data());
}

std::string Oracle::NameOf(ChildId id) const {
  const std::string pool = id.pool < pools_.size() ? pools_[id.pool].settings->name : std::to_string(id.pool);
  return pool + "/" + std::to_string(id.slot) + "." + std::to_string(id.generation);
}

// I2, I10: the slot's last child is gone or given up; not too many at once; not too soon.
void Oracle::Judge(const StartChild& action) {
  if (stopped_ || stop_now_) return Broken("I32", "a child is started after the stop");
  if (action.child.pool >= pools_.size() || action.child.slot >= pools_[action.child.pool].in_slot.size()) {
    return Broken("I2", "a child is started in a slot that isn't there");
  }
  PoolSeen& pool = pools_[action.child.pool];
  std::uint32_t& present = pool.in_slot[action.child.slot];
  if (present != kNone) {
    const ChildSeen& before = children_[present];
    if (!before.gone() && !before.abandoned)
      return Broken("I2", "a child is started while the last one lives", &before);
    if (action.child.generation <= before.id.generation) return Broken("I7", "a generation is used twice", &before);
    JudgeBackoff(pool, before, pool.failures[action.child.slot]);
  }
  JudgeBreaker(pool);
  present = static_cast<std::uint32_t>(children_.size());
  ChildSeen child;
  child.id = action.child;
  child.started = child.told_to_start = now_;
  child.start_step = step_;
  children_.push_back(child);
  live_.push_back(present);
  pool.last_start = now_;
  if (++pool.starting > pool.settings->max_starting)
    Broken("I10", "more children start at once than max_starting", &children_.back());
}

void Oracle::JudgeBackoff(const PoolSeen& pool, const ChildSeen& before, int failures) {
  if (failures == 0 || before.end == InitializeEnd::kCancelled || pool.breaker != BreakerState::kClosed) return;
  Duration pause = pool.settings->backoff_min;
  for (int i = 1; i < failures && pause < pool.settings->backoff_max; ++i)
    pause = std::min(2 * pause, pool.settings->backoff_max);
  if (!Due(before.over_at, pause / 2))
    Broken("I10", "a child is started before the back-off of its slot has passed", &before);
}

// I11: while starts fail, one probe at a time and not too often.
void Oracle::JudgeBreaker(const PoolSeen& pool) {
  const int limit = pool.settings->breaker_failures;
  if (limit == 0 || pool.failed_least < limit || pool.ready_now || pool.failed_now > 0) return;
  if (pool.breaker != BreakerState::kProbing)
    Broken("I11", "a child is started while the breaker is open, and not as a probe");
  if (pool.starting > 0) Broken("I11", "more than one probe at a time");
  if (!Due(pool.opened_at, pool.settings->breaker_probe)) Broken("I11", "a probe before breaker_probe has passed");
}

void Oracle::Judge(const AskToStop& action) {
  ChildSeen* child = Find(action.child);
  if (child == nullptr) return Broken("I7", "an unknown child is asked to stop");
  const bool ended = child->exited() && child->exit_step != step_;
  if (child->asked() || child->killed() || ended || child->abandoned) {
    return Broken("I7", "a child is asked to stop that is ending or has ended", child);
  }
  if (!Justified(*child, action.intent, true)) return Broken("I29", "a child is asked to stop without a reason", child);
  child->intent = action.intent;
  child->asked_at = now_;
  child->ask_step = step_;
  if (!child->settled) Settle(*child, EndBy(action.intent));
}

// I22: at most once, not before the start, not after the exit was told. A kill that a fact of this batch made
// necessary may come before the exit that the same batch tells.
void Oracle::Judge(const KillChild& action) {
  ChildSeen* child = Find(action.child);
  if (child == nullptr) return Broken("I22", "an unknown child is killed");
  if (child->killed()) return Broken("I22", "a child is killed twice", child);
  if (child->exited() && child->exit_step != step_) return Broken("I22", "a child is killed that has exited", child);
  const bool politely = action.intent == Intent::kRetired || child->stop_wish_step != 0;  // and there is no stop_grace
  if (child->exited() && child->doom_step != step_ && !politely)
    return Broken("I6", "a child is killed whose exit lies in the batch", child);
  if (child->abandoned) return Broken("I22", "a child is killed that was given up", child);
  if (child->intent != Intent::kNone && action.intent != child->intent)
    return Broken("I29", "an escalation changes the intent", child);
  if (!Justified(*child, action.intent, false)) {
    return Broken(
        "I6", (std::string("a child is killed without a reason (") + std::string(Name(action.intent)) + ")").c_str(),
        child);
  }
  child->intent = action.intent;
  child->killed_at = now_;
  child->kill_step = step_;
  if (!child->settled) Settle(*child, EndBy(action.intent));
}

// I6: no verdict by the clock before its time by as_of, none that a fact refutes.
bool Oracle::Justified(const ChildSeen& child, Intent intent, bool politely) const {
  const PoolSettings& pool = SettingsOf(child);
  if (child.asked() && intent == child.intent) {
    // An escalation keeps the intent, whatever made it necessary.
    return Due(child.asked_at, pool.stop_grace) || child.protocol_step == step_ || child.doom_step == step_ ||
           (draining_ && Due(drain_at_, drain_timeout_));
  }
  const bool lost = child.closed() && (Due(child.closed_at, pool.exit_drain) ||
                                       (!child.settled && Due(child.told_to_start, pool.init_timeout)));
  switch (intent) {
    case Intent::kNone:
      return false;
    case Intent::kInitTimeout:
      return !child.ready && !child.settled && Due(child.told_to_start, pool.init_timeout);
    case Intent::kInitStalled:
      return !child.ready && !child.settled && Due(child.progress_at, pool.init_stall_timeout);
    case Intent::kProtocol:
      return child.protocol_step == step_ && !politely;
    case Intent::kChannelLost:
      return lost;
    case Intent::kAckTimeout:
    case Intent::kRunTimeout:
    case Intent::kJobCancelled:
      return JobOverdue(child, intent);
    case Intent::kPingTimeout:
      return Due(child.pinged_at, pool.ping_timeout) && child.jobs == 0;
    case Intent::kHalted:
      return Due(child.halted_at, pool.ping_timeout);
    case Intent::kFrameTimeout:
      return Due(child.half_at, pool.frame_timeout);
    case Intent::kWriteTimeout:
      return Due(child.blocked_at, pool.write_timeout);
    case Intent::kRetired:
      return (child.ready && child.jobs == 0) || child.retiring || politely;
    case Intent::kStopRequested:
      return child.stop_wish_step != 0;
    case Intent::kDrainTimeout:
      return draining_ && Due(drain_at_, drain_timeout_);
    case Intent::kWorkerStopping:
      return stop_asked_;
  }
  return false;
}

// One of its jobs has waited too long for what `intent` names.
bool Oracle::JobOverdue(const ChildSeen& child, Intent intent) const {
  const PoolSettings& pool = SettingsOf(child);
  for (const std::uint32_t number : open_) {
    const JobSeen& job = jobs_[number];
    if (job.where != Where::kWithChild || &children_[job.child] != &child || job.returned_step != 0) continue;
    if (intent == Intent::kAckTimeout && job.acked_at == kNever && Due(job.told_at, pool.ack_timeout)) return true;
    const bool told = Due(job.cancel_sent_at, job.grace.value_or(pool.cancel_grace));
    if (intent == Intent::kRunTimeout && told && job.run_for > Duration(0) && Due(job.acked_at, job.run_for))
      return true;
    if (intent == Intent::kJobCancelled && told && job.cancel_asked) return true;
  }
  return false;
}

// I27: the channel of a dead or given-up child, once.
void Oracle::Judge(const CloseChannel& action) {
  ChildSeen* child = Find(action.child);
  if (child == nullptr) return Broken("I27", "the channel of an unknown child is closed");
  if (child->close_sent) return Broken("I27", "a channel is closed twice", child);
  if (child->closed() && child->close_step != step_) return Broken("I27", "a channel is closed that is closed", child);
  const bool given_up = child->killed() && Due(child->killed_at, SettingsOf(*child).kill_grace);
  if (!given_up && !Due(child->exited_at, SettingsOf(*child).exit_drain)) {
    return Broken("I27", "a channel is closed before its time", child);
  }
  child->close_sent = true;
}

void Oracle::Judge(const AbandonChild& action) {
  ChildSeen* child = Find(action.child);
  if (child == nullptr) return Broken("B9", "an unknown child is given up");
  // A stop of this batch may come before the exit that the same batch tells.
  const bool ended = child->exited() && !(stop_now_ && child->exit_step == step_);
  if (child->abandoned || ended) return Broken("B9", "a child is given up that has ended", child);
  if (!Due(child->killed_at, SettingsOf(*child).kill_grace))
    return Broken("B9", "a child is given up before kill_grace", child);
  if (action.withheld) {
    if (child->withheld) Broken("B9", "a child is withheld twice", child);
    if (pools_[child->id.pool].quarantined < SettingsOf(*child).quarantine_max)
      Broken("B9", "a child is withheld beside room in the quarantine", child);
    child->withheld = true;
    return;
  }
  child->abandoned = true;
  child->over_at = now_;
  if (child->exited()) return;
  PoolSeen& pool = pools_[child->id.pool];
  if (++pool.quarantined > pool.settings->quarantine_max && !stop_asked_)
    Broken("I1", "the quarantine exceeds its bound", child);
}

void Oracle::Judge(const SendPing& action) {
  ChildSeen* child = Find(action.child);
  if (child == nullptr || !child->serving())
    return Broken("I7", "a ping to a child that isn't there or is ending", child);
  if (child->jobs > 0) return Broken("B8", "a busy child is pinged", child);
  if (child->pinged_at != kNever) return Broken("B8", "a child is pinged twice before it can answer", child);
  child->pinged_at = now_;
  child->ping_step = step_;
}

// I29: once for each child, after its end is known, with what is known.
void Oracle::Judge(const ReportDeath& action) {
  ChildSeen* child = Find(action.child);
  if (child == nullptr) return Broken("I29", "the death of an unknown child is reported");
  if (child->reported_step != 0) return Broken("I29", "a death is reported twice", child);
  child->reported_step = step_;
  if (action.quarantined) {
    if (child->exited() || !Due(child->killed_at, SettingsOf(*child).kill_grace)) {
      return Broken("B9", "a child is reported as quarantined that isn't", child);
    }
    if (child->withheld == child->abandoned) return Broken("B9", "a child is reported that wasn't given up", child);
  } else if (!child->gone()) {
    return Broken("I13", "a death is reported before it is confirmed", child);
  }
  if (action.intent != child->intent) return Broken("I29", "a death is reported with another intent", child);
  if (action.expected != (Planned(child->intent) && !action.quarantined))
    return Broken("I29", "a death is wrongly expected", child);
  if (action.pid != child->pid || action.jobs_done != child->done || action.age != now_ - child->started) {
    return Broken("I29", "a death is reported with a wrong pid, count of jobs or age", child);
  }
  if (child->exited() &&
      (action.code != child->code || action.signal != child->signal || action.out_of_memory != child->out_of_memory)) {
    return Broken("I29", "a death is reported with a wrong status", child);
  }
}

}  // namespace andiron::sim
