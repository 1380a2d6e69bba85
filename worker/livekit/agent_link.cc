// The life of an agent's links: connect, register, find the dead one, back off, and again.
#include <algorithm>
#include <utility>

#include "worker/livekit/agent.h"
#include "worker/livekit/agent_texts.h"

namespace andiron::livekit {
namespace {

// 0 <= result < 1. splitmix64.
double NextFraction(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) / static_cast<double>(std::uint64_t{1} << 53U);
}

}  // namespace

void Agent::Record(LinkOpened& fact) {
  if (!Current(fact.attempt) || link_ != Link::kConnecting) return;
  link_ = Link::kRegistering;
  tick_at_ = Later(now_, kTick);
}

void Agent::Record(LinkWaits& fact) {
  if (Current(fact.attempt)) waits_for_ = std::move(fact.what);
}

void Agent::Record(LinkClosed& fact) {
  if (!Current(fact.attempt)) return;
  if (fact.credentials_refused) {
    Log(LogLevel::kError, "agent_credentials_refused",
        "the LiveKit server refuses our key: check sources.livekit.key and secret (LIVEKIT_API_KEY, "
        "LIVEKIT_API_SECRET), that this server knows them, and that this machine's clock is right; trying again");
  }
  LinkGone(fact.what);
  Log(LogLevel::kWarn, "agent_link_lost",
      "no connection to the LiveKit server: " + status_.last_error + "; next try in " + Seconds(retry_at_ - now_));
}

// Bytes that nobody acknowledges are the only proof of death in the kernel's numbers: an idle peer has none, a slow one
// acknowledges.
void Agent::Record(LinkSampled& fact) {
  if (!Current(fact.attempt) || !Open()) return;
  if (!fact.counted && !std::exchange(uncounted_said_, true)) {
    Log(LogLevel::kWarn, "agent_peer_uncounted",
        "this kernel doesn't count what a peer acknowledges: only unanswered pings show a dead connection, after " +
            Seconds(settings_.ping_timeout));
  }
  const bool progress = !sampled_ || !fact.counted || fact.unacknowledged == 0 || fact.acknowledged != acknowledged_;
  if (progress) progress_at_ = now_;
  sampled_ = true;
  acknowledged_ = fact.acknowledged;
  received_ = fact.received;
  unread_ = fact.unread;
  if (!fact.established && fact.unread == 0) {
    Break("the connection is no longer established");
  } else if (!progress && !Stalled() && as_of_ >= Later(progress_at_, settings_.dead_after)) {
    Break("the peer has acknowledged none of " + std::to_string(fact.unacknowledged) + " bytes for " +
          Seconds(as_of_ - progress_at_));
  }
}

void Agent::Record(ServerBroke& fact) {
  if (Current(fact.attempt)) Break(std::move(fact.what));
}

void Agent::Hear(Registered& word) {
  if (link_ != Link::kRegistering || !register_said_) return;
  link_ = Link::kRegistered;
  if (was_registered_) ++status_.reconnects;
  was_registered_ = true;
  registered_at_ = now_;
  status_.worker_id = std::move(word.worker_id);
  status_.server_version = std::move(word.server_version);
  load_said_ = false;
  first_ping_ = last_ping_ + 1;
  ping_at_ = Later(now_, settings_.ping_interval);
  pong_deadline_ = kNever;
  outbox_.LinkRegistered();
  Log(LogLevel::kInfo, "agent_registered",
      "registered as " + status_.worker_id + " at LiveKit server " + status_.server_version);
}

// A pong for what was never asked on this link proves nothing.
void Agent::Hear(Ponged& word) {
  if (link_ != Link::kRegistered || word.last_timestamp < first_ping_ || word.last_timestamp > last_ping_) return;
  if (word.last_timestamp <= last_pong_) return;
  last_pong_ = word.last_timestamp;
  outbox_.Proved(last_pong_, now_);
  pong_deadline_ = last_pong_ == last_ping_ ? kNever : Later(now_, settings_.ping_timeout);
}

// The verdict waits until the rest of the batch has been recorded: what came before the link's end is still ours.
void Agent::Break(std::string why) {
  if (broken_why_.empty()) broken_why_ = std::move(why);
}

void Agent::CheckLinkDeadlines() {
  if (link_ == Link::kNone) return;
  if ((link_ == Link::kConnecting || link_ == Link::kRegistering) && link_deadline_ <= as_of_) {
    Break((link_ == Link::kConnecting ? "no connection within " : "no registration within ") +
          Seconds(settings_.connect_timeout) + (waits_for_.empty() ? "" : ": waited for " + waits_for_));
  }
  if (link_ == Link::kRegistered && pong_deadline_ <= as_of_ && !Stalled()) {
    Break("no answer to a ping for " + Seconds(settings_.ping_timeout) + " (" + std::to_string(received_) +
          " bytes received in all)");
  }
  if (broken_why_.empty()) return;
  const std::string why = broken_why_;
  actions_->emplace_back(CloseLink{attempt_, why});
  LinkGone(why);
  Log(LogLevel::kWarn, "agent_link_dropped",
      "connection to the LiveKit server dropped: " + why + "; next try in " + Seconds(retry_at_ - now_));
}

// First of all it gives back what the link held.
void Agent::LinkGone(const std::string& why) {
  const bool lasted = link_ == Link::kRegistered && now_ - registered_at_ >= kLastingRegistration;
  const bool stalled = Stalled();
  link_ = Link::kNone;
  read_out_by_ = kNever;
  broken_why_.clear();
  ReleaseOffers();
  outbox_.LinkLost();
  status_.last_error = why;
  BackOff(lasted);
  if (stalled) retry_at_ = now_;  // nothing is wrong with the server
}

// A draw between the minimum and a limit that doubles.
void Agent::BackOff(bool anew) {
  constexpr Duration kLeast = std::chrono::milliseconds(1);
  const Duration most = std::max(settings_.backoff_max, kLeast);
  const Duration least = std::clamp(settings_.backoff_min, kLeast, most);
  if (anew || backoff_ < least) backoff_ = least;
  backoff_ = backoff_ < most / 2 ? 2 * backoff_ : most;
  const double part = NextFraction(jitter_);
  const auto span = static_cast<double>((backoff_ - least).count());
  retry_at_ = Later(now_, least + Duration(static_cast<Duration::rep>(part * span)));
}

void Agent::ReconcileLink() {
  if (link_ == Link::kNone && now_ >= retry_at_ && !(closing_ && Flushed())) {
    link_ = Link::kConnecting;
    ++attempt_;
    register_said_ = false;
    sampled_ = false;
    received_ = 0;
    link_deadline_ = Later(now_, settings_.connect_timeout);
    actions_->emplace_back(OpenLink{attempt_});
  }
  if (link_ == Link::kRegistering && !register_said_) {
    register_said_ = true;
    SayWord(Register{agent_.type, agent_.name, ANDIRON_VERSION, agent_.permissions});
  }
}

void Agent::ReconcilePing() {
  if (link_ == Link::kRegistered && now_ >= ping_at_) SayPing();
}

void Agent::SayPing() {
  SayWord(Ping{++last_ping_});
  outbox_.ProofAsked(last_ping_);
  ping_at_ = Later(now_, settings_.ping_interval);
  if (pong_deadline_ == kNever) pong_deadline_ = Later(now_, settings_.ping_timeout);
}

}  // namespace andiron::livekit
