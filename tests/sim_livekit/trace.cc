#include "tests/sim_livekit/trace.h"

#include <cstdio>

namespace andiron::livekit_sim {
namespace {

std::string Number(std::uint64_t number) { return std::to_string(number); }

struct Writer {
  // facts
  std::string operator()(const livekit::LinkOpened& fact) const { return "opened " + Number(fact.attempt); }
  std::string operator()(const livekit::LinkWaits& fact) const {
    return "waits " + Number(fact.attempt) + " (" + fact.what + ")";
  }
  std::string operator()(const livekit::LinkClosed& fact) const {
    return "closed " + Number(fact.attempt) + " (" + fact.what + ")";
  }
  std::string operator()(const livekit::LinkSampled& fact) const {
    return "sampled " + Number(fact.attempt) + (fact.established ? "" : " gone") + (fact.counted ? "" : " uncounted") +
           " unacknowledged=" + std::to_string(fact.unacknowledged) + " acknowledged=" + Number(fact.acknowledged);
  }
  std::string operator()(const livekit::ServerSaid& fact) const {
    return "server " + Number(fact.attempt) + " " + std::visit(*this, fact.word);
  }
  std::string operator()(const livekit::ServerBroke& fact) const { return "broke " + Number(fact.attempt); }
  std::string operator()(const livekit::PlaceAnswered& fact) const {
    return "place " + Number(fact.ticket) + (fact.granted ? " granted" : " refused");
  }
  std::string operator()(const livekit::JobAccepted& fact) const { return "job_accepted " + Number(fact.ticket); }
  std::string operator()(const livekit::JobRefused& fact) const {
    return "job_refused " + Number(fact.ticket) + " " + std::string(Name(fact.reason));
  }
  std::string operator()(const livekit::JobStarted& fact) const { return "job_started " + Number(fact.ticket); }
  std::string operator()(const livekit::JobEnded& fact) const {
    return "job_ended " + Number(fact.ticket) + " " + std::string(Name(fact.outcome));
  }
  std::string operator()(const livekit::CapacityTold& fact) const {
    return "capacity " + std::to_string(fact.capacity) + " ready=" + std::to_string(fact.ready) +
           " busy=" + std::to_string(fact.busy);
  }
  std::string operator()(const livekit::DrainTold& fact) const { return fact.draining ? "drain" : "resume"; }
  std::string operator()(const livekit::CloseAsked&) const { return "close_asked"; }

  // words of the server
  std::string operator()(const livekit::Registered& word) const { return "Registered " + word.worker_id; }
  std::string operator()(const livekit::Offered& word) const { return "Offered " + word.job_id; }
  std::string operator()(const livekit::Assigned& word) const { return "Assigned " + word.job_id; }
  std::string operator()(const livekit::Terminated& word) const { return "Terminated " + word.job_id; }
  std::string operator()(const livekit::Ponged& word) const { return "Ponged " + std::to_string(word.last_timestamp); }

  // words of the worker
  std::string operator()(const livekit::Register&) const { return "Register"; }
  std::string operator()(const livekit::AnswerOffer& word) const {
    return (word.available ? "Available " : "Unavailable ") + word.job_id;
  }
  std::string operator()(const livekit::TellLoad& word) const {
    char text[64];
    std::snprintf(text, sizeof text, "%s load=%.3f jobs=%u", word.full ? "FULL" : "AVAILABLE",
                  static_cast<double>(word.load), word.job_count);
    return text;
  }
  std::string operator()(const livekit::TellJob& word) const {
    constexpr const char* kStatus[] = {"RUNNING ", "SUCCESS ", "FAILED "};
    return kStatus[static_cast<int>(word.status)] + word.job_id + (word.error.empty() ? "" : " \"" + word.error + "\"");
  }
  std::string operator()(const livekit::Ping& word) const { return "Ping " + std::to_string(word.timestamp); }
  std::string operator()(const livekit::SimulateJob& word) const { return "SimulateJob " + word.room; }

  // actions
  std::string operator()(const livekit::OpenLink& action) const { return "open " + Number(action.attempt); }
  std::string operator()(const livekit::CloseLink& action) const {
    return "close " + Number(action.attempt) + " (" + action.why + ")";
  }
  std::string operator()(const livekit::Say& action) const {
    return "say " + Number(action.attempt) + " " + std::visit(*this, action.word);
  }
  std::string operator()(const livekit::AskPlace& action) const { return "ask_place " + Number(action.ticket); }
  std::string operator()(const livekit::ReleasePlace& action) const { return "release_place " + Number(action.ticket); }
  std::string operator()(const livekit::SubmitJob& action) const {
    return "submit " + Number(action.ticket) + " " + action.assignment.job_id;
  }
  std::string operator()(const livekit::CancelJob& action) const { return "cancel " + Number(action.ticket); }
  std::string operator()(const livekit::LogLine& action) const { return "log \"" + action.text + "\""; }
  std::string operator()(const livekit::Closed&) const { return "closed"; }
};

}  // namespace

std::string TextOf(TimePoint time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", std::chrono::duration<double>(time.time_since_epoch()).count());
  return text;
}

std::string TextOf(const livekit::AgentFact& fact) { return std::visit(Writer(), fact); }
std::string TextOf(const livekit::AgentAction& action) { return std::visit(Writer(), action); }

}  // namespace andiron::livekit_sim
