#include "tests/sim/world.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace andiron::sim {

void World::Begin(const Plan& plan, std::uint64_t seed) {
  plan_ = &plan;
  random_ = Random(seed);
  time_ = as_of_ = performed_ = plan.start + random_.Below(1000);
  turns_ = 0;
  faults_ = true;
  events_.clear();
  pending_.clear();
  free_pending_ = kNobody;
  speaking_.clear();
  facts_.clear();
  children_.clear();
  in_slot_.resize(plan.pools.size());
  for (std::size_t i = 0; i < plan.pools.size(); ++i) {
    in_slot_[i].assign(static_cast<std::size_t>(plan.pools[i].max_children), kNobody);
  }
  abandoned_.clear();
  gone_.clear();
  spawn_errors_to_come_ = 0;
  source_ = {};
  jobs_.clear();
  reservations_.clear();
  orders_.clear();
  waiters_ = 0;
  stop_asked_ = draining_ = false;
  probes_open_ = probes_failed_ = 0;
  BeginSource();
}

void World::Schedule(Nanos delay, Happens what, std::uint32_t who, std::uint8_t detail, std::uint64_t number) {
  events_.push_back(
      {time_ + (faults_ || what == Happens::kProbes ? delay : 0), random_.Next(), number, who, what, detail});
  std::push_heap(events_.begin(), events_.end());
}

void World::RunEventsUntil(Nanos until) {
  while (!events_.empty() && events_.front().at <= until) {
    const Event event = events_.front();
    std::pop_heap(events_.begin(), events_.end());
    events_.pop_back();
    time_ = std::max(time_, event.at);
    Happen(event);
  }
  time_ = until;
}

void World::Happen(const Event& event) {
  switch (event.what) {
    case Happens::kSpawnEnds:
      return EndSpawn(event.who);
    case Happens::kWrites:
      return Write(event.who, static_cast<Said>(event.detail & 0x7fU), event.detail, event.number);
    case Happens::kSaysHalf:
      return Write(event.who, Said::kHalf, 1, 0);
    case Happens::kExits:
      return Exit(event.who, static_cast<HowItEnds>(event.detail));
    case Happens::kCloses:
      if (!children_[event.who].alive || !faults_ || children_[event.who].frozen) return;
      Note(Fault::kCloseButLive, event.who);
      children_[event.who].channel_open = false;
      return SayClosed(event.who);
    case Happens::kGrandchildEnds:
      return SayClosed(event.who);
    case Happens::kFreezes:
      return Freeze(event.who, true);
    case Happens::kThaws:
      return Freeze(event.who, false);
    case Happens::kGoesDeaf:
      if (!children_[event.who].alive || !faults_ || children_[event.who].deaf) return;
      Note(Fault::kDeaf, event.who);
      children_[event.who].deaf = true;
      return Say(event.who, Said::kBlocked, 1);
    case Happens::kHears:
      if (!children_[event.who].alive || !children_[event.who].deaf) return;
      return GoOn(event.who);
    case Happens::kFinishes:
      return Write(event.who, Said::kReturned, event.detail, event.number);
    case Happens::kGives:
      return GiveJobs();
    case Happens::kOrders:
      if (!faults_) return;
      if (event.detail == static_cast<std::uint8_t>(Said::kCancelled))
        return Say(kNobody, Said::kCancelled, 0, event.who);
      return Order(static_cast<Said>(event.detail));
    case Happens::kFollows:
      return Follow(event.number);
    case Happens::kProbes:
      return GiveJob(event.who, 0, true);
  }
}

void World::Say(std::uint32_t who, Said said, std::uint8_t detail, std::uint64_t number) {
  std::uint32_t place = free_pending_;
  if (place == kNobody) {
    place = static_cast<std::uint32_t>(pending_.size());
    pending_.emplace_back();
  } else {
    free_pending_ = pending_[place].next;
  }
  pending_[place] = {time_, number, kNobody, said, detail};
  Stream& stream = StreamOf(who);
  if (stream.first == kNobody) {
    stream.first = place;
  } else {
    pending_[stream.last].next = place;
  }
  stream.last = place;
  if (stream.listed) return;
  stream.listed = true;
  speaking_.push_back(who);
}

bool World::NextTurn(TimePoint deadline) {
  ++turns_;
  Nanos wake = time_;
  if (speaking_.empty()) {
    const Nanos due = deadline.time_since_epoch().count();
    wake = events_.empty() ? due : std::min(due, events_.front().at);
    if (wake == kNever.time_since_epoch().count()) return false;
    wake = std::max(wake, time_);
  }
  // The loop wakes up a little late, and between the poll and the turn other callbacks run.
  if (random_.Below(4) == 0) wake += random_.Below(plan_->latency / 4);
  wake += Stalled();
  RunEventsUntil(wake);
  facts_.clear();
  facts_.emplace_back(TimeRead{now(), TimePoint(Duration(performed_))});
  CollectFacts();
  if (faults_) AddLateFacts();
  return true;
}

// What was readable at as_of is told now, and a part of what has become readable since.
void World::CollectFacts() {
  for (std::size_t i = speaking_.size(); i > 1; --i) {
    std::swap(speaking_[i - 1], speaking_[static_cast<std::size_t>(random_.Below(static_cast<std::int64_t>(i)))]);
  }
  if (random_.Below(4) == 0) {
    DeliverInterleaved();
  } else {
    for (const std::uint32_t who : speaking_) Deliver(who);
  }
  std::erase_if(speaking_, [this](std::uint32_t who) {
    Stream& stream = StreamOf(who);
    stream.listed = stream.first != kNobody;
    return !stream.listed;
  });
}

int World::Deliverable(std::uint32_t who) {
  int must = 0;
  int may = 0;
  for (std::uint32_t at = StreamOf(who).first; at != kNobody; at = pending_[at].next) {
    (pending_[at].at <= as_of_ ? must : may) += 1;
  }
  if (may == 0 || random_.Below(4) != 0) return must + may;
  return must + static_cast<int>(random_.Below(may + 1));
}

void World::Deliver(std::uint32_t who) {
  for (int left = Deliverable(who); left > 0; --left) DeliverOne(who);
}

void World::DeliverInterleaved() {
  to_deliver_.clear();
  int left = 0;
  for (const std::uint32_t who : speaking_) {
    to_deliver_.push_back(Deliverable(who));
    left += to_deliver_.back();
  }
  std::size_t at = 0;
  while (left > 0) {
    at = (at + static_cast<std::size_t>(random_.Below(3))) % speaking_.size();
    while (to_deliver_[at] == 0) at = (at + 1) % speaking_.size();
    --to_deliver_[at];
    --left;
    DeliverOne(speaking_[at]);
  }
}

void World::DeliverOne(std::uint32_t who) {
  Stream& stream = StreamOf(who);
  const std::uint32_t place = stream.first;
  stream.first = pending_[place].next;
  if (stream.first == kNobody) stream.last = kNobody;
  if (who != kNobody) NoteTold(children_[who], pending_[place].said);
  facts_.push_back(ToFact(who, pending_[place]));
  pending_[place].next = free_pending_;
  free_pending_ = place;
  if (who == kNobody) return;
  const FakeChild& child = children_[who];
  if (child.exit_told && child.close_told && gone_.size() < 64) gone_.push_back(who);
}

void World::NoteTold(FakeChild& child, Said said) {
  if (said == Said::kReady) child.ready_told = true;
  if (said == Said::kReturned && child.jobs > 0) --child.jobs;
  if (said == Said::kExited || said == Said::kSpawnFailed) child.exit_told = true;
  if (said == Said::kClosed || said == Said::kSpawnFailed) child.close_told = true;
}

// Facts about children that have ended: a driver's bug, or a callback that was under way. They must change nothing.
void World::AddLateFacts() {
  const std::uint32_t odds = plan_->odds[static_cast<std::size_t>(Fault::kLateFacts)];
  if (gone_.empty() || odds == 0 || !random_.Chance(odds / 4)) return;
  constexpr Said kLate[] = {Said::kSpawned,  Said::kProgressed, Said::kReady,      Said::kMisbehaved, Said::kAcked,
                            Said::kReturned, Said::kPonged,     Said::kHalted,     Said::kHalf,       Said::kBlocked,
                            Said::kExited,   Said::kClosed,     Said::kSpawnFailed};
  for (std::int64_t left = random_.Between(1, 3); left > 0; --left) {
    const std::uint32_t who = gone_[static_cast<std::size_t>(random_.Below(std::ssize(gone_)))];
    const FakeChild& child = children_[who];
    const std::uint32_t present = in_slot_[child.id.pool][child.id.slot];
    Pending late{};
    late.said = kLate[random_.Below(std::ssize(kLate))];
    late.detail = static_cast<std::uint8_t>(random_.Below(2));
    late.number = jobs_.empty() ? 1 : 1 + static_cast<std::uint64_t>(random_.Below(std::ssize(jobs_)));
    Note(Fault::kLateFacts, present);
    facts_.push_back(ToFact(who, late));
  }
}

Fact World::ToFact(std::uint32_t who, const Pending& pending) {
  if (who == kNobody) return ToOrder(pending);
  const ChildId id = children_[who].id;
  const bool on = pending.detail == 1;
  switch (pending.said) {
    case Said::kSpawned:
      return Spawned{id, children_[who].pid};
    case Said::kSpawnFailed:
      return SpawnFailed{id, "no such file"};
    case Said::kProgressed:
      return ChildProgressed{id};
    case Said::kReady:
      return ChildReady{id};
    case Said::kMisbehaved:
      return ChildMisbehaved{id, "garbage"};
    case Said::kAcked:
      return JobAcked{id, JobNumber{pending.number}};
    case Said::kReturned:
      return JobReturned{id, JobNumber{pending.number}, static_cast<JobReturned::End>(pending.detail % 3),
                         std::to_string(pending.number)};
    case Said::kPonged:
      return ChildPonged{id};
    case Said::kHalted:
      return ChildHalted{id, on};
    case Said::kHalf:
      return FrameHalfRead{id, on};
    case Said::kBlocked:
      return WriteBlocked{id, on};
    case Said::kExited: {
      constexpr ChildExited kExits[] = {{{}, 0, 0, false}, {{}, 1, 0, false},  {{}, 0, 11, false}, {{}, 0, 9, false},
                                        {{}, 0, 9, true},  {{}, 0, -1, false}, {{}, 0, 15, false}};
      ChildExited fact = kExits[pending.detail];
      fact.child = id;
      return fact;
    }
    case Said::kClosed:
      return ChannelClosed{id};
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
      return ToOrder(pending);
  }
  return TimeRead{};
}

// Now and then the loop sleeps: another callback was slow, the machine was suspended, somebody sent us SIGSTOP.
Nanos World::Stalled() {
  if (!faults_ || random_.Below(8) != 0 || !Roll(Fault::kStall, kNobody)) return 0;
  const PoolSettings& pool = plan_->pools[0];
  const Duration limits[] = {pool.init_timeout,
                             pool.ack_timeout,
                             pool.run_for,
                             pool.start_by,
                             pool.kill_grace,
                             pool.stop_grace,
                             Duration(plan_->latency * 10)};
  return Near(limits[random_.Below(std::ssize(limits))]);
}

void World::Perform(const ActionList& actions) {
  RunEventsUntil(time_ + (random_.Below(4) == 0 ? random_.Below(plan_->latency / 4) : 0) + Stalled());
  performed_ = time_;
  // Now and then a round of reads takes several turns.
  if (!faults_ || random_.Below(8) != 0) as_of_ = time_;
  for (const Action& action : actions) {
    if (const auto* send = std::get_if<SendJob>(&action)) {
      Receive(*send);
    } else if (const auto* start = std::get_if<StartChild>(&action)) {
      Start(*start);
    } else if (const auto* outcome = std::get_if<ReportOutcome>(&action)) {
      OnOutcome(*outcome);
    } else if (const auto* accepted = std::get_if<Accepted>(&action)) {
      OnAccepted(static_cast<std::uint64_t>(accepted->job));
    } else if (const auto* refused = std::get_if<Refused>(&action)) {
      OnRefused(*refused);
    } else if (const auto* started = std::get_if<ReportStarted>(&action)) {
      MaybeCancel(static_cast<std::uint64_t>(started->job));
    } else if (const auto* kill = std::get_if<KillChild>(&action)) {
      Kill(*kill);
    } else if (const auto* stop = std::get_if<AskToStop>(&action)) {
      Stop(*stop);
    } else if (const auto* cancel = std::get_if<SendCancel>(&action)) {
      Receive(*cancel);
    } else if (const auto* ping = std::get_if<SendPing>(&action)) {
      Receive(*ping);
    } else if (const auto* close = std::get_if<CloseChannel>(&action)) {
      Close(*close);
    } else if (const auto* abandon = std::get_if<AbandonChild>(&action)) {
      const std::uint32_t who = Find(abandon->child);
      if (who == kNobody || abandon->withheld) continue;
      children_[who].abandoned = true;
      abandoned_.push_back(who);
    } else if (const auto* answer = std::get_if<ReservationAnswered>(&action)) {
      if (!answer->granted) continue;
      reservations_[static_cast<std::size_t>(answer->reservation) - 1].granted = true;
      Schedule(SomeTime(), Happens::kFollows, kNobody, 0, static_cast<std::uint64_t>(answer->reservation));
    }
  }
}

bool World::SafetyIsOver() const { return turns_ >= plan_->turns_max || (jobs_to_give_ == 0 && time_ >= safety_end_); }

void World::EndFaults() {
  faults_ = false;
  jobs_to_give_ = 0;
  if (draining_ && !stop_asked_) Order(Said::kResume);
  for (Event& event : events_) event.at = std::min(event.at, time_);
  std::make_heap(events_.begin(), events_.end());
  for (std::uint32_t who = 0; who < children_.size(); ++who) Heal(who);
}

void World::SubmitProbes() {
  for (std::uint32_t who = 0; who < children_.size(); ++who) {
    if (children_[who].alive) GoOn(who);
  }
  for (std::uint32_t pool = 0; pool < plan_->pools.size(); ++pool) {
    // A pool without idle children and without a queue takes no job unless somebody waits for a child first.
    if (plan_->pools[pool].warm == 0 && plan_->pools[pool].queue_limit == 0) continue;
    ++probes_open_;
    Schedule(0, Happens::kProbes, pool);
  }
}

// ---- drawing ----

SlotState World::StateOf(const FakeChild& child) const {
  if (child.exit_told && child.close_told) return SlotState::kVacant;
  if (child.exit_told || child.kill_came) return SlotState::kDying;
  if (child.stop_came) return SlotState::kStopping;
  if (!child.ready_told) return SlotState::kStarting;
  return child.jobs > 0 ? SlotState::kBusy : SlotState::kIdle;
}

bool World::Roll(Fault fault, std::uint32_t who) {
  const std::uint32_t odds = plan_->odds[static_cast<std::size_t>(fault)];
  if (odds == 0 || !faults_ || !random_.Chance(odds)) return false;
  Note(fault, who);
  return true;
}

void World::Note(Fault fault, std::uint32_t who) {
  const int state = who == kNobody ? kSlotStateCount : static_cast<int>(StateOf(children_[who]));
  ++fault_table_[static_cast<std::size_t>(fault)][static_cast<std::size_t>(state)];
}

Nanos World::Around(Nanos typical) { return typical / 2 + random_.Below(typical + 1); }

Nanos World::Near(Duration limit) { return limit.count() / 2 + random_.Below(limit.count() + limit.count() / 2 + 2); }

Nanos World::AtEdge(Duration limit) { return std::max<Nanos>(0, limit.count() + random_.Between(-1, 1)); }

Nanos World::SomeTime() {
  const Nanos scales[] = {1, plan_->latency, plan_->latency * 4, plan_->work * 2, plan_->work * 20};
  return random_.Below(scales[random_.Below(std::ssize(scales))] + 1);
}

}  // namespace andiron::sim
