// The life of a fake child: what it does of its own accord, and how it answers what the core does to it.
#include <algorithm>

#include "tests/sim/world.h"

namespace andiron::sim {
namespace {

constexpr std::uint8_t kForced = 0x80;  // written although a well-behaved child wouldn't

constexpr std::uint8_t kSucceeded = static_cast<std::uint8_t>(JobReturned::End::kSucceeded);
constexpr std::uint8_t kFailed = static_cast<std::uint8_t>(JobReturned::End::kFailed);
constexpr std::uint8_t kCancelled = static_cast<std::uint8_t>(JobReturned::End::kCancelled);

constexpr std::uint8_t Detail(Said said) { return static_cast<std::uint8_t>(said); }
constexpr std::uint8_t Detail(HowItEnds how) { return static_cast<std::uint8_t>(how); }

}  // namespace

std::uint32_t World::Find(ChildId id) const {
  if (id.pool >= in_slot_.size() || id.slot >= in_slot_[id.pool].size()) return kNobody;
  const std::uint32_t present = in_slot_[id.pool][id.slot];
  if (present != kNobody && children_[present].id == id) return present;
  for (const std::uint32_t who : abandoned_) {
    if (children_[who].id == id) return who;
  }
  return kNobody;
}

void World::Start(const StartChild& action) {
  const auto who = static_cast<std::uint32_t>(children_.size());
  FakeChild child;
  child.id = action.child;
  children_.push_back(child);
  in_slot_[child.id.pool][child.id.slot] = who;
  Nanos delay = Around(plan_->latency / 2);
  if (Roll(Fault::kSpawnSlow, who)) delay = Near(PoolOf(who).init_timeout);
  Schedule(delay, Happens::kSpawnEnds, who);
}

void World::EndSpawn(std::uint32_t who) {
  FakeChild& child = children_[who];
  if (spawn_errors_to_come_ == 0 && Roll(Fault::kSpawnError, who)) {
    spawn_errors_to_come_ = static_cast<int>(random_.Between(1, 12));
  }
  if (spawn_errors_to_come_ > 0 && faults_) {
    --spawn_errors_to_come_;
    child.over = child.closed_said = true;
    return Say(who, Said::kSpawnFailed);
  }
  child.pid = static_cast<std::int32_t>(100 + who);
  child.alive = child.channel_open = true;
  Say(who, Said::kSpawned);
  DrawTraits(who);
  DrawInitialize(who);
  DrawLife(who);
  if (child.close_came) {
    child.close_came = false;
    Close(CloseChannel{child.id});
  }
  if (child.kill_came) return Kill(KillChild{child.id, Intent::kNone});
  if (child.stop_came) Stop(AskToStop{child.id, Intent::kNone});
}

// What it will do is drawn now, but counted as a hit of the slot's state only where it does it.
void World::DrawTraits(std::uint32_t who) {
  FakeChild& child = children_[who];
  const auto draw = [this](Fault fault) {
    const std::uint32_t odds = plan_->odds[static_cast<std::size_t>(fault)];
    return faults_ && odds != 0 && random_.Chance(odds);
  };
  child.ignores_stop = draw(Fault::kIgnoreStop);
  child.slow_stop = draw(Fault::kSlowStop);
  child.ignores_cancel = draw(Fault::kIgnoreCancel);
  child.unkillable = draw(Fault::kUnkillable);
  child.slow_kill = draw(Fault::kSlowKill);
  child.grandchild = draw(Fault::kGrandchild);
  child.no_pong = draw(Fault::kNoPong);
}

void World::DrawInitialize(std::uint32_t who) {
  const PoolSettings& pool = PoolOf(who);
  Nanos hello = Around(plan_->latency * 2);
  if (Roll(Fault::kSlowReady, who)) hello = Near(pool.init_timeout);
  if (Roll(Fault::kEdgeReady, who)) hello = AtEdge(pool.init_timeout);
  if (Roll(Fault::kExitBeforeHello, who)) {
    Schedule(random_.Below(hello + 1), Happens::kExits, who,
             Detail(random_.Coin() ? HowItEnds::kError : HowItEnds::kClean));
  }
  if (Roll(Fault::kProgressStall, who)) {
    const Nanos step = pool.init_stall_timeout > 0s && random_.Coin() ? Near(pool.init_stall_timeout) / 2 : hello / 4;
    const std::int64_t steps = random_.Between(1, 5);
    for (std::int64_t i = 1; i <= steps; ++i) Schedule(i * step, Happens::kWrites, who, Detail(Said::kProgressed));
    if (random_.Coin()) return;
    hello = (steps + 1) * step;
  }
  if (Roll(Fault::kNeverReady, who)) return;
  Schedule(hello, Happens::kWrites, who, Detail(Said::kReady));
  if (Roll(Fault::kDoubleHello, who)) {
    Schedule(hello + SomeTime(), Happens::kWrites, who, Detail(Said::kReady) | kForced);
  }
  if (Roll(Fault::kExitWithHello, who))
    Schedule(hello + random_.Below(2), Happens::kExits, who, Detail(HowItEnds::kError));
}

// Misfortunes that may come at any time. Each is noted where it hits.
void World::DrawLife(std::uint32_t who) {
  const auto draw = [this](Fault fault) {
    const std::uint32_t odds = plan_->odds[static_cast<std::size_t>(fault)];
    return faults_ && odds != 0 && random_.Chance(odds / 2);
  };
  if (draw(Fault::kCrash)) {
    Schedule(SomeTime(), Happens::kExits, who, Detail(random_.Coin() ? HowItEnds::kSegfault : HowItEnds::kClean));
  }
  if (draw(Fault::kOutOfMemory)) Schedule(SomeTime(), Happens::kExits, who, Detail(HowItEnds::kOutOfMemory));
  if (draw(Fault::kStatusLost)) Schedule(SomeTime(), Happens::kExits, who, Detail(HowItEnds::kStatusLost));
  if (draw(Fault::kGarbage)) Schedule(SomeTime(), Happens::kWrites, who, Detail(Said::kMisbehaved) | kForced);
  if (draw(Fault::kCloseButLive)) Schedule(SomeTime(), Happens::kCloses, who);
  if (draw(Fault::kHalfFrame)) Schedule(SomeTime(), Happens::kSaysHalf, who);
  if (draw(Fault::kHalted)) {
    const Nanos at = SomeTime();
    Schedule(at, Happens::kFreezes, who);
    if (random_.Coin()) Schedule(at + SomeTime(), Happens::kThaws, who);
  }
  if (draw(Fault::kDeaf)) {
    const Nanos at = SomeTime();
    Schedule(at, Happens::kGoesDeaf, who);
    if (random_.Coin()) Schedule(at + Near(PoolOf(who).write_timeout), Happens::kHears, who);
  }
}

void World::Write(std::uint32_t who, Said said, std::uint8_t detail, std::uint64_t number) {
  FakeChild& child = children_[who];
  if (!child.alive || !child.channel_open || child.frozen || child.mid_frame || child.close_came) return;
  const bool forced = (detail & kForced) != 0;
  if (forced && !faults_) return;
  SimJob* job = number > 0 && number <= jobs_.size() ? &jobs_[number - 1] : nullptr;
  const bool has_job = job != nullptr && job->child == who && !job->returned;
  switch (said) {
    case Said::kReady:
      if (child.hello_sent && !forced) return;
      child.hello_sent = true;
      return Say(who, said);
    case Said::kAcked:
      if (!forced && (!has_job || job->acked)) return;
      if (has_job) job->acked = true;
      return SayInPieces(who, said, 0, number);
    case Said::kReturned:
      if (!forced && !has_job) return;
      if (has_job) job->returned = true;
      return SayInPieces(who, said, detail & 3U, number);
    case Said::kHalf:
      if (!faults_) return;
      Note(Fault::kHalfFrame, who);
      child.mid_frame = true;
      if (random_.Coin()) Schedule(SomeTime(), Happens::kHears, who);
      return Say(who, said, 1);
    case Said::kMisbehaved:
      Note(Fault::kGarbage, who);
      return Say(who, said);
    case Said::kSpawned:
    case Said::kSpawnFailed:
    case Said::kProgressed:
    case Said::kPonged:
    case Said::kHalted:
    case Said::kBlocked:
    case Said::kExited:
    case Said::kClosed:
    case Said::kSubmitted:
    case Said::kCancelled:
    case Said::kAsked:
    case Said::kReleased:
    case Said::kAwaited:
    case Said::kDrain:
    case Said::kResume:
    case Said::kStop:
    case Said::kStopNow:
    case Said::kStopChild:
      return Say(who, said, 0, number);
  }
}

// Now and then half of a frame is seen before the whole, and half of another behind it.
void World::SayInPieces(std::uint32_t who, Said said, std::uint8_t detail, std::uint64_t number) {
  if (random_.Below(16) != 0) return Say(who, said, detail, number);
  Say(who, Said::kHalf, 1);
  Say(who, said, detail, number);
  Say(who, Said::kHalf, 0);
  if (!random_.Coin()) return;
  Say(who, Said::kHalf, 1);
  Say(who, Said::kHalf, 0);
}

void World::Receive(const SendJob& action) {
  const std::uint32_t who = Find(action.child);
  const auto number = static_cast<std::uint64_t>(action.job);
  if (who == kNobody || number == 0 || number > jobs_.size()) return;
  SimJob& job = jobs_[number - 1];
  job.child = who;
  job.acked = job.returned = false;
  job.unlimited = action.run_for == Duration(0);
  FakeChild& child = children_[who];
  ++child.jobs;
  if (child.alive && !child.frozen && !child.deaf && !child.mid_frame) RunJob(who, number);
  MaybeCancel(number);
}

// What the child does with one job.
void World::RunJob(std::uint32_t who, std::uint64_t number) {
  const PoolSettings& pool = PoolOf(who);
  if (random_.Below(16) == 0) {  // it reads the job in two pieces
    Say(who, Said::kBlocked, 1);
    Say(who, Said::kBlocked, 0);
  }
  Nanos ack = Around(plan_->latency / 4);
  if (Roll(Fault::kExitUnacked, who)) Schedule(random_.Below(ack + 1), Happens::kExits, who, Detail(HowItEnds::kError));
  if (Roll(Fault::kOtherJob, who)) {
    const std::uint64_t other = static_cast<std::uint64_t>(random_.Below(std::ssize(jobs_) + 5));
    Schedule(SomeTime(), Happens::kWrites, who, Detail(random_.Coin() ? Said::kAcked : Said::kReturned) | kForced,
             other);
  }
  if (Roll(Fault::kNoAck, who)) return;
  if (Roll(Fault::kLateAck, who)) ack = random_.Coin() ? Near(pool.ack_timeout) : AtEdge(pool.ack_timeout);
  if (!Roll(Fault::kResultUnacked, who)) Schedule(ack, Happens::kWrites, who, Detail(Said::kAcked), number);
  if (Roll(Fault::kExitAcked, who)) {
    Schedule(ack + random_.Below(plan_->work), Happens::kExits, who, Detail(HowItEnds::kSegfault));
  }
  if (Roll(Fault::kHang, who)) return;
  Nanos result = ack + Around(plan_->work);
  if (Roll(Fault::kEdgeResult, who)) result = random_.Coin() ? Near(pool.run_for) : AtEdge(pool.run_for);
  std::uint8_t end = kSucceeded;
  if (Roll(Fault::kFailedResult, who)) end = kFailed;
  if (Roll(Fault::kUnaskedCancelled, who)) end = kCancelled;
  EndJob(who, number, end, result);
}

void World::EndJob(std::uint32_t who, std::uint64_t number, std::uint8_t end, Nanos delay) {
  Schedule(delay, Happens::kFinishes, who, end, number);
  if (Roll(Fault::kDoubleResult, who)) {
    Schedule(delay + SomeTime(), Happens::kWrites, who, Detail(Said::kReturned) | kForced, number);
  }
  if (Roll(Fault::kResultThenExit, who)) {
    Schedule(delay + random_.Below(2), Happens::kExits, who,
             Detail(random_.Coin() ? HowItEnds::kClean : HowItEnds::kError));
  }
}

void World::Receive(const SendCancel& action) {
  const std::uint32_t who = Find(action.child);
  if (who == kNobody) return;
  const FakeChild& child = children_[who];
  if (!child.alive || child.frozen || child.deaf || child.mid_frame) return;
  if (child.ignores_cancel) return Note(Fault::kIgnoreCancel, who);
  const Nanos delay = random_.Below(4) == 0 ? AtEdge(PoolOf(who).cancel_grace) : Around(plan_->latency);
  Schedule(delay, Happens::kFinishes, who, kCancelled, static_cast<std::uint64_t>(action.job));
}

void World::Receive(const SendPing& action) {
  const std::uint32_t who = Find(action.child);
  if (who == kNobody) return;
  const FakeChild& child = children_[who];
  if (!child.alive || child.frozen || child.deaf || child.mid_frame) return;
  if (child.no_pong) return Note(Fault::kNoPong, who);
  Schedule(random_.Below(8) == 0 && faults_ ? Near(PoolOf(who).ping_timeout) : Around(plan_->latency / 4),
           Happens::kWrites, who, Detail(Said::kPonged));
}

// It does at last what it owes: hello, acknowledgements and results.
void World::GoOn(std::uint32_t who) {
  FakeChild& child = children_[who];
  if (child.frozen) {
    child.frozen = false;
    Say(who, Said::kHalted, 0);
  }
  if (child.deaf) Say(who, Said::kBlocked, 0);
  if (child.mid_frame && child.channel_open && !child.close_came) Say(who, Said::kHalf, 0);
  child.deaf = child.mid_frame = false;
  if (!child.hello_sent) Schedule(Around(plan_->latency), Happens::kWrites, who, Detail(Said::kReady));
  if (child.jobs == 0) return;
  for (std::uint64_t number = 1; number <= jobs_.size(); ++number) {
    const SimJob& job = jobs_[number - 1];
    if (job.child != who || job.returned || job.over) continue;
    const Nanos ack = Around(plan_->latency / 4);
    Schedule(ack, Happens::kWrites, who, Detail(Said::kAcked), number);
    Schedule(ack + Around(plan_->work), Happens::kFinishes, who, kSucceeded, number);
  }
}

// The liveness phase begins for it.
void World::Heal(std::uint32_t who) {
  FakeChild& child = children_[who];
  child.ignores_stop = child.slow_stop = child.ignores_cancel = child.unkillable = child.slow_kill = false;
  child.grandchild = child.no_pong = false;
  if (!child.alive) {
    if (child.over && !child.closed_said && plan_->heals_all) SayClosed(who);
    return;
  }
  if (child.kill_came) return Schedule(Around(plan_->latency), Happens::kExits, who, Detail(HowItEnds::kKilled));
  if (!plan_->heals_all) {
    for (std::uint64_t number = 1; number <= jobs_.size(); ++number) {
      SimJob& job = jobs_[number - 1];
      if (job.child == who && job.unlimited && !job.over) return GoOn(who);
    }
    return;
  }
  if (child.stop_came) Schedule(Around(plan_->latency), Happens::kExits, who, Detail(HowItEnds::kTerminated));
  GoOn(who);
}

}  // namespace andiron::sim
