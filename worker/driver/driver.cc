#include "worker/driver/driver.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>
#include <variant>

#include "worker/base/clock.h"

namespace andiron {
namespace {

// While the log's descriptor takes nothing, how often to try again.
constexpr Duration kLogRetry = std::chrono::milliseconds(100);

constexpr int kStepsPerTurn = 4;

// What comes so much later than it was due shows a stall.
constexpr Duration kStallMin = std::chrono::milliseconds(200);
// From here on it is worth a line in the log.
constexpr Duration kStallLogged = std::chrono::seconds(1);
// While there is a deadline, the loop wakes up so often at least: how late it is shows a stall that ends before it.
constexpr Duration kTick = std::chrono::milliseconds(500);

// libuv's clock on Linux is ours in whole milliseconds; rounded up, a timer is never early.
std::uint64_t LoopTime(TimePoint time) {
  return static_cast<std::uint64_t>((time.time_since_epoch().count() + 999'999) / 1'000'000);
}

}  // namespace

Driver::Driver(uv_loop_t* loop, Log& log, WorkerSettings settings, const Options& options)
    : loop_(loop),
      log_(log),
      settings_(std::move(settings)),
      inbox_([this] { Wake(); }),
      core_(settings_.pools, settings_.drain_timeout, options.seed, options.strict),
      children_(std::make_unique<Children>(loop, inbox_, log, settings_.pools, options.children)),
      desk_(inbox_, core_, settings_.pools, options.seed),
      operator_(inbox_, [this](std::function<void()> call) { Later(std::move(call)); }),
      started_(Now()),
      as_of_(started_),
      round_began_(started_),
      performed_(started_),
      turn_ended_(started_),
      woke_(started_),
      stall_grace_(options.stall_grace),
      pool_trouble_(settings_.pools.size()),
      breakers_(settings_.pools.size(), BreakerState::kClosed) {}

Driver::~Driver() {
  if (gone_ != nullptr) *gone_ = true;
  children_->KillEverything();
  children_.reset();  // while the inbox can still wake the idle
}

absl::Status Driver::Start() {
  const int errors[] = {
      prepare_.Init(this, [this](uv_prepare_t* handle) { return uv_prepare_init(loop_, handle); }),
      check_.Init(this, [this](uv_check_t* handle) { return uv_check_init(loop_, handle); }),
      idle_.Init(this, [this](uv_idle_t* handle) { return uv_idle_init(loop_, handle); }),
      timer_.Init(this, [this](uv_timer_t* handle) { return uv_timer_init(loop_, handle); }),
  };
  for (const int error : errors) {
    if (error != 0) return absl::ResourceExhaustedError(std::string("libuv: ") + uv_strerror(error));
  }
  uv_prepare_start(prepare_.get(), [](uv_prepare_t* handle) {
    if (auto* driver = static_cast<Driver*>(handle->data)) driver->Turn();
  });
  uv_check_start(check_.get(), [](uv_check_t* handle) {
    if (auto* driver = static_cast<Driver*>(handle->data)) driver->OnCheck();
  });
  // The first step starts the pools: it needs a turn, but no fact.
  round_began_ = turn_ended_ = Now();
  Wake();
  return absl::OkStatus();
}

void Driver::Later(std::function<void()> call) {
  due_.push_back(std::move(call));
  Wake();
}

// A running idle keeps the next poll from sleeping; the turn stops it. It is needed where the post comes from a
// prepare of the host's, which runs after ours in the same turn: the poll would sleep with the fact in our hands.
void Driver::Wake() {
  if (idle_) uv_idle_start(idle_.get(), [](uv_idle_t*) {});
}

// The time away from the poll begins when it woke up, before the callbacks of descriptors: libuv's own clock was read
// then. That is in whole milliseconds, and not used where it says no more than its rounding.
void Driver::OnCheck() {
  constexpr Duration kRounding = std::chrono::milliseconds(2);
  woke_ = Now();
  const TimePoint poll_end{std::chrono::milliseconds(uv_now(loop_))};
  if (poll_end > turn_ended_ && woke_ - poll_end > kRounding) woke_ = poll_end;
}

// A grace isn't prolonged, and as_of has moved on before the next one can begin: a loop that stalls again and again
// judges late, but it does.
void Driver::NoteStall(TimePoint due, TimePoint came) {
  if (came <= andiron::Later(due, kStallMin)) return;
  lag_.Record(came, came - due);
  if (came < held_until_ || as_of_ <= held_as_of_) return;
  held_until_ = andiron::Later(came, stall_grace_);
  held_as_of_ = as_of_;
  if (came - due < kStallLogged) return;
  char length[32];
  std::snprintf(length, sizeof length, "%.1fs", Milliseconds(came - due) / 1000);
  log_.Write(LogLevel::kWarn, "worker_stalled",
             std::string("this worker stood still for ") + length +
                 ": it was stopped (SIGSTOP), its container or machine was paused or too busy, or something in its "
                 "loop waited (a disk, a callback of its host); its children get a second to answer before they are "
                 "judged");
}

void Driver::Turn() {
  const TimePoint began = Now();
  const bool all_read = children_->EndReads();
  if (all_read && began >= held_until_) as_of_ = round_began_;
  NoteStall(expected_, began);
  // What callbacks submit at a job's end is handed over in the same turn: another poll in between would find half of
  // the next answers and double the turns. Bounded, so that a caller that always submits doesn't keep the loop.
  for (int step = 0; step == 0 || (!inbox_.empty() && step < kStepsPerTurn); ++step) {
    uv_idle_stop(idle_.get());
    const bool stepped = StepCore();
    if (stepped) {
      PerformAll();
      if (operator_.TakeNews()) TellState();
      desk_.TurnEnds();
    }
    children_->Flush();
    if (stepped) performed_ = Now();
    if (!RunCallbacks()) return;
  }
  log_.Flush();
  turn_ended_ = Now();
  NoteStall(began, turn_ended_);
  ++turns_;
  lag_.Record(turn_ended_, turn_ended_ - woke_);
  if (all_read) round_began_ = turn_ended_;
  ArmTimer();
}

// Whether there was anything to step for.
bool Driver::StepCore() {
  inbox_.Take(facts_);
  if (stepped_ && facts_.size() == 1 && core_.NextDeadline() > as_of_) return false;
  stepped_ = true;
  facts_[0] = TimeRead{Now(), performed_};
  actions_.clear();
  core_.Step(as_of_, facts_, actions_);
  return true;
}

void Driver::PerformAll() {
  dead_now_.clear();
  for (Action& action : actions_) {
    std::visit([this](auto& what) { Perform(what); }, action);
  }
  for (const BreakerChanged& news : breaker_news_) LogBreaker(news);
  breaker_news_.clear();
}

// False if one of them has destroyed us.
bool Driver::RunCallbacks() {
  if (due_.empty()) return true;
  const auto due = std::exchange(due_, {});
  bool gone = false;
  gone_ = &gone;
  for (const auto& call : due) {
    call();
    if (gone) return false;
  }
  gone_ = nullptr;
  return true;
}

void Driver::TellState() {
  const WorkerState state = core_.Status().state;
  if (state == std::exchange(told_state_, state)) return;
  log_.Write(LogLevel::kInfo, "worker_state", std::string("the worker is ") + std::string(Name(state)));
  desk_.Deliver(state);
  if (state == WorkerState::kStopped) LetLoopEnd();
}

// When the next turn is to come, if nothing happens before; kNever: not until something does.
TimePoint Driver::NextTurn() const {
  TimePoint due = core_.NextDeadline();
  // Due already, but its turn must have an as_of that is not older: one of the next, without sleep.
  if (due <= round_began_) due = std::max(turn_ended_, held_until_);
  if (log_.pending()) due = std::min(due, andiron::Later(turn_ended_, kLogRetry));
  if (due <= turn_ended_ || due == kNever) return std::max(due, turn_ended_);
  due = std::min(due, andiron::Later(turn_ended_, kTick));
  // Armed for somewhat earlier is as good, and spares a busy loop the arming.
  return armed_ > turn_ended_ && armed_ < due ? armed_ : due;
}

void Driver::ArmTimer() {
  expected_ = NextTurn();
  if (expected_ <= turn_ended_) return Wake();
  if (expected_ == armed_) return;
  armed_ = expected_;
  if (expected_ == kNever) {
    uv_timer_stop(timer_.get());
    return;
  }
  const std::uint64_t due = LoopTime(expected_);
  const std::uint64_t now = uv_now(loop_);
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* handle) {
        // Nothing to do: the turn that follows looks at the deadlines. Only the arming is over.
        if (auto* driver = static_cast<Driver*>(handle->data)) driver->armed_ = kNever;
      },
      due > now ? due - now : 0, 0);
}

// A stopped worker doesn't keep its host's loop; it still answers whoever asks it (a post starts the idle).
void Driver::LetLoopEnd() {
  prepare_.Unref();
  check_.Unref();
  timer_.Unref();
  children_->LetLoopEnd();
}

std::string Driver::StatusJson() {
  WorkerFigures figures;
  figures.name = settings_.name;
  figures.version = ANDIRON_VERSION;
  figures.pid = getpid();
  const TimePoint now = Now();
  figures.now = now;
  figures.uptime = now - started_;
  figures.loop_lag = lag_.Longest(now);
  figures.containment = Name(children_->containment());
  figures.log_lines_dropped = log_.dropped();
  figures.child_log_lines_dropped = children_->log_lines_dropped();
  figures.deaths = &deaths_;
  figures.desk = &desk_;
  return andiron::StatusJson(core_.Status(), figures);
}

}  // namespace andiron
