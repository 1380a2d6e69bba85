// One agent and what it did in its last step: short words for tests. Time is virtual and begins at 1000 s.
#ifndef ANDIRON_TESTS_LIVEKIT_AGENT_RIG_H_
#define ANDIRON_TESTS_LIVEKIT_AGENT_RIG_H_

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/livekit/agent.h"

namespace andiron::livekit {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class AgentRig {
 public:
  explicit AgentRig(Settings settings = {}, AgentSettings agent = Clerk()) : agent_(agent, settings, 7) {}

  static AgentSettings Clerk() {
    AgentSettings agent;
    agent.name = "clerk";
    return agent;
  }

  template <typename Change>
  static Settings With(Change change) {
    Settings settings;
    change(settings);
    return settings;
  }

  Agent& agent() { return agent_; }
  TimePoint now() const { return now_; }

  // A step `later` than the last, in a loop that isn't late: as_of is now.
  template <typename... Facts>
  AgentRig& Step(Duration later, Facts... facts) {
    return Late(later, later, std::move(facts)...);
  }
  // as_of and now apart: what came in between may be in the batch.
  template <typename... Facts>
  AgentRig& Late(Duration as_of, Duration now, Facts... facts) {
    std::vector<AgentFact> batch{AgentFact(std::move(facts))...};
    const TimePoint before = now_ + as_of;
    now_ += now;
    actions_.clear();
    agent_.Step(before, now_, batch, actions_);
    EXPECT_EQ(agent_.CheckInvariants(), "");
    for (const AgentAction& action : actions_) all_.push_back(action);
    return *this;
  }
  // Steps at each deadline and at least every kTick, until that much time has passed; answers pings if `pong`.
  AgentRig& Pass(Duration time, bool pong = true) {
    const TimePoint end = now_ + time;
    all_.clear();
    while (now_ < end) {
      const TimePoint next = std::min(end, std::max(now_ + milliseconds(1), agent_.NextDeadline()));
      const std::vector<Ping> pings = pong ? Said<Ping>() : std::vector<Ping>();
      if (pings.empty()) {
        Step(next - now_);
      } else {
        Step(milliseconds(1), Word(Ponged{pings.back().timestamp}));
      }
    }
    actions_ = std::exchange(all_, {});
    return *this;
  }

  ServerSaid Word(ServerWord word) const { return {agent_.attempt(), std::move(word)}; }
  ServerSaid Offer(std::string job_id) const { return Word(Offered{std::move(job_id), "job"}); }
  ServerSaid Assign(std::string job_id) const { return Word(Assigned{std::move(job_id), "job", "", "secret-token"}); }
  static CapacityTold Room(int capacity, int busy = 0) {
    return {.capacity = capacity, .ready = capacity + busy, .busy = busy};
  }

  AgentRig& Open() {
    Step(milliseconds(1));
    return Step(milliseconds(1), LinkOpened{agent_.attempt()});
  }
  // Registered, with room for `capacity` jobs, and the first ping answered.
  AgentRig& Register(int capacity = 4) {
    Open();
    return Step(milliseconds(1), Room(capacity), Word(Registered{"AW_1", "1.14.1"}));
  }
  AgentRig& Reconnect() {
    Step(agent_.NextDeadline() - now_);
    Step(milliseconds(1), LinkOpened{agent_.attempt()});
    return Step(milliseconds(1), Word(Registered{"AW_2", "1.14.1"}));
  }
  // Offered, granted, accepted and assigned. Its ticket.
  std::uint64_t Run(const std::string& job_id) {
    Step(milliseconds(1), Offer(job_id));
    const std::uint64_t ticket = Did<AskPlace>().at(0).ticket;
    Step(milliseconds(1), PlaceAnswered{ticket, true, {}});
    Step(milliseconds(1), Assign(job_id));
    EXPECT_EQ(Did<SubmitJob>().size(), 1U);
    Step(milliseconds(1), JobAccepted{ticket}, JobStarted{ticket});
    return ticket;
  }
  static JobEnded End(std::uint64_t ticket, Outcome outcome = Outcome::kSucceeded, std::string error = "") {
    return {ticket, outcome, std::move(error), seconds(3)};
  }

  template <typename T>
  std::vector<T> Did() const {
    std::vector<T> found;
    for (const AgentAction& action : actions_) {
      if (const T* one = std::get_if<T>(&action)) found.push_back(*one);
    }
    return found;
  }
  template <typename T>
  std::vector<T> Said() const {
    std::vector<T> found;
    for (const Say& say : Did<Say>()) {
      if (const T* one = std::get_if<T>(&say.word)) found.push_back(*one);
    }
    return found;
  }
  // The end statuses among what was said.
  std::vector<TellJob> Ends() const {
    std::vector<TellJob> ends = Said<TellJob>();
    std::erase_if(ends, [](const TellJob& told) { return told.status == JobStatus::kRunning; });
    return ends;
  }
  bool Logged(std::string_view event, std::string_view text = "") const {
    for (const LogLine& line : Did<LogLine>()) {
      if (line.event == event && line.text.find(text) != std::string::npos) return true;
    }
    return false;
  }
  const AgentActions& actions() const { return actions_; }

 private:
  Agent agent_;
  TimePoint now_{seconds(1000)};
  AgentActions actions_;
  AgentActions all_;
};

}  // namespace andiron::livekit

#endif  // ANDIRON_TESTS_LIVEKIT_AGENT_RIG_H_
