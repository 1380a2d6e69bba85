// The world around a core: virtual time, a fake kernel with fake children, and those who give jobs and orders.
//
// A turn of the loop is NextTurn(), which makes the batch that a driver would hand to Core::Step, and then Perform(),
// which does what the core said. Keeps the driver's promises of jobs/fact.h and core.h; breaks the child's wherever a
// real child could. Everything is drawn from one seed. Memory is kept from schedule to schedule.
#ifndef ANDIRON_TESTS_SIM_WORLD_H_
#define ANDIRON_TESTS_SIM_WORLD_H_

#include <andiron/time.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jobs/action.h"
#include "jobs/fact.h"
#include "tests/sim/fake_child.h"
#include "tests/sim/plan.h"
#include "tests/sim/random.h"

namespace andiron::sim {

// How often each kind of fault hit a slot in each state. The last column is "no slot": faults of the loop and of those
// who give jobs.
using FaultTable = std::array<std::array<std::uint64_t, kSlotStateCount + 1>, kFaultCount>;

class World {
 public:
  World() : random_(0) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Begins a schedule. The plan must outlive it.
  void Begin(const Plan& plan, std::uint64_t seed);

  // Moves time to the next turn and collects its facts. `deadline` is Core::NextDeadline(). False: nothing will ever
  // happen again.
  bool NextTurn(TimePoint deadline);

  TimePoint as_of() const { return TimePoint(Duration(as_of_)); }
  TimePoint now() const { return TimePoint(Duration(time_)); }
  std::vector<Fact>& facts() { return facts_; }

  void Perform(const ActionList& actions);

  // The jobs and orders of the safety phase are all given, or its turns are used up.
  bool SafetyIsOver() const;

  // No fault from here on: children behave, unkillable ones die. A worker that was drained is resumed.
  void EndFaults();

  // A last job for each pool, given again when it is refused. Every child answers at once from here on.
  void SubmitProbes();
  int probes_open() const { return probes_open_; }
  int probes_failed() const { return probes_failed_; }

  bool stop_asked() const { return stop_asked_; }
  bool draining() const { return draining_; }
  std::int64_t children_started() const { return static_cast<std::int64_t>(children_.size()); }
  std::int64_t turns() const { return turns_; }
  std::span<const PoolSettings> pools() const { return plan_->pools; }
  FaultTable& fault_table() { return fault_table_; }

 private:
  enum class Happens : std::uint8_t {
    kSpawnEnds,
    kWrites,  // detail: Said
    kSaysHalf,
    kExits,  // detail: HowItEnds
    kCloses,
    kGrandchildEnds,
    kFreezes,
    kThaws,
    kGoesDeaf,
    kHears,
    kFinishes,  // who: child, number: job, detail: JobReturned::End
    kGives,     // the next job
    kOrders,    // detail: Said
    kFollows,   // number: reservation; what its owner does with it
    kProbes,    // who: pool
  };
  struct Event {
    Nanos at;
    std::uint64_t tie;
    std::uint64_t number;
    std::uint32_t who;
    Happens what;
    std::uint8_t detail;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : tie > other.tie; }
  };
  struct SimJob {
    std::uint32_t pool = 0;
    std::uint32_t child = kNobody;
    std::uint64_t same_id_as = 0;  // 0 = its own number
    std::uint64_t reservation = 0;
    std::uint8_t payload = 0;
    bool over = false;
    bool acked = false;     // its present child has written the ack
    bool returned = false;  // its present child has written the result
    bool unlimited = false;
    bool probe = false;
  };
  struct SimReservation {
    std::uint32_t pool = 0;
    bool granted = false;
  };
  struct SimOrder {
    ChildId child;
    bool force = false;
  };

  // ---- world.cc: time and turns ----
  void Schedule(Nanos delay, Happens what, std::uint32_t who, std::uint8_t detail = 0, std::uint64_t number = 0);
  void RunEventsUntil(Nanos until);
  void Happen(const Event& event);
  void Say(std::uint32_t who, Said said, std::uint8_t detail = 0, std::uint64_t number = 0);
  Stream& StreamOf(std::uint32_t who) { return who == kNobody ? source_ : children_[who].stream; }
  void CollectFacts();
  void Deliver(std::uint32_t who);
  int Deliverable(std::uint32_t who);
  void DeliverOne(std::uint32_t who);
  void DeliverInterleaved();
  void AddLateFacts();
  Fact ToFact(std::uint32_t who, const Pending& pending);
  JobSubmitted Submission(std::uint64_t number);
  Fact ToOrder(const Pending& pending);
  void NoteTold(FakeChild& child, Said said);
  Nanos Stalled();

  // ---- world_children.cc: the life of a child ----
  void Start(const StartChild& action);
  void EndSpawn(std::uint32_t who);
  void DrawTraits(std::uint32_t who);
  void DrawInitialize(std::uint32_t who);
  void DrawLife(std::uint32_t who);
  void SayInPieces(std::uint32_t who, Said said, std::uint8_t detail, std::uint64_t number);
  void Write(std::uint32_t who, Said said, std::uint8_t detail, std::uint64_t number);
  void Receive(const SendJob& action);
  void RunJob(std::uint32_t who, std::uint64_t job);
  void EndJob(std::uint32_t who, std::uint64_t job, std::uint8_t end, Nanos delay);
  void Receive(const SendCancel& action);
  void Receive(const SendPing& action);
  void GoOn(std::uint32_t who);
  void Heal(std::uint32_t who);
  std::uint32_t Find(ChildId id) const;
  const PoolSettings& PoolOf(std::uint32_t who) const { return plan_->pools[children_[who].id.pool]; }

  // ---- world_endings.cc: how children end ----
  void Exit(std::uint32_t who, HowItEnds how);
  void SayExit(std::uint32_t who, HowItEnds how);
  void SayClosed(std::uint32_t who);
  void MoveAhead(Stream& stream);
  void Freeze(std::uint32_t who, bool frozen);
  void Stop(const AskToStop& action);
  void Kill(const KillChild& action);
  void Close(const CloseChannel& action);
  void DropUnread(std::uint32_t who);

  // ---- world_source.cc: who gives jobs and orders ----
  void BeginSource();
  void GiveJobs();
  void GiveJob(std::uint32_t pool, std::uint64_t reservation, bool probe);
  void Order(Said said);
  void StopSomeChild();
  void Follow(std::uint64_t reservation);
  void MaybeCancel(std::uint64_t job);
  void OnAccepted(std::uint64_t job);
  void OnRefused(const Refused& action);
  void OnOutcome(const ReportOutcome& action);

  // ---- drawing ----
  bool Roll(Fault fault, std::uint32_t who);  // also notes the hit; kNobody: no slot
  void Note(Fault fault, std::uint32_t who);
  Nanos Around(Nanos typical);   // half to one and a half of it
  Nanos Near(Duration limit);    // half to twice the limit
  Nanos AtEdge(Duration limit);  // exactly, or one nanosecond beside it
  Nanos SomeTime();              // of a child's life, at any scale
  SlotState StateOf(const FakeChild& child) const;

  const Plan* plan_ = nullptr;
  Random random_;
  Nanos time_ = 0;
  Nanos as_of_ = 0;
  Nanos performed_ = 0;
  std::int64_t turns_ = 0;
  bool faults_ = true;

  std::vector<Event> events_;  // a heap
  std::vector<Pending> pending_;
  std::uint32_t free_pending_ = kNobody;
  std::vector<std::uint32_t> speaking_;  // children with something pending; the source is kNobody
  std::vector<int> to_deliver_;          // of speaking_
  std::vector<Fact> facts_;

  std::vector<FakeChild> children_;
  std::vector<std::vector<std::uint32_t>> in_slot_;  // by pool and slot: the last child
  std::vector<std::uint32_t> abandoned_;
  std::vector<std::uint32_t> gone_;  // some children that have ended: who late facts are about
  int spawn_errors_to_come_ = 0;

  Stream source_;
  std::vector<SimJob> jobs_;  // by number - 1
  std::vector<SimReservation> reservations_;
  std::vector<SimOrder> orders_;
  int jobs_to_give_ = 0;
  std::uint64_t waiters_ = 0;
  int probes_open_ = 0;
  int probes_failed_ = 0;
  Nanos safety_end_ = 0;
  bool stop_asked_ = false;
  bool draining_ = false;
  FaultTable fault_table_{};
};

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_WORLD_H_
