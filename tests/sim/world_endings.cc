// How fake children end, are stopped, killed and lose their channels: the kernel's part.
#include <algorithm>
#include <utility>

#include "tests/sim/world.h"

namespace andiron::sim {
namespace {

constexpr std::uint8_t Detail(HowItEnds how) { return static_cast<std::uint8_t>(how); }

}  // namespace

void World::Exit(std::uint32_t who, HowItEnds how) {
  FakeChild& child = children_[who];
  if (!child.alive) return;
  const bool told_to = child.kill_came || child.stop_came;
  if (child.frozen && how != HowItEnds::kKilled && how != HowItEnds::kOutOfMemory) return;
  if (!faults_ && !told_to) return;
  if (how == HowItEnds::kSegfault) Note(Fault::kCrash, who);
  if (how == HowItEnds::kOutOfMemory) Note(Fault::kOutOfMemory, who);
  if (how == HowItEnds::kStatusLost) Note(Fault::kStatusLost, who);
  child.alive = false;
  const bool held = child.grandchild && child.channel_open && !child.close_came;
  if (held) Note(Fault::kGrandchild, who);
  child.channel_open = false;
  if (held) {
    SayExit(who, how);
    if (random_.Coin()) Schedule(Near(PoolOf(who).exit_drain), Happens::kGrandchildEnds, who);
  } else if (random_.Coin()) {
    SayExit(who, how);
    SayClosed(who);
  } else {
    SayClosed(who);
    SayExit(who, how);
  }
}

// Behind all that it has written, but for what one turn doesn't read.
void World::SayExit(std::uint32_t who, HowItEnds how) {
  FakeChild& child = children_[who];
  child.over = true;
  const std::uint32_t first = child.stream.first;
  if (first == kNobody || child.closed_said || pending_[first].said == Said::kSpawned ||
      !Roll(Fault::kFloodAtExit, who)) {
    return Say(who, Said::kExited, Detail(how));
  }
  Say(who, Said::kExited, Detail(how));
  MoveAhead(child.stream);
  // The frames were written before, but they count as readable only when the next turn reads on.
  for (std::uint32_t at = first; at != kNobody; at = pending_[at].next) pending_[at].at = time_;
}

// The last pending fact comes first, before all that is unread in the channel.
void World::MoveAhead(Stream& stream) {
  Pending moved = pending_[stream.last];
  for (std::uint32_t at = stream.first; at != kNobody; at = pending_[at].next) {
    std::swap(moved.said, pending_[at].said);
    std::swap(moved.detail, pending_[at].detail);
    std::swap(moved.number, pending_[at].number);
  }
}

void World::SayClosed(std::uint32_t who) {
  FakeChild& child = children_[who];
  if (child.closed_said) return;
  child.closed_said = true;
  Say(who, Said::kClosed);
}

void World::Freeze(std::uint32_t who, bool frozen) {
  FakeChild& child = children_[who];
  if (!child.alive || child.frozen == frozen || (frozen && (!faults_ || child.kill_came))) return;
  if (frozen) Note(Fault::kHalted, who);
  child.frozen = frozen;
  Say(who, Said::kHalted, frozen ? 1 : 0);
  // The kernel's word may come before what lies unread in the channel.
  const Said first = pending_[child.stream.first].said;
  if (frozen && first != Said::kSpawned && first != Said::kHalted && random_.Coin()) MoveAhead(child.stream);
  if (!frozen) GoOn(who);
}

void World::Stop(const AskToStop& action) {
  const std::uint32_t who = Find(action.child);
  if (who == kNobody) return;
  FakeChild& child = children_[who];
  if (child.frozen) Freeze(who, false);
  if (child.alive) {
    if (child.ignores_stop) Note(Fault::kIgnoreStop, who);
    if (child.slow_stop) Note(Fault::kSlowStop, who);
    const Duration grace = PoolOf(who).stop_grace;
    const Nanos delay = !child.slow_stop ? Around(plan_->latency / 2) : random_.Coin() ? Near(grace) : AtEdge(grace);
    if (!child.ignores_stop)
      Schedule(delay, Happens::kExits, who, Detail(random_.Coin() ? HowItEnds::kTerminated : HowItEnds::kClean));
  }
  child.stop_came = true;
}

void World::Kill(const KillChild& action) {
  const std::uint32_t who = Find(action.child);
  if (who == kNobody) return;
  FakeChild& child = children_[who];
  if (child.alive) {
    const Duration grace = PoolOf(who).kill_grace;
    Nanos delay = Around(plan_->latency / 4);
    if (child.slow_kill) {
      Note(Fault::kSlowKill, who);
      delay = random_.Coin() ? Near(grace) : AtEdge(grace);
    }
    if (child.unkillable) {
      Note(Fault::kUnkillable, who);
      delay = grace.count() + Near(grace);
    }
    if (!child.unkillable || random_.Coin()) Schedule(delay, Happens::kExits, who, Detail(HowItEnds::kKilled));
    if (!child.grandchild && Roll(Fault::kSplitDeath, who)) {
      child.channel_open = false;
      SayClosed(who);
    }
  }
  child.kill_came = true;
}

void World::Close(const CloseChannel& action) {
  const std::uint32_t who = Find(action.child);
  if (who == kNobody) return;
  FakeChild& child = children_[who];
  child.close_came = true;
  if (!child.alive && !child.over) return;  // not spawned yet
  if (child.closed_said) return;
  DropUnread(who);
  SayClosed(who);
}

// What lies unread in a channel that we close is lost.
void World::DropUnread(std::uint32_t who) {
  Stream& stream = children_[who].stream;
  std::uint32_t* link = &stream.first;
  stream.last = kNobody;
  while (*link != kNobody) {
    const std::uint32_t place = *link;
    const Said said = pending_[place].said;
    if (said == Said::kSpawned || said == Said::kHalted || said == Said::kExited) {
      stream.last = place;
      link = &pending_[place].next;
      continue;
    }
    *link = pending_[place].next;
    pending_[place].next = free_pending_;
    free_pending_ = place;
  }
}

}  // namespace andiron::sim
