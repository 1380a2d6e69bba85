// One agent in its place: its decisions become links, frames, reservations and jobs, and what comes of them becomes its
// facts. Decides nothing.
//
// A JobSource like any other. Facts wait in a list until the source's turn steps the agent, or until the driver's turn
// ends. One thread, the loop's. The worker, the links and the settings must outlive it.
#ifndef ANDIRON_WORKER_LIVEKIT_AGENT_SEAT_H_
#define ANDIRON_WORKER_LIVEKIT_AGENT_SEAT_H_

#include <absl/container/flat_hash_map.h>
#include <andiron/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/base/log.h"
#include "worker/driver/worker_impl.h"
#include "worker/job_source.h"
#include "worker/livekit/agent.h"
#include "worker/livekit/link.h"
#include "worker/livekit/settings.h"

namespace andiron::livekit {

class AgentSeat final : public JobSource {
 public:
  struct Place {
    WorkerImpl& worker;
    Links& links;
    LinkTarget target;
    std::string server;          // what children join: the target's address without the agents' path
    std::uint64_t seed;          // of the back-off's jitter
    std::function<void()> wake;  // a fact has come: a turn is wanted
  };

  AgentSeat(Place place, const Settings& settings, const AgentSettings& agent);
  ~AgentSeat() override;
  AgentSeat(const AgentSeat&) = delete;
  AgentSeat& operator=(const AgentSeat&) = delete;

  // Hands the facts to the agent and performs what it decides. `as_of`: the clock before the last poll.
  void Step(TimePoint as_of);
  // As of the last clock that Step was given.
  void StepWithin() { Step(as_of_); }
  bool HasFacts() const { return !facts_.empty(); }
  TimePoint NextDeadline() const { return agent_.NextDeadline(); }
  bool closed() const { return closed_; }
  const std::string& pool() const { return settings_.pool; }

  // ---- JobSource ----
  void OnAccepted(JobNumber job) override;
  void OnRefused(const Refused& refused) override;
  void OnStarted(JobNumber job, ChildId child) override;
  void OnOutcome(JobEnd& end) override;
  void OnReservation(const ReservationAnswered& answer) override;
  void OnCapacity(const CapacityChanged& news) override;
  void OnWorkerState(WorkerState state) override;
  void OnTurnEnd() override;
  void WriteStatus(JsonWriter& json) const override;

 private:
  // A link and the attempt that it carries; 0 = none, it can be opened again.
  struct Carrier {
    std::uint64_t attempt = 0;
    std::unique_ptr<Link> link;
  };

  void Post(AgentFact fact);
  void Look();
  void Heard(std::uint64_t attempt, std::string_view message, bool binary);
  Carrier& FreeCarrier();
  Link* LinkOf(std::uint64_t attempt);
  std::uint64_t TicketOf(JobNumber job) const;

  void Perform(const OpenLink& action);
  void Perform(const CloseLink& action);
  void Perform(const Say& action);
  void Perform(const AskPlace& action);
  void Perform(const ReleasePlace& action);
  void Perform(SubmitJob& action);
  void Perform(const CancelJob& action);
  void Perform(const LogLine& action);
  void Perform(const Closed& action);

  Place place_;
  const Settings& shared_;
  const AgentSettings settings_;
  const std::uint32_t pool_;  // its number
  Agent agent_;
  TimePoint as_of_{};
  std::vector<AgentFact> facts_;
  std::vector<AgentFact> taken_;  // kept for its memory
  AgentActions actions_;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  // By the desk's number, and back. A ticket has a reservation, then a job.
  absl::flat_hash_map<std::uint64_t, std::uint64_t> reservation_tickets_;
  absl::flat_hash_map<std::uint64_t, ReservationNumber> reservations_;
  absl::flat_hash_map<std::uint64_t, std::uint64_t> job_tickets_;
  absl::flat_hash_map<std::uint64_t, JobNumber> jobs_;
  bool closed_ = false;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_AGENT_SEAT_H_
