#include "worker/livekit/agent_seat.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "worker/base/clock.h"
#include "worker/base/json.h"
#include "worker/livekit/messages.h"
#include "worker/livekit/payload.h"
#include "worker/livekit/token.h"

namespace andiron::livekit {
namespace {

std::uint32_t PoolNumber(const WorkerSettings& settings, const std::string& name) {
  const auto pool = std::find_if(settings.pools.begin(), settings.pools.end(),
                                 [&name](const PoolSettings& one) { return one.name == name; });
  return static_cast<std::uint32_t>(pool - settings.pools.begin());
}

std::uint64_t Key(JobNumber job) { return static_cast<std::uint64_t>(job); }
std::uint64_t Key(ReservationNumber reservation) { return static_cast<std::uint64_t>(reservation); }

}  // namespace

AgentSeat::AgentSeat(Place place, const Settings& settings, const AgentSettings& agent)
    : place_(std::move(place)),
      shared_(settings),
      settings_(agent),
      pool_(PoolNumber(place_.worker.settings(), agent.pool)),
      agent_(agent, settings, place_.seed) {
  place_.worker.desk().Join(*this);
}

AgentSeat::~AgentSeat() { place_.worker.desk().Leave(*this); }

void AgentSeat::Post(AgentFact fact) {
  facts_.push_back(std::move(fact));
  place_.wake();
}

void AgentSeat::Step(TimePoint as_of) {
  as_of_ = as_of;
  const TimePoint now = Now();
  if (agent_.WantsSample(now)) Look();
  taken_.clear();
  taken_.swap(facts_);
  actions_.clear();
  agent_.Step(as_of, now, taken_, actions_);
  for (AgentAction& action : actions_) std::visit([this](auto& what) { Perform(what); }, action);
}

// ---- from the links ----

// Of a link that has ended its own words come, and say why.
void AgentSeat::Look() {
  const std::uint64_t attempt = agent_.attempt();
  const Link* link = LinkOf(attempt);
  if (link == nullptr) return;
  if (std::string what = link->waits_for(); !what.empty()) facts_.push_back(LinkWaits{attempt, std::move(what)});
  if (!link->open()) return;
  const LinkSample sample = link->Sample();
  facts_.push_back(LinkSampled{attempt, sample.established, sample.counted, sample.unacknowledged, sample.acknowledged,
                               sample.received, sample.unread});
}

AgentSeat::Carrier& AgentSeat::FreeCarrier() {
  for (const auto& carrier : carriers_) {
    if (carrier->attempt == 0) return *carrier;
  }
  Carrier* carrier = carriers_.emplace_back(std::make_unique<Carrier>()).get();
  LinkEvents events;
  events.opened = [this, carrier] { Post(LinkOpened{carrier->attempt}); };
  events.message = [this, carrier](std::string_view text, bool binary) { Heard(carrier->attempt, text, binary); };
  events.closed = [this, carrier](std::string what, bool credentials_refused) {
    Post(LinkClosed{std::exchange(carrier->attempt, 0), std::move(what), credentials_refused});
  };
  carrier->link = std::make_unique<Link>(place_.links, place_.target, std::move(events));
  return *carrier;
}

Link* AgentSeat::LinkOf(std::uint64_t attempt) {
  for (const auto& carrier : carriers_) {
    if (carrier->attempt == attempt && attempt != 0) return carrier->link.get();
  }
  return nullptr;
}

void AgentSeat::Heard(std::uint64_t attempt, std::string_view message, bool binary) {
  if (!binary) return Post(ServerBroke{attempt, "the server sent a text message, where binary ones were asked for"});
  auto word = Decode(message, static_cast<std::size_t>(shared_.max_message));
  if (!word.ok()) return Post(ServerBroke{attempt, std::string(word.status().message())});
  if (word->has_value()) Post(ServerSaid{attempt, *std::move(*word)});
}

// ---- what the agent decides ----

void AgentSeat::Perform(const OpenLink& action) {
  Carrier& carrier = FreeCarrier();
  carrier.attempt = action.attempt;
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(shared_.token_ttl);
  carrier.link->Open(MakeAgentToken(shared_.key, shared_.secret, WallSeconds(), ttl));
}

void AgentSeat::Perform(const CloseLink& action) {
  if (Link* link = LinkOf(action.attempt)) link->Close(action.why);
}

void AgentSeat::Perform(const Say& action) {
  Link* link = LinkOf(action.attempt);
  if (link != nullptr && !link->Send(Encode(action.word)))
    link->Close("the server takes no more of what is said to it");
}

void AgentSeat::Perform(const AskPlace& action) {
  const ReservationNumber reservation = place_.worker.desk().Reserve(*this, settings_.pool);
  reservation_tickets_.emplace(Key(reservation), action.ticket);
  reservations_.emplace(action.ticket, reservation);
}

void AgentSeat::Perform(const ReleasePlace& action) {
  const auto reservation = reservations_.find(action.ticket);
  if (reservation == reservations_.end()) return;
  place_.worker.desk().Release(reservation->second);
  reservation_tickets_.erase(Key(reservation->second));
  reservations_.erase(reservation);
}

void AgentSeat::Perform(SubmitJob& action) {
  JobSubmitted job;
  job.pool = settings_.pool;
  job.id = action.assignment.job_id;
  job.payload = MakePayload(action.assignment, IdentityOf(job.id), place_.server, settings_.name);
  if (const auto reservation = reservations_.find(action.ticket); reservation != reservations_.end()) {
    job.reservation = reservation->second;
    reservation_tickets_.erase(Key(reservation->second));
    reservations_.erase(reservation);
  }
  const JobNumber number = place_.worker.desk().Submit(*this, std::move(job));
  job_tickets_.emplace(Key(number), action.ticket);
  jobs_.emplace(action.ticket, number);
}

void AgentSeat::Perform(const CancelJob& action) {
  const auto job = jobs_.find(action.ticket);
  if (job != jobs_.end()) place_.worker.desk().Cancel(job->second, action.grace);
}

void AgentSeat::Perform(const LogLine& action) {
  const std::string name = settings_.name.empty() ? "(unnamed)" : settings_.name;
  place_.worker.log().Write(action.level, action.event, action.text, {{"agent", name}});
}

void AgentSeat::Perform(const Closed&) { closed_ = true; }

// ---- from the desk ----

std::uint64_t AgentSeat::TicketOf(JobNumber job) const {
  const auto ticket = job_tickets_.find(Key(job));
  return ticket == job_tickets_.end() ? 0 : ticket->second;
}

void AgentSeat::OnAccepted(JobNumber job) { Post(JobAccepted{TicketOf(job)}); }

void AgentSeat::OnRefused(const Refused& refused) {
  const std::uint64_t ticket = TicketOf(refused.job);
  job_tickets_.erase(Key(refused.job));
  jobs_.erase(ticket);
  Post(JobRefused{ticket, refused.reason});
}

void AgentSeat::OnStarted(JobNumber job, ChildId) { Post(JobStarted{TicketOf(job)}); }

void AgentSeat::OnOutcome(JobEnd& end) {
  const std::uint64_t ticket = TicketOf(end.report.job);
  job_tickets_.erase(Key(end.report.job));
  jobs_.erase(ticket);
  Post(JobEnded{ticket, end.report.outcome, std::move(end.error), end.report.ran});
}

void AgentSeat::OnReservation(const ReservationAnswered& answer) {
  const auto ticket = reservation_tickets_.find(Key(answer.reservation));
  if (ticket == reservation_tickets_.end()) return;  // released before it was answered
  Post(PlaceAnswered{ticket->second, answer.granted, answer.reason});
  if (answer.granted) return;
  reservations_.erase(ticket->second);
  reservation_tickets_.erase(ticket);
}

void AgentSeat::OnCapacity(const CapacityChanged& news) {
  if (news.pool == pool_) Post(CapacityTold{news.capacity, news.ready, news.busy, news.failing});
}

void AgentSeat::OnWorkerState(WorkerState state) {
  Post(DrainTold{state != WorkerState::kRunning});
  if (state == WorkerState::kStopped) Post(CloseAsked{});
}

// The core has answered what this turn asked: say it in the same turn.
void AgentSeat::OnTurnEnd() {
  if (HasFacts()) StepWithin();
}

void AgentSeat::WriteStatus(JsonWriter& json) const {
  const AgentStatus status = agent_.Status();
  json.BeginObject();
  json.Member("kind", "livekit");
  json.Member("url", std::string_view(place_.target.url.text()));
  json.Member("agent", std::string_view(settings_.name));
  json.Member("pool", std::string_view(settings_.pool));
  json.Member("state", Name(status.state));
  json.Member("worker_id", std::string_view(status.worker_id));
  json.Member("server_version", std::string_view(status.server_version));
  json.Member("jobs", status.jobs);
  json.Member("outbox", status.outbox);
  json.Member("offered", status.offered);
  json.Member("accepted", status.accepted);
  json.Member("refused", status.refused);
  json.Member("assigned", status.assigned);
  json.Member("succeeded", status.succeeded);
  json.Member("failed", status.failed);
  json.Member("terminated", status.terminated);
  json.Member("reconnects", status.reconnects);
  json.Member("unacknowledged", status.unacknowledged);
  json.Member("last_error", std::string_view(status.last_error));
  json.EndObject();
}

}  // namespace andiron::livekit
