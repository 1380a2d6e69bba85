// Those who give jobs and orders.
#include <algorithm>

#include "tests/sim/world.h"

namespace andiron::sim {
namespace {

constexpr std::uint8_t Detail(Said said) { return static_cast<std::uint8_t>(said); }

}  // namespace

void World::BeginSource() {
  jobs_to_give_ = plan_->jobs;
  const Nanos window = plan_->arrival * plan_->jobs;
  safety_end_ = time_ + window + plan_->work * 20;
  Schedule(random_.Coin() ? 0 : random_.Below(plan_->latency * 8), Happens::kGives, kNobody);
  const auto order = [this, window](Fault fault, Said said, Nanos from) {
    if (!Roll(fault, kNobody)) return;
    Schedule(from + random_.Below(window - from + 1), Happens::kOrders, kNobody, Detail(said));
    if (random_.Below(3) == 0) Schedule(window / 2 + random_.Below(window), Happens::kOrders, kNobody, Detail(said));
  };
  order(Fault::kDrain, Said::kDrain, 0);
  order(Fault::kResume, Said::kResume, 0);
  order(Fault::kStop, Said::kStop, random_.Coin() ? 0 : window / 2);
  order(Fault::kStopNow, Said::kStopNow, random_.Coin() ? 0 : window / 2);
}

void World::GiveJobs() {
  std::int64_t burst = 1;
  if (Roll(Fault::kBurst, kNobody)) burst = random_.Between(2, 30);
  for (; burst > 0 && jobs_to_give_ > 0; --burst, --jobs_to_give_) {
    const auto pool = static_cast<std::uint32_t>(random_.Below(std::ssize(plan_->pools)));
    if (Roll(Fault::kReservation, kNobody)) {
      reservations_.push_back({pool, false});
      Say(kNobody, Said::kAsked, 0, reservations_.size());
    } else {
      GiveJob(pool, 0, false);
    }
    if (Roll(Fault::kWaiter, kNobody)) Say(kNobody, Said::kAwaited, static_cast<std::uint8_t>(pool), ++waiters_);
    if (Roll(Fault::kChildStop, kNobody)) StopSomeChild();
    if (Roll(Fault::kCancelUnknown, kNobody)) Say(kNobody, Said::kCancelled, 0, 1'000'000 + jobs_.size());
  }
  if (jobs_to_give_ > 0) Schedule(Around(plan_->arrival), Happens::kGives, kNobody);
}

void World::GiveJob(std::uint32_t pool, std::uint64_t reservation, bool probe) {
  SimJob job;
  job.pool = pool;
  job.reservation = reservation;
  job.probe = probe;
  job.payload = static_cast<std::uint8_t>(random_.Below(9));
  if (Roll(Fault::kUnknownPool, kNobody)) job.pool = static_cast<std::uint32_t>(plan_->pools.size());
  if (Roll(Fault::kTooLarge, kNobody)) job.payload = 9;
  if (!jobs_.empty() && Roll(Fault::kDuplicateId, kNobody)) {
    const auto other = 1 + static_cast<std::uint64_t>(random_.Below(std::ssize(jobs_)));
    job.same_id_as = jobs_[other - 1].same_id_as == 0 ? other : jobs_[other - 1].same_id_as;
  }
  jobs_.push_back(job);
  const std::uint64_t number = jobs_.size();
  Say(kNobody, Said::kSubmitted, 0, number);
  MaybeCancel(number);
}

void World::MaybeCancel(std::uint64_t number) {
  if (!Roll(Fault::kCancel, kNobody)) return;
  if (random_.Coin()) {
    Say(kNobody, Said::kCancelled, 0, number);
  } else {
    Schedule(SomeTime(), Happens::kOrders, number > UINT32_MAX ? kNobody : static_cast<std::uint32_t>(number),
             Detail(Said::kCancelled));
  }
  if (Roll(Fault::kCancelTwice, kNobody)) {
    Schedule(SomeTime(), Happens::kOrders, static_cast<std::uint32_t>(number), Detail(Said::kCancelled));
  }
}

void World::Order(Said said) {
  Say(kNobody, said);
  if (said == Said::kDrain) draining_ = true;
  if (said == Said::kResume) draining_ = false;
  if (said == Said::kStop || said == Said::kStopNow) stop_asked_ = true;
}

// Any child that was ever started, most often one that is there.
void World::StopSomeChild() {
  if (children_.empty()) return;
  const std::int64_t newest = std::ssize(children_) - 1;
  const std::int64_t from = random_.Below(4) == 0 ? 0 : std::max<std::int64_t>(0, newest - plan_->slots);
  const auto who = static_cast<std::size_t>(random_.Between(from, newest));
  orders_.push_back({children_[who].id, random_.Below(3) == 0});
  Say(kNobody, Said::kStopChild, 0, orders_.size());
  if (random_.Below(4) != 0) return;
  orders_.push_back({children_[who].id, true});
  Say(kNobody, Said::kStopChild, 0, orders_.size());
}

// What the owner of a granted reservation does with it.
void World::Follow(std::uint64_t reservation) {
  if (Roll(Fault::kReservationKept, kNobody)) return;
  if (random_.Below(4) == 0) return Say(kNobody, Said::kReleased, 0, reservation);
  GiveJob(reservations_[reservation - 1].pool, reservation, false);
}

void World::OnAccepted(std::uint64_t number) { MaybeCancel(number); }

void World::OnRefused(const Refused& action) {
  SimJob& job = jobs_[static_cast<std::size_t>(action.job) - 1];
  job.over = true;
  if (!job.probe) return;
  // Whoever gives jobs comes again when the refusal says so.
  Schedule(std::max<Nanos>(action.retry_after.count(), 1'000'000), Happens::kProbes, job.pool);
}

void World::OnOutcome(const ReportOutcome& action) {
  const auto number = static_cast<std::uint64_t>(action.job);
  if (number == 0 || number > jobs_.size()) return;
  SimJob& job = jobs_[number - 1];
  job.over = true;
  if (!job.probe) return MaybeCancel(number);
  --probes_open_;
  if (action.outcome != Outcome::kSucceeded) ++probes_failed_;
}

JobSubmitted World::Submission(std::uint64_t number) {
  const SimJob& job = jobs_[number - 1];
  JobSubmitted fact;
  fact.job = JobNumber{number};
  fact.pool = job.pool < plan_->pools.size() ? plan_->pools[job.pool].name : "nowhere";
  fact.id = std::to_string(job.same_id_as == 0 ? number : job.same_id_as);
  fact.payload.assign(job.payload, 'x');
  fact.reservation = ReservationNumber{job.reservation};
  if (job.probe) {
    fact.start_by = Duration(SettleBound(*plan_));
    fact.run_for = Duration(0);
  } else {
    const std::int64_t kind = random_.Below(8);
    if (kind == 0) fact.start_by = Duration(SomeTime() + 1);
    if (kind == 1) fact.run_for = Duration(SomeTime());
    if (kind < 3) fact.priority = static_cast<int>(random_.Between(-2, 2));
  }
  return fact;
}

Fact World::ToOrder(const Pending& pending) {
  switch (pending.said) {
    case Said::kSubmitted:
      return Submission(pending.number);
    case Said::kCancelled:
      return JobCancelled{JobNumber{pending.number},
                          random_.Below(4) == 0 ? std::optional<Duration>(SomeTime()) : std::nullopt};
    case Said::kAsked:
      return ReservationAsked{ReservationNumber{pending.number},
                              plan_->pools[reservations_[pending.number - 1].pool].name};
    case Said::kReleased:
      return ReservationReleased{ReservationNumber{pending.number}};
    case Said::kAwaited: {
      const PoolSettings& pool = plan_->pools[pending.detail];
      return ReadyAwaited{WaiterNumber{pending.number}, pool.name, Duration(Near(pool.init_timeout))};
    }
    case Said::kDrain:
      return DrainRequested{};
    case Said::kResume:
      return ResumeRequested{};
    case Said::kStop:
    case Said::kStopNow:
      return StopRequested{pending.said == Said::kStopNow};
    case Said::kStopChild: {
      const SimOrder& order = orders_[pending.number - 1];
      return ChildStopRequested{WaiterNumber{(std::uint64_t{1} << 32U) + pending.number}, order.child, order.force};
    }
    case Said::kSpawned:
    case Said::kSpawnFailed:
    case Said::kProgressed:
    case Said::kReady:
    case Said::kMisbehaved:
    case Said::kAcked:
    case Said::kReturned:
    case Said::kPonged:
    case Said::kHalted:
    case Said::kHalf:
    case Said::kBlocked:
    case Said::kExited:
    case Said::kClosed:
      break;
  }
  return TimeRead{now()};
}

}  // namespace andiron::sim
