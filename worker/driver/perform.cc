// The driver's second half: each action of the core, carried out.
#include <algorithm>
#include <utility>

#include "worker/base/clock.h"
#include "worker/driver/driver.h"
#include "worker/driver/end_text.h"

namespace andiron {

// ---- to children ----

void Driver::Perform(const StartChild& action) { children_->Start(action); }
void Driver::Perform(const SendJob& action) { children_->Send(action); }
void Driver::Perform(const SendCancel& action) { children_->Send(action); }
void Driver::Perform(const SendPing& action) { children_->Send(action); }
void Driver::Perform(const AskToStop& action) { children_->AskToStop(action); }
void Driver::Perform(const KillChild& action) { children_->Kill(action); }
void Driver::Perform(const CloseChannel& action) { children_->Close(action); }
void Driver::Perform(const AbandonChild& action) { children_->Abandon(action); }

void Driver::Perform(const ReportDeath& action) {
  Autopsy autopsy = children_->Examine(action);
  LogDeath(action, autopsy);
  if (!action.expected) {
    if (action.phase == SlotState::kStarting) pool_trouble_[action.child.pool] = autopsy.summary;
    if (deaths_.size() == kDeathsRemembered) deaths_.pop_front();
    deaths_.push_back({WallTime(), ChildName(PoolOf(action.child.pool).name, action.child), autopsy.summary,
                       autopsy.advice, std::move(autopsy.text)});
  }
  dead_now_[action.child] = {std::move(autopsy.summary), std::move(autopsy.advice), action.code, action.signal};
}

// A fresh child for each job makes a planned end with each job: that is for debugging only.
void Driver::LogDeath(const ReportDeath& death, const Autopsy& autopsy) {
  const std::string child = ChildName(PoolOf(death.child.pool).name, death.child);
  const std::string_view intent = Name(death.intent);
  if (death.expected) {
    log_.Write(death.intent == Intent::kRetired ? LogLevel::kDebug : LogLevel::kInfo, "child_ended", autopsy.summary,
               {{"child", child}, {"intent", intent}});
    return;
  }
  const std::string message = autopsy.summary + ". " + autopsy.advice;
  if (settings_.log_format == LogFormat::kJson) {
    log_.Write(LogLevel::kWarn, "child_died", message,
               {{"child", child}, {"intent", intent}, {"autopsy", autopsy.text}});
    return;
  }
  log_.Write(LogLevel::kWarn, "child_died", message, {{"child", child}, {"intent", intent}});
  // For people line by line, without the first, which is the summary again.
  const std::string_view text = autopsy.text;
  for (std::size_t at = text.find('\n'); at != text.npos && at + 1 < text.size();) {
    const std::size_t end = std::min(text.find('\n', at + 1), text.size());
    log_.Write(LogLevel::kWarn, "autopsy", text.substr(at + 1, end - at - 1));
    at = end;
  }
}

// ---- to job sources ----

void Driver::Perform(const Accepted& action) { desk_.Deliver(action); }

void Driver::Perform(const Refused& action) {
  log_.Write(LogLevel::kDebug, "job_refused", Name(action.reason));
  desk_.Deliver(action);
}

void Driver::Perform(const ReportStarted& action) { desk_.Deliver(action); }
void Driver::Perform(const ReservationAnswered& action) { desk_.Deliver(action); }
void Driver::Perform(const CapacityChanged& action) { desk_.Deliver(action); }

void Driver::Perform(ReportOutcome& action) {
  EndFacts facts;
  facts.drain_timeout = settings_.drain_timeout;
  const JobDesk::Entry* entry = desk_.Find(action.job);
  if (entry != nullptr && entry->pool != nullptr) {
    const auto pool = static_cast<std::size_t>(entry->pool - settings_.pools.data());
    facts.pool = entry->pool;
    facts.start_by = entry->start_by.value_or(entry->pool->start_by);
    facts.run_for = entry->run_for.value_or(entry->pool->run_for);
    if (breakers_[pool] != BreakerState::kClosed) facts.pool_trouble = pool_trouble_[pool];
  }
  JobEnd end;
  const bool had_child = action.child.generation != 0 && action.child.pool < settings_.pools.size();
  if (had_child) end.child = ChildName(PoolOf(action.child.pool).name, action.child);
  if (const auto death = dead_now_.find(action.child); had_child && death != dead_now_.end()) {
    facts.death = death->second.summary;
    facts.advice = death->second.advice;
    end.signal = death->second.signal;
    end.exit_code = death->second.code;
  }
  end.error = ExplainEnd(action, facts);
  end.report = std::move(action);
  LogEnd(end, entry == nullptr ? "" : entry->id, facts.pool == nullptr ? "" : facts.pool->name);
  desk_.Deliver(end);
}

void Driver::LogEnd(const JobEnd& end, std::string_view id, std::string_view pool) {
  // A failed job's text comes from the child and may be a long traceback: its submitter gets all of it.
  constexpr std::size_t kTextMax = 500;
  const bool good = end.report.outcome == Outcome::kSucceeded || end.report.outcome == Outcome::kCancelled;
  log_.Write(good ? LogLevel::kDebug : LogLevel::kInfo, "job_ended", std::string_view(end.error).substr(0, kTextMax),
             {{"id", id}, {"outcome", Name(end.report.outcome)}, {"pool", pool}, {"child", end.child}});
}

// ---- to everybody ----

void Driver::Perform(const BreakerChanged& action) {
  breakers_[action.pool] = action.state;
  if (action.state == BreakerState::kClosed) pool_trouble_[action.pool].clear();
  breaker_news_.push_back(action);
}

// After the deaths of the turn, so that the last of them can be named.
void Driver::LogBreaker(const BreakerChanged& news) {
  const std::string& pool = PoolOf(news.pool).name;
  switch (news.state) {
    case BreakerState::kOpen:
      log_.Write(LogLevel::kWarn, "breaker_open",
                 "the pool's children fail to start one after another: only probes are started until one is ready. The "
                 "last: " +
                     pool_trouble_[news.pool],
                 {{"pool", pool}});
      return;
    case BreakerState::kProbing:
      log_.Write(LogLevel::kInfo, "breaker_probing", "one child is started to see whether it works again",
                 {{"pool", pool}});
      return;
    case BreakerState::kClosed:
      log_.Write(LogLevel::kInfo, "breaker_closed", "a child is ready again", {{"pool", pool}});
      return;
  }
}

void Driver::Perform(const Drained& action) { operator_.Perform(action); }
void Driver::Perform(const WorkerStopped& action) { operator_.Perform(action); }
void Driver::Perform(const WaiterAnswered& action) { operator_.Perform(action); }
void Driver::Perform(const StopAnswered& action) { operator_.Perform(action); }

}  // namespace andiron
