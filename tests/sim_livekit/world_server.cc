// The simulated server: honest where no fault is drawn.
#include <utility>

#include "tests/sim_livekit/world.h"

namespace andiron::livekit_sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

// It takes a new registration for available.
void World::Hear(std::uint64_t attempt, TimePoint when, livekit::Register&) {
  if (links_[attempt].closed || Has(Fault::kRegisterHangs)) return;
  links_[attempt].registered = true;
  told_full_ = false;
  Send(attempt, when, livekit::Registered{"AW_" + std::to_string(attempt), "1.14.1"});
  if (Has(Fault::kRegisteredAgain)) Send(attempt, when, livekit::Registered{"AW_again", "1.14.1"});
}

void World::Hear(std::uint64_t attempt, TimePoint when, livekit::AnswerOffer& word) {
  const auto job = book_.find(word.job_id);
  if (job == book_.end() || job->second.attempt != attempt || !std::exchange(job->second.asked, false)) return;
  if (!word.available || Has(Fault::kAssignForgotten)) return;
  const Duration slow = Has(Fault::kAssignSlow) ? Draw(Duration(0), seconds(8)) : Duration(0);
  At(when + Draw(Duration(0), milliseconds(2)) + slow, {.kind = Happening::kAssigns, .job_id = word.job_id});
}

void World::Hear(std::uint64_t attempt, TimePoint, livekit::TellLoad& word) {
  if (attempt == ServingLink()) told_full_ = word.full;
}

// What it doesn't know yet, or on another link, it doesn't understand.
void World::Hear(std::uint64_t attempt, TimePoint when, livekit::TellJob& word) {
  const auto job = book_.find(word.job_id);
  if (job == book_.end() || job->second.attempt != attempt || !job->second.assigned) return;
  if (word.status != livekit::JobStatus::kRunning && when >= job->second.booked) job->second.ended = true;
}

void World::Hear(std::uint64_t attempt, TimePoint when, livekit::Ping& word) {
  if (Has(Fault::kPongLost)) return;
  if (Has(Fault::kPongLie)) {
    const std::int64_t lie = word.timestamp + random_.Between(-3, 5);
    if (lie != word.timestamp) return Send(attempt, when, livekit::Ponged{lie});
  }
  const livekit::Ponged pong{word.timestamp};
  if (!Has(Fault::kPongSlow)) return Send(attempt, when, pong);
  At(when + Draw(Duration(0), plan_.settings.ping_timeout * 12 / 10),
     {.kind = Happening::kServerSays, .number = attempt, .fact = livekit::ServerSaid{attempt, pong}});
}

void World::Hear(std::uint64_t, TimePoint, livekit::SimulateJob&) {}

void World::Arrive(TimePoint when) {
  if (faults_over_) return;
  Mischief(when);
  for (int flood = Has(Fault::kOfferFlood) ? 20 : 1; flood > 0; --flood) Offer(NewJob(), when);
  if (++arrived_ < plan_.jobs) {
    At(when + Draw(Duration(0), 2 * plan_.arrival), {.kind = Happening::kArrives});
  } else {
    over_at_ = when + Draw(Duration(0), seconds(10));
  }
}

void World::Offer(const std::string& job_id, TimePoint when) {
  const std::uint64_t attempt = ServingLink();
  if (attempt == 0) return;
  BookJob& job = book_[job_id];
  job.attempt = attempt;
  job.asked = true;
  const livekit::Offered offer{job_id, "encoded"};
  Send(attempt, when, offer);
  At(when + seconds(3), {.kind = Happening::kGivesUp, .job_id = job_id});
  if (!Has(Fault::kOfferAgain)) return;
  At(when + Draw(Duration(0), random_.Coin() ? milliseconds(3) : plan_.work + seconds(2)),
     {.kind = Happening::kServerSays, .number = attempt, .fact = livekit::ServerSaid{attempt, offer}});
}

void World::Assign(const std::string& job_id, TimePoint when) {
  BookJob& job = book_[job_id];
  const Link& link = links_[job.attempt];
  if (link.closed || !link.registered) return;
  job.assigned = true;
  job.ended = false;
  job.booked =
      when + (Has(Fault::kBookSlow) ? Draw(Duration(0), milliseconds(280)) : Draw(Duration(0), milliseconds(20)));
  Send(job.attempt, when, livekit::Assigned{job_id, "encoded", "", std::string(kCanary) + job_id});
  if (!Has(Fault::kTerminate)) return;
  for (int times = random_.Coin() ? 2 : 1; times > 0; --times) {
    At(when + Draw(Duration(0), 2 * plan_.work),
       {.kind = Happening::kServerSays,
        .number = job.attempt,
        .fact = livekit::ServerSaid{job.attempt, livekit::Terminated{job_id}}});
  }
}

// What no honest server says.
void World::Mischief(TimePoint when) {
  const std::uint64_t attempt = ServingLink();
  if (attempt == 0) return;
  const auto assign = [&](const std::string& job_id) {
    book_[job_id].attempt = attempt;
    Assign(job_id, when);
  };
  if (Has(Fault::kAssignUnasked)) assign(NewJob());
  if (Has(Fault::kAssignAgain)) assign(SomeJob());
  if (Has(Fault::kTerminateUnknown)) Send(attempt, when, livekit::Terminated{random_.Coin() ? SomeJob() : "AJ_none"});
  if (Has(Fault::kOfferAgain)) Send(attempt, when, livekit::Offered{SomeJob(), "encoded"});
}

std::string World::NewJob() {
  job_ids_.push_back("AJ_" + std::to_string(job_ids_.size()));
  return job_ids_.back();
}

std::string World::SomeJob() {
  if (job_ids_.empty()) return NewJob();
  return job_ids_[static_cast<std::size_t>(random_.Below(static_cast<std::int64_t>(job_ids_.size())))];
}

// The last that is registered and, as far as anybody can know, works. 0 = none.
std::uint64_t World::ServingLink() const {
  for (auto entry = links_.rbegin(); entry != links_.rend(); ++entry) {
    if (entry->second.registered && !entry->second.closed) return entry->first;
  }
  return 0;
}

bool World::Works() const {
  const auto link = links_.find(ServingLink());
  if (link == links_.end() || link->second.silent || link->second.gone) return false;
  return !link->second.frozen || !link->second.counted;  // uncounted, nobody can know, and words still pass
}

bool World::Calm() const {
  for (const auto& [when, event] : events_) {
    if (event.kind == Happening::kAssigns || event.kind == Happening::kDrops) return false;
    if (std::holds_alternative<livekit::ServerBroke>(event.fact)) return false;
    const auto* said = std::get_if<livekit::ServerSaid>(&event.fact);
    const bool unsaid = event.kind == Happening::kServerSays;
    if (said != nullptr && !(unsaid && std::holds_alternative<livekit::Ponged>(said->word))) return false;
  }
  for (const auto& [job_id, job] : book_) {
    if (job.asked && job.attempt == ServingLink()) return false;
  }
  return true;
}

bool World::ServerKnowsEnd(const std::string& job_id) const {
  const auto job = book_.find(job_id);
  return job != book_.end() && job->second.ended;
}

std::vector<std::string> World::UntoldJobs() const {
  std::vector<std::string> untold;
  for (const auto& [job_id, job] : book_) {
    const auto link = links_.find(job.attempt);
    if (!job.assigned || job.ended || link == links_.end()) continue;
    if (link->second.registered && !link->second.closed && !link->second.silent) untold.push_back(job_id);
  }
  return untold;
}

}  // namespace andiron::livekit_sim
