#include "tests/sim/trace.h"

#include <string_view>
#include <variant>

namespace andiron::sim {
namespace {

std::string Number(std::int64_t number) { return std::to_string(number); }

template <typename T>
std::string Named(T number) {
  return std::to_string(static_cast<std::uint64_t>(number));
}

struct Writer {
  std::span<const PoolSettings> pools;

  std::string Pool(std::uint32_t pool) const { return pool < pools.size() ? pools[pool].name : Number(pool); }
  std::string Child(ChildId id) const {
    if (id.generation == 0) return "-";
    return Pool(id.pool) + "/" + Number(id.slot) + "." + Number(id.generation);
  }
  static std::string If(bool condition, std::string_view text) { return condition ? " " + std::string(text) : ""; }

  // ---- facts ----
  std::string operator()(const TimeRead& fact) const {
    return "now " + TextOf(fact.now) + ", performed " + TextOf(fact.performed);
  }
  std::string operator()(const JobSubmitted& fact) const {
    std::string text = "submit " + Named(fact.job) + " pool=" + fact.pool + " id=" + fact.id;
    if (!fact.payload.empty()) text += " payload=" + fact.payload;
    if (fact.start_by) text += " start_by=" + TextOf(*fact.start_by);
    if (fact.run_for) text += " run_for=" + TextOf(*fact.run_for);
    if (fact.priority != 0) text += " priority=" + Number(fact.priority);
    if (fact.reservation != ReservationNumber{}) text += " reservation=" + Named(fact.reservation);
    return text;
  }
  std::string operator()(const JobCancelled& fact) const {
    return "cancel " + Named(fact.job) + (fact.grace ? " grace=" + TextOf(*fact.grace) : "");
  }
  std::string operator()(const ReservationAsked& fact) const {
    return "reserve " + Named(fact.reservation) + " pool=" + fact.pool;
  }
  std::string operator()(const ReservationReleased& fact) const { return "release " + Named(fact.reservation); }
  std::string operator()(const ReadyAwaited& fact) const {
    return "await " + Named(fact.waiter) + " pool=" + fact.pool + " patience=" + TextOf(fact.patience);
  }
  std::string operator()(const DrainRequested&) const { return "drain"; }
  std::string operator()(const ResumeRequested&) const { return "resume"; }
  std::string operator()(const StopRequested& fact) const { return fact.now ? "stop now" : "stop"; }
  std::string operator()(const ChildStopRequested& fact) const {
    return "stop_child " + Named(fact.waiter) + " " + Child(fact.child) + If(fact.force, "force");
  }
  std::string operator()(const Spawned& fact) const {
    return "spawned " + Child(fact.child) + " pid=" + Number(fact.pid);
  }
  std::string operator()(const SpawnFailed& fact) const { return "spawn_failed " + Child(fact.child); }
  std::string operator()(const ChildProgressed& fact) const { return "progressed " + Child(fact.child); }
  std::string operator()(const ChildReady& fact) const { return "ready " + Child(fact.child); }
  std::string operator()(const ChildMisbehaved& fact) const { return "misbehaved " + Child(fact.child); }
  std::string operator()(const JobAcked& fact) const { return "acked " + Child(fact.child) + " " + Named(fact.job); }
  std::string operator()(const JobReturned& fact) const {
    constexpr std::string_view kEnds[] = {"succeeded", "failed", "cancelled"};
    return "returned " + Child(fact.child) + " " + Named(fact.job) + " " +
           std::string(kEnds[static_cast<std::size_t>(fact.end)]) +
           (fact.result.empty() ? "" : " result=" + fact.result);
  }
  std::string operator()(const ChildPonged& fact) const { return "ponged " + Child(fact.child); }
  std::string operator()(const ChildHalted& fact) const {
    return (fact.halted ? "halted " : "continued ") + Child(fact.child);
  }
  std::string operator()(const FrameHalfRead& fact) const {
    return (fact.half ? "half_frame " : "whole_frame ") + Child(fact.child);
  }
  std::string operator()(const WriteBlocked& fact) const {
    return (fact.blocked ? "blocked " : "unblocked ") + Child(fact.child);
  }
  std::string operator()(const ChildExited& fact) const {
    return "exited " + Child(fact.child) + " code=" + Number(fact.code) + " signal=" + Number(fact.signal) +
           If(fact.out_of_memory, "oom");
  }
  std::string operator()(const ChannelClosed& fact) const { return "closed " + Child(fact.child); }

  // ---- actions ----
  std::string operator()(const StartChild& action) const { return "start " + Child(action.child); }
  std::string operator()(const SendJob& action) const {
    return "send " + Child(action.child) + " " + Named(action.job);
  }
  std::string operator()(const SendCancel& action) const {
    return "send_cancel " + Child(action.child) + " " + Named(action.job);
  }
  std::string operator()(const SendPing& action) const { return "ping " + Child(action.child); }
  std::string operator()(const AskToStop& action) const {
    return "ask_to_stop " + Child(action.child) + " " + std::string(Name(action.intent));
  }
  std::string operator()(const KillChild& action) const {
    return "kill " + Child(action.child) + " " + std::string(Name(action.intent));
  }
  std::string operator()(const CloseChannel& action) const { return "close " + Child(action.child); }
  std::string operator()(const AbandonChild& action) const {
    return "abandon " + Child(action.child) + (action.withheld ? " withheld" : "");
  }
  std::string operator()(const ReportDeath& action) const {
    return "death " + Child(action.child) + " while=" + std::string(Name(action.phase)) +
           " intent=" + std::string(Name(action.intent)) + " code=" + Number(action.code) +
           " signal=" + Number(action.signal) + If(action.expected, "expected") +
           If(action.quarantined, "quarantined") + If(action.out_of_memory, "oom") +
           " jobs=" + Number(action.jobs_done) + " age=" + TextOf(action.age);
  }
  std::string operator()(const Accepted& action) const { return "accepted " + Named(action.job); }
  std::string operator()(const Refused& action) const {
    return "refused " + Named(action.job) + " " + std::string(Name(action.reason)) +
           " retry_after=" + TextOf(action.retry_after);
  }
  std::string operator()(const ReportStarted& action) const {
    return "started " + Named(action.job) + " on " + Child(action.child);
  }
  std::string operator()(const ReportOutcome& action) const {
    return "outcome " + Named(action.job) + " " + std::string(Name(action.outcome)) + " child=" + Child(action.child) +
           " intent=" + std::string(Name(action.intent)) + " queued=" + TextOf(action.queued) +
           " ran=" + TextOf(action.ran) + If(action.still_running, "still_running") +
           (action.result.empty() ? "" : " result=" + action.result);
  }
  std::string operator()(const ReservationAnswered& action) const {
    if (action.granted) return "granted " + Named(action.reservation);
    return "denied " + Named(action.reservation) + " " + std::string(Name(action.reason)) +
           " retry_after=" + TextOf(action.retry_after);
  }
  std::string operator()(const WaiterAnswered& action) const {
    return "waiter " + Named(action.waiter) + " " + std::string(Name(action.end));
  }
  std::string operator()(const StopAnswered& action) const {
    return "stop_answer " + Named(action.waiter) + (action.found ? " found" : " not_found") +
           If(action.quarantined, "quarantined");
  }
  std::string operator()(const CapacityChanged& action) const {
    return "capacity " + Pool(action.pool) + " " + Number(action.capacity) + " ready=" + Number(action.ready) +
           " busy=" + Number(action.busy) + If(action.failing, "failing");
  }
  std::string operator()(const BreakerChanged& action) const {
    return "breaker " + Pool(action.pool) + " " + std::string(Name(action.state));
  }
  std::string operator()(const Drained&) const { return "drained"; }
  std::string operator()(const WorkerStopped&) const { return "stopped"; }
};

// Mixes what identifies an action; text is only made for traces.
struct Hasher {
  std::uint64_t hash;

  template <typename... Values>
  void Mix(Values... values) {
    ((hash = (hash ^ static_cast<std::uint64_t>(values)) * 0x100000001b3U, hash ^= hash >> 29U), ...);
  }
  void Mix(ChildId id) { Mix(id.pool, id.slot, id.generation); }
  void MixText(std::string_view text) {
    for (const char letter : text) Mix(static_cast<unsigned char>(letter));
  }

  void operator()(const StartChild& a) { Mix(a.child); }
  void operator()(const SendJob& a) { Mix(a.child), Mix(a.job, a.run_for.count()); }
  void operator()(const SendCancel& a) { Mix(a.child), Mix(a.job); }
  void operator()(const SendPing& a) { Mix(a.child); }
  void operator()(const AskToStop& a) { Mix(a.child), Mix(a.intent); }
  void operator()(const KillChild& a) { Mix(a.child), Mix(a.intent); }
  void operator()(const CloseChannel& a) { Mix(a.child); }
  void operator()(const AbandonChild& a) {
    Mix(a.child);
    Mix(a.withheld);
  }
  void operator()(const ReportDeath& a) {
    Mix(a.child),
        Mix(a.pid, a.phase, a.intent, a.expected, a.quarantined, a.code, a.signal, a.jobs_done, a.age.count()),
        MixText(a.what);
  }
  void operator()(const Accepted& a) { Mix(a.job); }
  void operator()(const Refused& a) { Mix(a.job, a.reason, a.retry_after.count()); }
  void operator()(const ReportStarted& a) { Mix(a.child), Mix(a.job); }
  void operator()(const ReportOutcome& a) {
    Mix(a.child), Mix(a.job, a.outcome, a.intent, a.queued.count(), a.ran.count(), a.still_running), MixText(a.result);
  }
  void operator()(const ReservationAnswered& a) { Mix(a.reservation, a.granted, a.reason, a.retry_after.count()); }
  void operator()(const WaiterAnswered& a) { Mix(a.waiter, a.end); }
  void operator()(const StopAnswered& a) { Mix(a.waiter, a.found, a.quarantined); }
  void operator()(const CapacityChanged& a) { Mix(a.pool, a.capacity, a.ready, a.busy, a.failing); }
  void operator()(const BreakerChanged& a) { Mix(a.pool, a.state); }
  void operator()(const Drained&) {}
  void operator()(const WorkerStopped&) {}
};

}  // namespace

std::string TextOf(Duration duration) {
  const std::int64_t count = duration.count();
  struct Unit {
    std::int64_t size;
    std::string_view name;
  };
  constexpr Unit kUnits[] = {
      {3'600'000'000'000, "h"}, {60'000'000'000, "min"}, {1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}};
  for (const Unit& unit : kUnits) {
    if (count != 0 && count % unit.size == 0) return Number(count / unit.size) + std::string(unit.name);
  }
  return count == 0 ? "0" : Number(count) + "ns";
}

std::string TextOf(TimePoint at) { return at == kNever ? "never" : TextOf(at.time_since_epoch()); }

std::string TextOf(const Fact& fact, std::span<const PoolSettings> pools) { return std::visit(Writer{pools}, fact); }
std::string TextOf(const Action& action, std::span<const PoolSettings> pools) {
  return std::visit(Writer{pools}, action);
}

std::uint64_t HashOf(const ActionList& actions, std::uint64_t hash) {
  Hasher hasher{hash};
  for (const Action& action : actions) {
    hasher.Mix(action.index());
    std::visit(hasher, action);
  }
  return hasher.hash;
}

}  // namespace andiron::sim
