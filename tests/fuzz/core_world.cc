#include "tests/fuzz/core_world.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <variant>

#include "tests/sim/trace.h"

namespace andiron::fuzz {
namespace {

// More moves than this make a run slow, not different.
constexpr int kMovesMax = 600;
constexpr int kSettleTurnsMax = 2000;
constexpr int kLookEvery = 4;

constexpr std::array<Duration, 16> kSteps = {0ns,   1ns, 100us, 1ms, 5ms, 10ms, 50ms, 100ms,
                                             500ms, 1s,  2s,    5s,  10s, 30s,  1min, 1h};

template <typename T, std::size_t n>
T OneOf(const T (&choices)[n], int choice) {
  return choices[static_cast<std::size_t>(choice) % n];
}

}  // namespace

CoreWorld::CoreWorld(Input input, Rule rule)
    : input_(input), rule_(rule), trace_(std::getenv("ANDIRON_FUZZ_TRACE") != nullptr) {
  Settings();
  core_ = std::make_unique<Core>(pools_, drain_timeout_, 1, /*strict=*/true);
  oracle_.Begin(pools_, drain_timeout_);
  now_ = as_of_ = TimePoint(1s);
}

// Six digits: pools and breaker, children, warm, jobs of a child, queue, waits.
void CoreWorld::Settings() {
  const int first = Digit();
  PoolSettings pool;
  pool.breaker_failures = OneOf({3, 0, 1, 5}, first / 2);
  pool.max_children = 1 + Digit() % 4;
  pool.warm = Digit() % (pool.max_children + 1);
  pool.max_starting = pool.max_children;
  const int jobs = Digit();
  pool.max_jobs_per_child = OneOf({1, 0, 2, 3}, jobs);
  pool.max_concurrent_jobs_per_child = OneOf({1, 1, 2, 3}, jobs);
  pool.queue_limit = OneOf({100, 0, 1, 5}, Digit());
  pool.quarantine_max = 1;
  pool.max_payload = 8;
  const int waits = Digit();
  pool.ping_interval = waits % 2 != 0 ? 0s : 5s;
  pool.idle_timeout = waits % 4 < 2 ? 60s : 0s;
  pool.init_stall_timeout = waits >= 8 ? 2s : 0s;
  pool.stop_grace = waits >= 12 ? 0s : 5s;
  pool.max_child_age = waits % 8 == 7 ? 60s : 0s;
  drain_timeout_ = 30s;
  for (int i = 0; i <= first % 2; ++i) {
    pool.name = i == 0 ? "p" : "q";
    pools_.push_back(pool);
  }
}

std::string CoreWorld::Run() {
  Step(as_of_);
  for (int i = 0; i < kMovesMax && !input_.empty() && problem_.empty(); ++i) Move(input_.Byte() % 32);
  if (!problem_.empty()) return problem_;
  Step(as_of_);
  Lawful() ? Settle() : EndLawless();
  return problem_;
}

void CoreWorld::Fail(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

// ---- moves ----

void CoreWorld::Move(int letter) {
  switch (letter) {
    case 1:  // a: a turn of the loop, that much later
      return Advance(Digit());
    case 15:  // o: a job
      return Submit(ReservationNumber{0});
    case 16:  // p: its cancel
      return (void)facts_.emplace_back(
          JobCancelled{ChosenJob(), Digit() % 2 != 0 ? std::optional<Duration>(1ms) : std::nullopt});
    case 17:  // q: a reservation
      return (void)facts_.emplace_back(ReservationAsked{ReservationNumber{++reservations_}, ChosenPool()});
    case 18:  // r: one is given back
      return (void)facts_.emplace_back(ReservationReleased{ReservationNumber{static_cast<std::uint64_t>(Digit())}});
    case 19:  // s: a job with a reservation
      return Submit(ChosenReservation());
    case 20: {  // t: somebody waits for a ready child
      std::string pool = ChosenPool();
      return (void)facts_.emplace_back(
          ReadyAwaited{WaiterNumber{++waiters_}, std::move(pool), kSteps[static_cast<std::size_t>(Digit())]});
    }
    case 21:  // u: drain
      return (void)facts_.emplace_back(DrainRequested{});
    case 22:  // v: resume
      return (void)facts_.emplace_back(ResumeRequested{});
    case 23:  // w: stop; w1: at once
      return (void)facts_.emplace_back(StopRequested{Digit() % 2 != 0});
    case 25:  // y: a turn at the next deadline, or beside it
      return ToDeadline();
    case 26:  // z: everybody is kind for a moment
      return BeKind();
    case 27:  // a fact about somebody who isn't there
    case 28:
      return Foreign();
    default:
      return AboutChild(letter);
  }
}

void CoreWorld::AboutChild(int letter) {
  const bool is_move = (letter >= 2 && letter <= 14) || letter == 24;
  Known* const child = is_move ? Chosen() : nullptr;
  if (child == nullptr) return;
  switch (letter) {
    case 2:  // b
      if (!Say(!child->spawned && !child->over(), Spawned{child->id, 100})) return;
      child->spawned = true;
      if (child->close_wanted) Close(*child);
      return;
    case 3:  // c
      if (Say(!child->spawned && !child->over(), SpawnFailed{child->id, "no"})) child->exited = child->closed = true;
      return;
    case 4:  // d
      return (void)Say(child->speaks(), ChildProgressed{child->id});
    case 5:  // e
      child->ready |= Say(child->speaks(), ChildReady{child->id});
      return;
    case 6:  // f
      child->misbehaved |= Say(child->speaks(), ChildMisbehaved{child->id, "garbage"});
      return;
    case 7:  // g
      return (void)Say(child->speaks(), JobAcked{child->id, ChosenJob()});
    case 8: {  // h
      const JobNumber job = ChosenJob();
      const auto end = static_cast<JobReturned::End>(Digit() % 3);
      if (Say(child->speaks(), JobReturned{child->id, job, end, "r"})) std::erase(child->jobs, job);
      return;
    }
    case 9:  // i
      return (void)Say(child->speaks() && child->pinged, ChildPonged{child->id});
    case 10: {  // j
      const bool on = Digit() % 2 == 0;
      if (Say(child->spawned && !child->exited && child->halted != on, ChildHalted{child->id, on})) child->halted = on;
      return;
    }
    case 11: {  // k
      const bool on = Digit() % 2 == 0;
      if (Say(child->speaks() && child->half != on, FrameHalfRead{child->id, on})) child->half = on;
      return;
    }
    case 12: {  // l
      const bool on = Digit() % 2 == 0;
      if (Say(child->spawned && !child->closed && child->blocked != on, WriteBlocked{child->id, on}))
        child->blocked = on;
      return;
    }
    case 13: {  // m
      const int how = Digit();
      const ChildExited exit{child->id, how % 4 == 0 ? 0 : 1, how % 4 == 2 ? 9 : how % 4 == 3 ? -1 : 0, how >= 12};
      child->exited |= Say(child->spawned && !child->exited, exit);
      return;
    }
    case 14:  // n
      if (child->spawned) Close(*child);
      return;
    default:  // x: stop or kill this child
      return (void)facts_.emplace_back(ChildStopRequested{WaiterNumber{++waiters_}, child->id, Digit() % 2 != 0});
  }
}

// A fact about a child of these numbers: a former one, one to come, or one of a pool or slot that doesn't exist.
void CoreWorld::Foreign() {
  const int kind = Digit();
  const ChildId id{static_cast<std::uint32_t>(Digit() % 4), static_cast<std::uint32_t>(Digit() % 6),
                   static_cast<std::uint32_t>(input_.Byte())};
  const Known* known = Find(id);
  // Of a child that lives, AboutChild says what there is to say.
  if (known != nullptr && (Lawful() ? !known->over() : !known->spawned)) return;
  const Fact facts[] = {Spawned{id, 9},
                        SpawnFailed{id, "late"},
                        ChildProgressed{id},
                        ChildReady{id},
                        ChildMisbehaved{id, "late"},
                        JobAcked{id, ChosenJob()},
                        JobReturned{id, JobNumber{jobs_}, JobReturned::End::kSucceeded, "late"},
                        ChildPonged{id},
                        ChildHalted{id, true},
                        FrameHalfRead{id, true},
                        WriteBlocked{id, true},
                        ChildExited{id, 1, 0, false},
                        ChannelClosed{id},
                        ChildStopRequested{WaiterNumber{++waiters_}, id, false},
                        ChildStopRequested{WaiterNumber{++waiters_}, id, true},
                        JobCancelled{JobNumber{1000 + jobs_}, std::nullopt}};
  facts_.push_back(facts[kind]);
}

void CoreWorld::Submit(ReservationNumber reservation) {
  JobSubmitted fact;
  fact.job = JobNumber{++jobs_};
  fact.pool = ChosenPool();
  fact.reservation = reservation;
  const int choice = Digit();
  fact.id = choice % 4 == 3 ? "same" : std::to_string(jobs_);
  fact.payload.assign(choice == 12 ? 9 : 8, 'x');
  if (choice % 3 == 1) fact.start_by = 50ms;
  if (choice % 5 == 1) fact.run_for = choice % 2 != 0 ? 0s : 100ms;
  fact.priority = choice % 3;
  facts_.push_back(std::move(fact));
}

void CoreWorld::Advance(int choice) {
  const TimePoint before = now_;
  now_ += kSteps[static_cast<std::size_t>(choice)];
  if (choice % 4 == 2) performed_ = before + (now_ - before) / 2;
  if (!Lawful() && choice == 13) performed_ = now_ + 1h;
  if (!Lawful() && choice == 12) performed_ = kNever;
  // What the contract forbids: an `as_of` that runs ahead of the clock, or back.
  if (!Lawful() && choice == 15) return Step(now_ + 1h);
  if (!Lawful() && choice == 14) return Step(TimePoint{});
  Step(as_of_);
}

void CoreWorld::ToDeadline() {
  const TimePoint next = core_->NextDeadline();
  const Duration beside = Digit() % 3 * 1ns - 1ns;
  if (next != kNever && next + beside > now_) now_ = next + beside;
  Step(as_of_);  // brings the facts
  Step(as_of_);  // and expires
}

// ---- facts ----

template <typename T>
bool CoreWorld::Say(bool allowed, T fact) {
  const Known* child = Find(fact.child);
  const bool first = std::is_same_v<T, Spawned> || std::is_same_v<T, SpawnFailed>;
  const bool possible = Lawful() ? allowed : first || child->spawned;
  if (!possible) return false;
  facts_.emplace_back(std::move(fact));
  return true;
}

void CoreWorld::Close(Known& child) {
  if (child.closed && Lawful()) return;
  child.closed = true;
  facts_.emplace_back(ChannelClosed{child.id});
}

// What healthy children do, and those that are to end.
void CoreWorld::BeKind() {
  for (std::size_t i = 0; i < children_.size(); ++i) {
    Known& child = children_[i];
    if (child.over()) continue;
    if (!std::exchange(child.spawned, true)) facts_.emplace_back(Spawned{child.id, 9});
    if (child.ending || child.exited || child.closed || child.misbehaved) {
      if (!std::exchange(child.exited, true)) facts_.emplace_back(ChildExited{child.id, 0, 15, false});
      Close(child);
      continue;
    }
    if (std::exchange(child.halted, false)) facts_.emplace_back(ChildHalted{child.id, false});
    if (std::exchange(child.half, false)) facts_.emplace_back(FrameHalfRead{child.id, false});
    if (std::exchange(child.blocked, false)) facts_.emplace_back(WriteBlocked{child.id, false});
    if (!std::exchange(child.ready, true)) facts_.emplace_back(ChildReady{child.id});
    if (std::exchange(child.pinged, false)) facts_.emplace_back(ChildPonged{child.id});
    for (const JobNumber job : std::exchange(child.jobs, {}))
      facts_.emplace_back(JobReturned{child.id, job, JobReturned::End::kSucceeded, "r"});
  }
}

CoreWorld::Known* CoreWorld::Chosen() {
  const auto back = static_cast<std::size_t>(Digit());
  return children_.empty() ? nullptr : &children_[children_.size() - 1 - back % children_.size()];
}

CoreWorld::Known* CoreWorld::Find(ChildId id) {
  const auto found =
      std::find_if(children_.begin(), children_.end(), [id](const Known& child) { return child.id == id; });
  return found == children_.end() ? nullptr : &*found;
}

// The last job, or one before it; 15 is one that never was.
JobNumber CoreWorld::ChosenJob() {
  const auto back = static_cast<std::uint64_t>(Digit());
  return JobNumber{back == 15 ? jobs_ + 7 : jobs_ - std::min(back, jobs_)};
}

// A source names a reservation when it has been answered. Those above 8 never were.
ReservationNumber CoreWorld::ChosenReservation() {
  const auto number = static_cast<std::uint64_t>(Digit());
  if (number > 8) return ReservationNumber{1000 + number};
  return ReservationNumber{Lawful() && !answered_.contains(number) ? 0 : number};
}

std::string CoreWorld::ChosenPool() { return OneOf({"p", "p", "q", "nobody"}, Digit()); }

// ---- steps ----

void CoreWorld::Step(TimePoint as_of) {
  if (!problem_.empty()) return;
  batch_.clear();
  batch_.emplace_back(TimeRead{now_, std::exchange(performed_, {})});
  for (Fact& fact : facts_) batch_.push_back(std::move(fact));
  facts_.clear();
  if (Lawful()) oracle_.Read(as_of, batch_);
  if (trace_) Trace(as_of);
  actions_.clear();
  core_->Step(as_of, batch_, actions_);
  for (const Action& action : actions_) {
    if (trace_) std::fprintf(stderr, "    > %s\n", sim::TextOf(action, pools_).c_str());
  }
  if (Lawful()) {
    // Which asks the core for its invariants, too; its own account is dearer than the step itself.
    oracle_.Check(actions_, *core_, steps_++ % kLookEvery == 0);
    Fail(oracle_.problem());
  } else {
    Fail(core_->CheckInvariants());
  }
  if (core_->NextDeadline() <= as_of) Fail("a deadline has passed and wasn't handled");
  as_of_ = now_;
  for (const Action& action : actions_) Note(action);
}

void CoreWorld::Trace(TimePoint as_of) const {
  std::fprintf(stderr, "%s (as_of %s)\n", sim::TextOf(now_).c_str(), sim::TextOf(as_of).c_str());
  for (std::size_t i = 1; i < batch_.size(); ++i)
    std::fprintf(stderr, "    %s\n", sim::TextOf(batch_[i], pools_).c_str());
}

void CoreWorld::Note(const Action& action) {
  if (const auto* start = std::get_if<StartChild>(&action)) {
    Known child;
    child.id = start->child;
    children_.push_back(std::move(child));
  }
  if (const auto* accepted = std::get_if<Accepted>(&action)) ends_[static_cast<std::uint64_t>(accepted->job)] = 0;
  if (const auto* outcome = std::get_if<ReportOutcome>(&action)) {
    const auto found = ends_.find(static_cast<std::uint64_t>(outcome->job));
    if (found == ends_.end() || ++found->second > 1) Fail("a second outcome, or one of a job that wasn't accepted");
    for (Known& child : children_) std::erase(child.jobs, outcome->job);
  }
  if (const auto* answer = std::get_if<ReservationAnswered>(&action))
    answered_.insert(static_cast<std::uint64_t>(answer->reservation));
  NoteOrder(action);
}

// What a child is told, or is done to it.
void CoreWorld::NoteOrder(const Action& action) {
  const auto of = [this](ChildId id) {
    Known* child = Find(id);
    if (child == nullptr) Fail("an action about a child that was never started");
    return child;
  };
  if (const auto* stop = std::get_if<AskToStop>(&action))
    if (Known* child = of(stop->child)) child->ending = true;
  if (const auto* kill = std::get_if<KillChild>(&action))
    if (Known* child = of(kill->child)) child->ending = true;
  if (const auto* ping = std::get_if<SendPing>(&action))
    if (Known* child = of(ping->child)) child->pinged = true;
  if (const auto* send = std::get_if<SendJob>(&action))
    if (Known* child = of(send->child)) child->jobs.push_back(send->job);
  if (const auto* close = std::get_if<CloseChannel>(&action)) {
    Known* child = of(close->child);
    if (child == nullptr) return;
    child->ending = true;
    if (child->spawned) Close(*child);
    child->close_wanted = !child->spawned;
  }
}

// ---- the end ----

void CoreWorld::Settle() {
  for (int turn = 0; turn < kSettleTurnsMax && problem_.empty(); ++turn) {
    BeKind();
    if (facts_.empty() && oracle_.Unsettled().empty()) break;
    if (facts_.empty()) now_ = std::max(now_, std::min(core_->NextDeadline(), now_ + Duration(1h)));
    as_of_ = now_;
    Step(as_of_);
  }
  if (const std::string missing = oracle_.Unsettled(); problem_.empty() && !missing.empty())
    return Fail("not settled: " + missing);
  for (const auto& [job, count] : ends_) {
    if (count != 1) Fail("job " + std::to_string(job) + " has no outcome");
  }
}

// All is stopped and everybody dies: each accepted job has had its one end.
void CoreWorld::EndLawless() {
  facts_.emplace_back(StopRequested{true});
  Step(as_of_);
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (!children_[i].spawned) facts_.emplace_back(Spawned{children_[i].id, 9});
    facts_.emplace_back(ChildExited{children_[i].id, 0, 9, false});
    facts_.emplace_back(ChannelClosed{children_[i].id});
  }
  Step(as_of_);
  for (int turn = 0; turn < kSettleTurnsMax && core_->NextDeadline() != kNever; ++turn) {
    as_of_ = now_ = std::max(now_, core_->NextDeadline());
    Step(as_of_);
  }
  for (const auto& [job, count] : ends_) {
    if (count != 1) Fail("job " + std::to_string(job) + " has no outcome");
  }
}

}  // namespace andiron::fuzz
