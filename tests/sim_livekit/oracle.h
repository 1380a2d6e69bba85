// What an agent must do, by its contract, told from its facts and actions alone. Knows nothing of its code.
//
// Each problem begins with the rule that was broken: an invariant of the design (I15, I16, I19, I20), or LINK, PEER,
// OFFER, PLACE, JOB, END, LOAD, CLOSE, SECRET, STATUS, TIME.
#ifndef ANDIRON_TESTS_SIM_LIVEKIT_ORACLE_H_
#define ANDIRON_TESTS_SIM_LIVEKIT_ORACLE_H_

#include <andiron/time.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim_livekit/plan.h"
#include "worker/livekit/agent.h"

namespace andiron::livekit_sim {

class Oracle {
 public:
  explicit Oracle(const Plan& plan) : plan_(plan), settings_(plan.settings) {}

  // Before the step, which moves strings out of the facts.
  void Read(TimePoint as_of, TimePoint now, const std::vector<livekit::AgentFact>& facts);
  // After it.
  void Check(const std::vector<livekit::AgentAction>& actions, const livekit::Agent& agent);

  // "" = all rules were kept.
  const std::string& problem() const { return problem_; }

  bool registered() const { return registered_; }
  bool quiet() const { return live_ == 0 && Unread() == 0 && pending_.empty() && accepted_.empty(); }
  bool awaits_pong() const { return !pings_.empty(); }
  bool told_full() const { return told_.full; }
  bool WasLost(const std::string& job_id) const;
  std::int64_t jobs() const { return static_cast<std::int64_t>(jobs_.size()); }

 private:
  struct Job {
    bool live = true;
    bool submitted = false;
    bool started = false;
    bool terminated = false;
    std::uint64_t attempt = 0;  // that assigned it last
    TimePoint assigned;         // last
    // Once ended:
    livekit::JobStatus status = livekit::JobStatus::kRunning;
    std::string must_hold;  // in its text
    std::string text;       // as it was said first
    bool said = false;      // ever
    bool unread = false;
    bool lost = false;
    TimePoint unread_since;
    TimePoint not_before;
    TimePoint due = kNever;  // to be said on this link
    bool repeat = false;
    std::int64_t proof = 0;  // ping after its last saying
  };
  enum class Place { kAsked, kGranted };

  void Break(const std::string& rule);
  void Demand(bool kept, const std::string& rule) {
    if (!kept) Break(rule);
  }

  void See(const livekit::LinkOpened& fact);
  void See(const livekit::LinkWaits&) {}
  void See(const livekit::LinkClosed& fact);
  void See(const livekit::LinkSampled& fact);
  void See(const livekit::ServerSaid& fact);
  void See(const livekit::ServerBroke& fact);
  void See(const livekit::PlaceAnswered& fact);
  void See(const livekit::JobAccepted&) {}
  void See(const livekit::JobRefused& fact);
  void See(const livekit::JobStarted& fact);
  void See(const livekit::JobEnded& fact);
  void See(const livekit::CapacityTold& fact);
  void See(const livekit::DrainTold& fact) { draining_ = fact.draining; }
  void See(const livekit::CloseAsked& fact);
  void Hear(const livekit::Registered& word);
  void Hear(const livekit::Offered& word);
  void Hear(const livekit::Assigned& word);
  void Hear(const livekit::Terminated& word);
  void Hear(const livekit::Ponged& word);

  void Did(const livekit::OpenLink& action);
  void Did(const livekit::CloseLink& action);
  void Did(const livekit::Say& action);
  void Did(const livekit::AskPlace& action);
  void Did(const livekit::ReleasePlace& action);
  void Did(const livekit::SubmitJob& action);
  void Did(const livekit::CancelJob& action);
  void Did(const livekit::LogLine& action);
  void Did(const livekit::Closed& action);
  void Said(const livekit::Register& word);
  void Said(const livekit::AnswerOffer& word);
  void Said(const livekit::TellLoad& word);
  void Said(const livekit::TellJob& word);
  void Said(const livekit::Ping& word);
  void Said(const livekit::SimulateJob&) { Break("LINK simulates a job unasked"); }

  void NoteStall(const std::vector<livekit::AgentAction>& actions);
  bool ReadsOut() const { return read_out_by_ != kNever; }
  void EndUnsubmitted(const std::vector<livekit::AgentAction>& actions);
  void Judge();  // the link, before its actions are looked at
  void EndLink();
  void EndJob(Job& job, livekit::JobStatus status, std::string must_hold);
  void AfterLink();
  void AfterOffers();
  void AfterJobs();
  void AfterLoad();
  void AfterClose();
  void AfterStatus(const livekit::Agent& agent);

  bool Current(std::uint64_t attempt) const { return link_ != 0 && attempt == link_; }
  bool Refusing() const { return draining_ || closing_; }
  livekit::TellLoad Truth() const;
  bool Short() const { return capacity_.capacity <= 0 || capacity_.ready < plan_.agent.min_ready || capacity_.failing; }
  bool Dips() const;
  std::int64_t Unread() const;
  std::int64_t Granted() const;

  const Plan& plan_;
  const livekit::Settings& settings_;
  std::string problem_;

  TimePoint as_of_{};
  TimePoint now_{};
  TimePoint before_{};  // now of the step before
  std::int64_t steps_ = 0;
  bool stalled_ = false;        // beyond doubt, or as it has said
  bool maybe_stalled_ = false;  // the limit may have been passed
  std::int64_t unread_ = 0;     // of the link, by the step's sample
  bool must_close_ = false;     // the link
  bool may_close_ = false;
  bool closes_now_ = false;  // Closed is among the actions

  std::uint64_t link_ = 0;  // attempt of the present link; 0 = none
  std::uint64_t last_attempt_ = 0;
  bool opened_ = false;
  bool register_said_ = false;
  bool registered_ = false;
  bool broke_ = false;
  TimePoint opened_at_{};           // OpenLink
  TimePoint ended_at_{};            // the link before
  bool hurry_ = true;               // the next link needn't wait
  TimePoint read_out_by_ = kNever;  // after a stall

  bool sampled_ = false;
  bool gone_ = false;
  bool stuck_ = false;
  std::uint64_t acknowledged_ = 0;
  TimePoint progress_{};

  std::set<std::int64_t> pings_;  // unanswered
  std::int64_t first_ping_ = 0;
  std::int64_t last_ping_ = 0;
  std::int64_t last_pong_ = 0;
  TimePoint pong_since_{};
  TimePoint ping_at_{};

  std::map<std::string, TimePoint> pending_;   // offers: when they were read
  std::map<std::string, TimePoint> accepted_;  // when that was said
  std::set<std::string> offered_;              // in this step
  std::set<std::string> owed_;                 // answers that this step owes, since they are known

  std::map<std::uint64_t, Place> places_;
  std::set<std::uint64_t> refused_;  // in this step: may still be released
  std::uint64_t last_ticket_ = 0;

  std::map<std::string, Job> jobs_;
  std::int64_t live_ = 0;
  std::int64_t succeeded_ = 0;
  std::int64_t failed_ = 0;
  std::int64_t terminated_ = 0;
  std::int64_t lost_ = 0;
  std::map<std::uint64_t, std::string> tickets_;
  struct NewJob {
    bool accepted = false;
    bool refusing = false;
  };
  std::map<std::string, NewJob> new_;    // assigned in this step
  std::multiset<std::string> runnings_;  // RUNNING that this step owes
  std::set<std::string> cancels_;        // that this step owes
  std::vector<std::string> unproved_;    // said since the last ping

  livekit::CapacityTold capacity_;
  TimePoint short_since_ = kNever;  // of places
  bool draining_ = false;
  livekit::TellLoad told_;
  bool load_told_ = false;  // on this link
  TimePoint told_at_{};

  bool closing_ = false;
  bool closed_ = false;
  TimePoint close_by_ = kNever;
};

}  // namespace andiron::livekit_sim

#endif  // ANDIRON_TESTS_SIM_LIVEKIT_ORACLE_H_
