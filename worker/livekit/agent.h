// One registration at a LiveKit server: when to connect, what to say, what to do with what the server says.
//
// Pure: facts go in, actions come out; time is a number. No I/O, no clock, no protobuf, one thread. What it promises:
//   - An offer is answered, or its link closed, within kAnswerDeadline. It is accepted only with a place that the pool
//     has granted, or if the job runs here already. A job id never runs twice at once.
//   - Each assigned job gets exactly one end, SUCCESS or FAILED with a text, kept until the server has provably read
//     it (agent_outbox.h), whatever links do in between.
//   - The load that is told is the truth of the step it is told in: FULL at capacity 0, with an open breaker, draining
//     or closing. Want of places that is over within one interval of reports isn't told: offers that come meanwhile get
//     an answer anyway.
//   - A link that is dead is found and replaced, without a limit on tries; an idle, slow or paused one is left alone.
//   - After a stall of our own loop no old offer is answered: FULL, and a fresh link when the old one is read out. What
//     was assigned is ours.
//   - Every state has a deadline, every container a bound.
// Every job, place and link that it asked for is ended by it or by a fact. After Closed it does nothing any more.
#ifndef ANDIRON_WORKER_LIVEKIT_AGENT_H_
#define ANDIRON_WORKER_LIVEKIT_AGENT_H_

#include <andiron/outcome.h>
#include <andiron/time.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/livekit/agent_actions.h"
#include "worker/livekit/agent_facts.h"
#include "worker/livekit/agent_outbox.h"
#include "worker/livekit/settings.h"

namespace andiron::livekit {

enum class AgentState { kConnecting, kRegistering, kRegistered, kBackingOff, kClosing, kClosed };

// The word for status: "connecting", "backing_off" ...
std::string_view Name(AgentState state);

struct AgentStatus {
  AgentState state = AgentState::kBackingOff;
  std::string worker_id;       // of the last registration
  std::string server_version;  // of the last registration
  int jobs = 0;                // queued or running here
  int outbox = 0;              // ends that the server hasn't read
  std::int64_t offered = 0;
  std::int64_t accepted = 0;
  std::int64_t refused = 0;
  std::int64_t assigned = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t terminated = 0;      // asked for by the server, of jobs that were here
  std::int64_t reconnects = 0;      // registrations after the first
  std::int64_t unacknowledged = 0;  // ends that were given up unread
  std::string last_error;           // of the link; "" = none yet
};

class Agent {
 public:
  // The server drops an offer after 2.75 s, measured. Counted from the step before the one that read it: since then it
  // may have lain unread.
  static constexpr Duration kAnswerDeadline = std::chrono::milliseconds(2500);
  // An accepted offer whose assignment hasn't come: the server gives up after 3 s.
  static constexpr Duration kAssignmentDeadline = std::chrono::seconds(5);
  // The server knows a job only some milliseconds after it has assigned it; an earlier end status is dropped there.
  static constexpr Duration kEndDelay = std::chrono::milliseconds(50);
  // A job that lived shorter than this has its end said twice.
  static constexpr Duration kDoubtfulLife = std::chrono::seconds(1);
  static constexpr Duration kLoadInterval = std::chrono::milliseconds(100);  // between changes of load alone
  static constexpr Duration kTick = std::chrono::milliseconds(500);          // a step at least so often, on a link
  // After a stall: how long at most the link is read out, and a step at least so often meanwhile.
  static constexpr Duration kReadOut = std::chrono::seconds(1);
  static constexpr Duration kReadOutTick = std::chrono::milliseconds(10);
  static constexpr Duration kLastingRegistration = std::chrono::seconds(10);  // after it the back-off begins anew
  static constexpr double kLoadMax = 0.68;  // while a job can be taken: 0.7 is too much for the server
  static constexpr std::size_t kOffersMax = 1000;
  static constexpr std::size_t kJobsMax = 20'000;
  static constexpr std::size_t kErrorMax = 2048;  // bytes of a status' text

  Agent(const AgentSettings& agent, const Settings& settings, std::uint64_t jitter_seed);

  // Records `facts` in order, expires the deadlines that are <= as_of, then reconciles. `as_of` is the clock before
  // the loop polled, `now` the clock when it began to handle what it found: new deadlines count from `now`. Both never
  // go back. Strings are moved out of the facts. The first step, which may have no facts, opens the link.
  void Step(TimePoint as_of, TimePoint now, std::span<AgentFact> facts, AgentActions& actions);

  // When the next step is due at the latest. kNever: only a fact can cause one.
  TimePoint NextDeadline() const;

  // A LinkSampled is wanted with the next step, which begins at `now`; of a link that isn't open yet a LinkWaits.
  bool WantsSample(TimePoint now) const;
  std::uint64_t attempt() const { return attempt_; }

  AgentStatus Status() const;

  // "" or what is wrong. For tests and the simulator.
  std::string CheckInvariants() const;

 private:
  // kConnecting waits for LinkOpened, kRegistering for Registered: both until link_deadline_.
  enum class Link { kNone, kConnecting, kRegistering, kRegistered };

  // A job that the server has offered and not yet assigned. Gone with its link.
  struct Offer {
    // kAsking, kGranted and kRefused are the pool's; kAccepted has been said to the server.
    enum class Answer { kAsking, kGranted, kRefused, kAccepted };
    std::string job_id;
    Answer answer = Answer::kAsking;
    Refusal reason = Refusal::kQueueFull;  // if refused
    TimePoint deadline;                    // of the answer; once accepted, of the assignment
  };

  // A job that the server has assigned and that hasn't ended.
  struct Job {
    std::string job_id;
    std::uint64_t attempt = 0;  // of the link that assigned it last
    TimePoint assigned;         // last
    bool started = false;
    bool terminated = false;
  };

  // agent.cc
  void NoteStall();
  bool Stalled() const { return read_out_by_ != kNever; }
  void AfterStall();
  void Record(ServerSaid& fact);
  AgentState State() const;
  void SayWord(WorkerWord word);
  void Log(LogLevel level, std::string_view event, std::string text);
  bool Current(std::uint64_t attempt) const { return link_ != Link::kNone && attempt == attempt_; }
  bool Open() const { return link_ == Link::kRegistering || link_ == Link::kRegistered; }

  // The link's life (agent_link.cc).
  void Record(LinkOpened& fact);
  void Record(LinkWaits& fact);
  void Record(LinkClosed& fact);
  void Record(LinkSampled& fact);
  void Record(ServerBroke& fact);
  void Hear(Registered& word);
  void Hear(Ponged& word);
  void Break(std::string why);
  void CheckLinkDeadlines();
  void LinkGone(const std::string& why);
  void BackOff(bool anew);
  void ReconcileLink();
  void ReconcilePing();
  void SayPing();

  // Offers (agent_offers.cc).
  void Hear(Offered& word);
  void Record(PlaceAnswered& fact);
  void ReconcileOffers();
  bool SettleOffer(std::uint64_t ticket, Offer& offer);
  bool Runs(const std::string& job_id) const;
  void Answer(const std::string& job_id, bool available);
  void ReleasePlaceOf(std::uint64_t ticket, const Offer& offer);
  void ReleaseUnanswered();
  void ReleaseOffers();

  // Jobs and their ends (agent_jobs.cc).
  void Hear(Assigned& word);
  void Hear(Terminated& word);
  void Record(JobAccepted& fact);
  void Record(JobRefused& fact);
  void Record(JobStarted& fact);
  void Record(JobEnded& fact);
  std::uint64_t TakePlace(const std::string& job_id);
  void AssignedAgain(Job& job);
  void EndJob(std::uint64_t ticket, JobStatus status, std::string error);
  void EndUnstarted(std::string job_id, std::string error);
  void LogUnstarted(const std::string& job_id, const std::string& error);
  void AddEnd(TellJob end, TimePoint not_before, bool doubtful);
  void ReconcileEnds();
  void NoteLost(const std::vector<std::string>& job_ids, std::string_view why);

  // Load, drain and the end (agent_load.cc).
  void Record(CapacityTold& fact);
  void Record(DrainTold& fact);
  void Record(CloseAsked& fact);
  bool Refusing() const { return draining_ || closing_; }
  TellLoad Load() const;
  bool Short() const { return capacity_.capacity <= 0 || capacity_.ready < agent_.min_ready || capacity_.failing; }
  bool Dips() const;
  bool Differs(const TellLoad& load) const;
  TimePoint LoadDue() const;
  void SayLoad(const TellLoad& load);
  void ReconcileLoad();
  bool Flushed() const;
  void ReconcileClose();
  void Close();

  const AgentSettings agent_;
  const Settings settings_;
  std::uint64_t jitter_;

  // Of the present step; empty between steps.
  AgentActions* actions_ = nullptr;
  std::int64_t unread_ = 0;               // bytes of the link that the kernel still holds
  std::string waits_for_;                 // what the link does that isn't open yet; "" = it wasn't asked
  std::string broken_why_;                // the link must be closed; "" = it needn't
  std::vector<std::string> asked_again_;  // offers whose answer is known without asking the pool
  std::vector<std::string> started_;      // jobs of which RUNNING is to be said

  TimePoint as_of_{};
  TimePoint now_{};
  TimePoint unread_since_{};  // the step before: what this one reads may be as old

  Link link_ = Link::kNone;
  std::uint64_t attempt_ = 0;
  bool register_said_ = false;
  TimePoint link_deadline_ = kNever;
  TimePoint retry_at_{};  // without a link: the next one
  Duration backoff_{};    // upper end of the last draw
  bool was_registered_ = false;
  TimePoint registered_at_{};
  TimePoint tick_at_ = kNever;

  // After a stall, until its link is gone.
  Duration stall_{};
  TimePoint read_out_by_ = kNever;

  bool sampled_ = false;         // this link, ever
  bool uncounted_said_ = false;  // that the kernel doesn't count
  std::uint64_t acknowledged_ = 0;
  std::uint64_t received_ = 0;
  TimePoint progress_at_{};

  // Pings are numbered over all links.
  std::int64_t first_ping_ = 1;  // of this link
  std::int64_t last_ping_ = 0;
  std::int64_t last_pong_ = 0;
  TimePoint ping_at_ = kNever;
  TimePoint pong_deadline_ = kNever;  // while a ping is unanswered

  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::string, std::uint64_t> tickets_;  // of all offers and jobs, by job id
  std::map<std::uint64_t, Offer> offers_;
  std::map<std::uint64_t, Job> jobs_;
  Outbox outbox_;

  CapacityTold capacity_;
  TimePoint short_since_ = kNever;  // of places
  bool draining_ = false;
  bool load_said_ = false;  // on this link
  TellLoad load_;           // said last
  bool simulated_ = false;  // the job of `simulate` has been asked for
  TimePoint load_at_{};

  bool closing_ = false;
  bool closed_ = false;
  TimePoint flush_deadline_ = kNever;

  AgentStatus status_;  // its counters and texts
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_AGENT_H_
