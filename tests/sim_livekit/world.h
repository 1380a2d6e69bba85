// A simulated server, its links and a simulated pool around one agent, in virtual time.
//
// The world gives facts and takes actions; it never looks into the agent. Its server is honest where no fault is drawn:
// it offers, assigns, books and terminates as the open-source one does. Promises of agent_facts.h are kept.
#ifndef ANDIRON_TESTS_SIM_LIVEKIT_WORLD_H_
#define ANDIRON_TESTS_SIM_LIVEKIT_WORLD_H_

#include <andiron/time.h>

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/random.h"
#include "tests/sim_livekit/plan.h"
#include "worker/livekit/agent_actions.h"
#include "worker/livekit/agent_facts.h"

namespace andiron::livekit_sim {

using andiron::sim::Random;

// In every token: must never be seen in a text.
inline constexpr std::string_view kCanary = "canary-of-a-token";

class World {
 public:
  World(const Plan& plan, std::uint64_t seed);

  // Goes to the next turn: its as_of, now and facts. False if nothing will ever happen again.
  bool NextTurn(TimePoint deadline);
  // Puts in front of the turn's facts what the kernel says of that link now.
  void AddSample(std::uint64_t attempt);
  void Perform(std::vector<livekit::AgentAction>& actions);

  TimePoint as_of() const { return as_of_; }
  TimePoint now() const { return now_; }
  std::vector<livekit::AgentFact>& facts() { return facts_; }

  bool SafetyIsOver() const;
  void EndFaults();
  // The server offers one more job. Its id.
  std::string Probe();
  void AskToClose();

  bool closed() const { return closed_; }
  bool close_asked() const { return close_asked_; }
  // The server knows how that job ended.
  bool ServerKnowsEnd(const std::string& job_id) const;
  // Nothing is on its way to the agent, and the server waits for no answer and has nothing to say but pongs.
  bool Calm() const;
  // Jobs that the server believes to run, on links that are still good.
  std::vector<std::string> UntoldJobs() const;
  bool Works() const;  // the server has a link, and nothing is wrong with it
  bool told_full() const { return told_full_; }
  bool idle() const { return running_ == 0 && places_.empty(); }
  int places() const { return static_cast<int>(places_.size()); }
  const std::array<std::uint64_t, kFaultCount>& faults() const { return faults_; }

 private:
  enum class Happening {
    kFact,         // posted to the agent
    kServerReads,  // a word of the agent's
    kServerSays,   // a word to the agent: in `fact`
    kAcks,         // the peer's kernel
    kDrops,        // a link
    kArrives,      // a job, at the server
    kGivesUp,      // the server, waiting for an answer
    kAssigns,
    kJobEnds,  // in the pool
    kNoise,    // of the pool
    kDrainEnds,
  };
  struct Event {
    Happening kind = Happening::kFact;
    std::uint64_t number = 0;  // attempt, ticket
    std::uint64_t stream = 0;  // facts of one stream keep their order
    std::string job_id{};
    livekit::AgentFact fact{};
    livekit::WorkerWord word{};
  };
  struct Link {
    bool open = false;         // LinkOpened has been posted
    bool closed = false;       // its LinkClosed is on its way
    bool told_closed = false;  // nothing may follow
    bool silent = false;       // half-open
    bool gone = false;         // not established
    bool frozen = false;       // no acks
    bool counted = true;       // acks, by our kernel
    bool registered = false;   // at the server
    std::int64_t unacknowledged = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t received = 0;
    TimePoint arrival;  // of the last word to the agent: TCP keeps the order
    TimePoint answer;   // of the last word to the server
  };
  // As the server knows it.
  struct BookJob {
    std::uint64_t attempt = 0;
    bool asked = false;  // waits for an answer
    bool assigned = false;
    bool ended = false;
    TimePoint booked;  // an end before that is not understood
  };
  struct PoolJob {
    bool started = false;
    bool cancelled = false;
    bool ended = false;
  };

  bool Has(Fault fault);
  Duration Draw(Duration low, Duration high) { return Duration(random_.Between(low.count(), high.count())); }
  void At(TimePoint when, Event event);
  void Post(TimePoint when, std::uint64_t stream, livekit::AgentFact fact);
  void Happen(Event& event, TimePoint when);
  void Arrange();

  // links (world_links.cc)
  void Do(livekit::OpenLink& action);
  void Do(livekit::CloseLink& action);
  void Do(livekit::Say& action);
  void CloseFact(std::uint64_t attempt, TimePoint when, std::string what, bool refused);
  void Drop(std::uint64_t attempt, TimePoint when);
  void Send(std::uint64_t attempt, TimePoint when, livekit::ServerWord word);
  void Deliver(std::uint64_t attempt, TimePoint when, livekit::ServerWord word);
  void MaybeBreak(std::uint64_t attempt, Link& link);
  bool Lost(const livekit::AgentFact& fact);
  std::int64_t Unread(std::uint64_t attempt) const;

  // the server (world_server.cc)
  void Hear(std::uint64_t attempt, TimePoint when, livekit::Register& word);
  void Hear(std::uint64_t attempt, TimePoint when, livekit::AnswerOffer& word);
  void Hear(std::uint64_t attempt, TimePoint when, livekit::TellLoad& word);
  void Hear(std::uint64_t attempt, TimePoint when, livekit::TellJob& word);
  void Hear(std::uint64_t attempt, TimePoint when, livekit::Ping& word);
  void Hear(std::uint64_t attempt, TimePoint when, livekit::SimulateJob& word);
  void Arrive(TimePoint when);
  void Offer(const std::string& job_id, TimePoint when);
  void Assign(const std::string& job_id, TimePoint when);
  void Mischief(TimePoint when);
  std::string NewJob();
  std::string SomeJob();
  std::uint64_t ServingLink() const;

  // the pool (world_pool.cc)
  void Do(livekit::AskPlace& action);
  void Do(livekit::ReleasePlace& action);
  void Do(livekit::SubmitJob& action);
  void Do(livekit::CancelJob& action);
  void Do(livekit::LogLine&) {}
  void Do(livekit::Closed&) { closed_ = true; }
  void EndPoolJob(std::uint64_t ticket, TimePoint when);
  void Noise(TimePoint when);
  void PostStale(TimePoint when);
  void TellCapacity(TimePoint when);
  int Capacity() const;
  livekit::CapacityTold PoolNow() const;

  const Plan& plan_;
  Random random_;
  bool faults_over_ = false;
  std::array<std::uint64_t, kFaultCount> faults_{};

  TimePoint as_of_{};
  TimePoint now_{};
  TimePoint time_{};                        // of the event that happens
  std::multimap<TimePoint, Event> events_;  // equal times: in the order of their making
  std::vector<livekit::AgentFact> facts_;
  std::vector<std::uint64_t> streams_;  // of facts_

  std::map<std::uint64_t, Link> links_;
  std::map<std::string, BookJob> book_;
  std::vector<std::string> job_ids_;  // all that ever were
  int arrived_ = 0;
  TimePoint over_at_ = kNever;  // the safety phase
  bool told_full_ = true;

  std::set<std::uint64_t> places_;  // held
  std::map<std::uint64_t, PoolJob> pool_jobs_;
  std::vector<std::uint64_t> ended_tickets_;
  int ready_ = 0;
  int running_ = 0;
  bool changed_ = true;  // of the pool, since it was told
  bool draining_ = false;
  bool close_asked_ = false;
  bool closed_ = false;
};

}  // namespace andiron::livekit_sim

#endif  // ANDIRON_TESTS_SIM_LIVEKIT_WORLD_H_
