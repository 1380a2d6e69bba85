#include "worker/driver/operator.h"

#include <utility>

namespace andiron {

Operator::Operator(Inbox& inbox, CallLater call_later) : inbox_(inbox), call_later_(std::move(call_later)) {}

void Operator::Drain(std::function<void(bool drained)> done) {
  if (stopped_) {
    if (done) call_later_([call = std::move(done)] { call(true); });
    return;
  }
  if (done) drain_callers_.push_back(std::move(done));
  news_ = true;
  inbox_.Post(DrainRequested{});
}

void Operator::Resume() {
  if (stopping_) return;
  news_ = true;
  ++resumes_;
  inbox_.Post(ResumeRequested{});
  for (auto& done : std::exchange(drain_callers_, {})) {
    call_later_([call = std::move(done)] { call(false); });
  }
}

void Operator::Stop(bool now, std::function<void()> done) {
  if (stopped_) {
    if (done) call_later_(std::move(done));
    return;
  }
  if (done) stop_callers_.push_back(std::move(done));
  news_ = stopping_ = true;
  inbox_.Post(StopRequested{now});
}

void Operator::AwaitReady(std::string pool, Duration patience, std::function<void(InitializeEnd)> done) {
  const WaiterNumber waiter{++last_waiter_};
  ready_callers_.emplace(last_waiter_, std::move(done));
  inbox_.Post(ReadyAwaited{waiter, std::move(pool), patience});
}

void Operator::StopChild(ChildId child, bool force, std::function<void(const StopAnswered&)> done) {
  const WaiterNumber waiter{++last_waiter_};
  child_callers_.emplace(last_waiter_, std::move(done));
  inbox_.Post(ChildStopRequested{waiter, child, force});
}

void Operator::Perform(const Drained&) {
  news_ = true;
  for (auto& done : std::exchange(drain_callers_, {})) {
    call_later_([call = std::move(done)] { call(true); });
  }
}

void Operator::Perform(const WorkerStopped&) {
  news_ = true;
  stopped_ = true;
  // No job is left either: who waited for the drain's end has it.
  for (auto& done : std::exchange(drain_callers_, {})) {
    call_later_([call = std::move(done)] { call(true); });
  }
  for (auto& done : std::exchange(stop_callers_, {})) call_later_(std::move(done));
}

void Operator::Perform(const WaiterAnswered& answer) {
  auto caller = ready_callers_.extract(static_cast<std::uint64_t>(answer.waiter));
  if (caller.empty() || !caller.mapped()) return;
  call_later_([done = std::move(caller.mapped()), end = answer.end] { done(end); });
}

void Operator::Perform(const StopAnswered& answer) {
  auto caller = child_callers_.extract(static_cast<std::uint64_t>(answer.waiter));
  if (caller.empty() || !caller.mapped()) return;
  call_later_([done = std::move(caller.mapped()), answer] { done(answer); });
}

bool Operator::TakeNews() { return std::exchange(news_, false); }

}  // namespace andiron
