#include "tests/sim/exhaustive.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "jobs/core.h"
#include "tests/sim/oracle.h"

namespace andiron::sim {
namespace {

enum class Item : std::uint8_t {
  kSpawned,
  kReady,
  kExited,
  kClosed,
  // From here on: one, two or three of them beside the four.
  kReadyAgain,
  kProgressed,
  kMisbehaved,
  kHalfFrame,
  kHalted,
  kBlocked,
  kAcked,
  kReturned,
  kDeadline,  // init_timeout passes
  kStopChild,
  kKillChild,
  kSubmit,
  kCancel,
  kAwait,
  kReserve,
  kDrain,
  kStop,
  kStopNow,
  kSpawnFailed,  // instead of all that a child says
};
constexpr int kFirstExtra = 4;
constexpr int kExtraEnd = static_cast<int>(Item::kSpawnFailed);
constexpr std::array<std::string_view, 23> kItemNames = {
    "spawned", "ready",   "exited",  "closed",   "ready_again", "progressed", "misbehaved",  "half_frame",
    "halted",  "blocked", "acked",   "returned", "deadline",    "stop_child", "kill_child",  "submit",
    "cancel",  "await",   "reserve", "drain",    "stop",        "stop_now",   "spawn_failed"};

struct Setup {
  int slots;
  int jobs;
};

// Written by the child into its channel.
bool Frame(Item item) {
  switch (item) {
    case Item::kReady:
    case Item::kReadyAgain:
    case Item::kProgressed:
    case Item::kMisbehaved:
    case Item::kHalfFrame:
    case Item::kBlocked:
    case Item::kAcked:
    case Item::kReturned:
      return true;
    case Item::kSpawned:
    case Item::kExited:
    case Item::kClosed:
    case Item::kHalted:
    case Item::kDeadline:
    case Item::kStopChild:
    case Item::kKillChild:
    case Item::kSubmit:
    case Item::kCancel:
    case Item::kAwait:
    case Item::kReserve:
    case Item::kDrain:
    case Item::kStop:
    case Item::kStopNow:
    case Item::kSpawnFailed:
      return false;
  }
  return false;
}

bool AboutChild(Item item) {
  return Frame(item) || item == Item::kSpawned || item == Item::kExited || item == Item::kClosed ||
         item == Item::kHalted;
}

// The promises of jobs/fact.h about one child.
bool MayFollow(std::span<const Item> before, Item item) {
  const auto seen = [before](Item other) { return std::find(before.begin(), before.end(), other) != before.end(); };
  if (!AboutChild(item)) return true;
  if (item != Item::kSpawned && !seen(Item::kSpawned)) return false;
  if (seen(Item::kExited) && seen(Item::kClosed)) return false;
  if (seen(Item::kClosed) && Frame(item)) return false;
  if (item == Item::kHalted && seen(Item::kExited)) return false;
  return item != Item::kReadyAgain || seen(Item::kReady);
}

// A child as the small world knows it, for its kind end.
struct Known {
  ChildId id;
  std::vector<JobNumber> jobs;
  bool spawned = false;
  bool ready = false;
  bool exited = false;
  bool closed = false;
  bool ending = false;
};

class SmallWorld {
 public:
  explicit SmallWorld(const Setup& setup) : setup_(setup) {
    PoolSettings pool;
    pool.name = "p";
    pool.warm = pool.max_children = pool.max_starting = setup.slots;
    pool.quarantine_max = 1;
    pool.init_timeout = 10s;
    pool.breaker_failures = 3;
    pool.ping_interval = 0s;
    pool.idle_timeout = 0s;
    pool.max_payload = 8;
    pools_.push_back(pool);
  }

  // "" or what went wrong.
  std::string Run(std::span<const Item> items, unsigned cuts) {
    Core core(pools_, 30s, 1, /*strict=*/true);
    core_ = &core;
    oracle_.Begin(pools_, 30s);
    children_.clear();
    now_ = as_of_ = TimePoint(1s);
    next_job_ = next_waiter_ = 1;
    facts_.clear();
    for (int i = 0; i < setup_.jobs; ++i) Add(Item::kSubmit);
    bool good = Step();
    for (std::size_t i = 0; i < items.size() && good; ++i) {
      Add(items[i]);
      if (i + 1 == items.size() || (cuts >> i & 1U) != 0) good = Step();
    }
    for (int turn = 0; good && turn < kTurnsMax; ++turn) {
      BeKind();
      if (facts_.empty() && oracle_.Unsettled().empty()) return {};
      if (facts_.empty()) now_ = std::max(now_, std::min(core.NextDeadline(), now_ + Duration(1h)));
      as_of_ = now_;
      good = Step();
    }
    if (!good) return oracle_.problem();
    return "[I9] not settled: " + oracle_.Unsettled();
  }

  std::int64_t steps() const { return steps_; }

 private:
  static constexpr int kTurnsMax = 100;
  static constexpr ChildId kFirst{0, 0, 1};

  bool Step() {
    ++steps_;
    batch_.clear();
    batch_.emplace_back(TimeRead{now_});
    for (Fact& fact : facts_) batch_.push_back(std::move(fact));
    facts_.clear();
    oracle_.Read(as_of_, batch_);
    actions_.clear();
    core_->Step(as_of_, batch_, actions_);
    oracle_.Check(actions_, *core_, true);
    as_of_ = now_;
    for (const Action& action : actions_) Note(action);
    return oracle_.problem().empty();
  }

  void Note(const Action& action) {
    if (const auto* start = std::get_if<StartChild>(&action)) children_.push_back({.id = start->child, .jobs = {}});
    if (const auto* stop = std::get_if<AskToStop>(&action)) Of(stop->child).ending = true;
    if (const auto* kill = std::get_if<KillChild>(&action)) Of(kill->child).ending = true;
    if (const auto* close = std::get_if<CloseChannel>(&action)) Of(close->child).ending = true;
    if (const auto* send = std::get_if<SendJob>(&action)) Of(send->child).jobs.push_back(send->job);
    if (const auto* outcome = std::get_if<ReportOutcome>(&action)) {
      for (Known& child : children_) std::erase(child.jobs, outcome->job);
    }
  }

  Known& Of(ChildId id) {
    return *std::find_if(children_.begin(), children_.end(), [id](const Known& child) { return child.id == id; });
  }

  // What a healthy child does; one that has exited or lost its channel ends wholly.
  void BeKind() {
    for (Known& child : children_) {
      if (child.exited && child.closed) continue;
      if (!child.spawned) facts_.emplace_back(Spawned{child.id, 9});
      child.spawned = true;
      if (child.ending || child.exited || child.closed) {
        if (!child.exited) facts_.emplace_back(ChildExited{child.id, 0, 15, false});
        if (!child.closed) facts_.emplace_back(ChannelClosed{child.id});
        child.exited = child.closed = true;
        continue;
      }
      if (!child.ready) facts_.emplace_back(ChildReady{child.id});
      child.ready = true;
      for (const JobNumber job : child.jobs)
        facts_.emplace_back(JobReturned{child.id, job, JobReturned::End::kSucceeded, "r"});
      child.jobs.clear();
    }
  }

  void Add(Item item) {
    Known* child = children_.empty() ? nullptr : &children_.front();
    switch (item) {
      case Item::kSpawned:
        child->spawned = true;
        return (void)facts_.emplace_back(Spawned{kFirst, 8});
      case Item::kReady:
      case Item::kReadyAgain:
        child->ready = true;
        return (void)facts_.emplace_back(ChildReady{kFirst});
      case Item::kExited:
        child->exited = true;
        return (void)facts_.emplace_back(ChildExited{kFirst, 1, 0, false});
      case Item::kClosed:
        child->closed = true;
        return (void)facts_.emplace_back(ChannelClosed{kFirst});
      case Item::kSpawnFailed:
        child->spawned = child->exited = child->closed = true;
        return (void)facts_.emplace_back(SpawnFailed{kFirst, "no"});
      case Item::kProgressed:
        return (void)facts_.emplace_back(ChildProgressed{kFirst});
      case Item::kMisbehaved:
        return (void)facts_.emplace_back(ChildMisbehaved{kFirst, "garbage"});
      case Item::kHalfFrame:
        return (void)facts_.emplace_back(FrameHalfRead{kFirst, true});
      case Item::kHalted:
        return (void)facts_.emplace_back(ChildHalted{kFirst, true});
      case Item::kBlocked:
        return (void)facts_.emplace_back(WriteBlocked{kFirst, true});
      case Item::kAcked:
        return (void)facts_.emplace_back(JobAcked{kFirst, JobNumber{1}});
      case Item::kReturned:
        std::erase(child->jobs, JobNumber{1});
        return (void)facts_.emplace_back(JobReturned{kFirst, JobNumber{1}, JobReturned::End::kSucceeded, "r"});
      case Item::kDeadline:
        return (void)(now_ += pools_[0].init_timeout);
      case Item::kStopChild:
      case Item::kKillChild:
        return (void)facts_.emplace_back(
            ChildStopRequested{WaiterNumber{next_waiter_++}, kFirst, item == Item::kKillChild});
      case Item::kSubmit: {
        JobSubmitted fact;
        fact.job = JobNumber{next_job_++};
        fact.pool = "p";
        fact.id = std::to_string(next_job_);
        return (void)facts_.emplace_back(std::move(fact));
      }
      case Item::kCancel:
        return (void)facts_.emplace_back(JobCancelled{JobNumber{1}, std::nullopt});
      case Item::kAwait:
        return (void)facts_.emplace_back(ReadyAwaited{WaiterNumber{next_waiter_++}, "p", 5s});
      case Item::kReserve:
        return (void)facts_.emplace_back(ReservationAsked{ReservationNumber{1}, "p"});
      case Item::kDrain:
        return (void)facts_.emplace_back(DrainRequested{});
      case Item::kStop:
      case Item::kStopNow:
        return (void)facts_.emplace_back(StopRequested{item == Item::kStopNow});
    }
  }

  Setup setup_;
  std::vector<PoolSettings> pools_;
  Core* core_ = nullptr;
  Oracle oracle_;
  ActionList actions_;
  std::vector<Fact> facts_;
  std::vector<Fact> batch_;
  std::vector<Known> children_;
  TimePoint now_{};
  TimePoint as_of_{};
  std::uint64_t next_job_ = 1;
  std::uint64_t next_waiter_ = 1;
  std::int64_t steps_ = 0;
};

// Walks all orders of a set of items, and all batchings of each.
class Orders {
 public:
  Orders(SmallWorld& world, ExhaustiveResult& result) : world_(world), result_(result) {}

  void Of(std::vector<Item>& rest) {
    if (!result_.problem.empty()) return;
    if (rest.empty()) return Batchings();
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const Item item = rest[i];
      if (!MayFollow(order_, item)) continue;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
      order_.push_back(item);
      Of(rest);
      order_.pop_back();
      rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(i), item);
    }
  }

 private:
  void Batchings() {
    for (unsigned cuts = 0; cuts < 1U << (order_.size() - 1); ++cuts) {
      ++result_.schedules;
      const std::string problem = world_.Run(order_, cuts);
      if (problem.empty()) continue;
      result_.problem = problem + "; after";
      for (std::size_t i = 0; i < order_.size(); ++i) {
        result_.problem += " " + std::string(kItemNames[static_cast<std::size_t>(order_[i])]);
        if ((cuts >> i & 1U) != 0) result_.problem += " |";
      }
      return;
    }
  }

  SmallWorld& world_;
  ExhaustiveResult& result_;
  std::vector<Item> order_;
};

// All sets of `extras` more items, in ascending order.
void Sets(std::vector<Item>& items, int from, int extras, Orders& orders, bool child_too) {
  if (extras == 0) {
    std::vector<Item> rest = items;
    return orders.Of(rest);
  }
  for (int i = from; i < kExtraEnd; ++i) {
    const auto item = static_cast<Item>(i);
    if (!child_too && AboutChild(item)) continue;
    items.push_back(item);
    Sets(items, i + 1, extras - 1, orders, child_too);
    items.pop_back();
  }
}

}  // namespace

ExhaustiveResult RunExhaustive(int facts_max) {
  constexpr Setup kSetups[] = {{1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}};
  ExhaustiveResult result;
  for (const Setup& setup : kSetups) {
    SmallWorld world(setup);
    Orders orders(world, result);
    for (int extras = 0; extras + kFirstExtra <= facts_max; ++extras) {
      std::vector<Item> items = {Item::kSpawned, Item::kReady, Item::kExited, Item::kClosed};
      Sets(items, kFirstExtra, extras, orders, true);
      items = {Item::kSpawnFailed};
      Sets(items, kFirstExtra, extras + 1, orders, false);
    }
    result.steps += world.steps();
    if (result.problem.empty()) continue;
    result.problem += " (" + std::to_string(setup.slots) + " slots, " + std::to_string(setup.jobs) + " jobs)";
    break;
  }
  return result;
}

}  // namespace andiron::sim
