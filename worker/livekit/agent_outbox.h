// How the jobs of one agent ended: kept until the server has provably read it, then remembered for a while.
//
// A server never acknowledges an end status. But it reads in order and answers pings: a pong proves that what was said
// before its ping, on the same link, has been read. Until then a status is said again on each new link.
//   - At most `limit` unread ends are kept; the oldest gives way. None is kept longer than `ttl`. Both are returned as
//     lost, once.
//   - Read and lost ends are remembered (kRememberedMax, kRememberedFor), so that a job assigned again is answered by
//     its end and doesn't run twice.
//   - Times are the caller's; nothing here reads a clock. Views and pointers handed out end with the next call.
#ifndef ANDIRON_WORKER_LIVEKIT_AGENT_OUTBOX_H_
#define ANDIRON_WORKER_LIVEKIT_AGENT_OUTBOX_H_

#include <andiron/time.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/livekit/words.h"

namespace andiron::livekit {

class Outbox {
 public:
  static constexpr std::size_t kRememberedMax = 2000;
  static constexpr Duration kRememberedFor = std::chrono::minutes(10);
  static constexpr Duration kRepeatDelay = std::chrono::milliseconds(250);
  // Said and not yet proved: with more, the next wait for a pong, so that a new link isn't flooded.
  static constexpr std::size_t kInFlightMax = 500;

  Outbox(int limit, Duration ttl);

  // The end of a job that isn't known. Not said before `not_before`; said twice if `doubtful`.
  void Add(TellJob end, TimePoint not_before, bool doubtful, TimePoint now);

  bool Knows(const std::string& job_id) const { return by_id_.contains(job_id); }
  // The server asks about a job whose end is known: it is said once more, and proved anew.
  void SayAgain(const std::string& job_id, TimePoint not_before, TimePoint now);

  // A new registration: all that is unread is to be said.
  void LinkRegistered();
  void LinkLost();

  // The next end to say now, or none. It counts as said.
  const TellJob* TakeDue(TimePoint now);
  // Something has been said that no ping covers yet.
  bool WantsProof() const { return !unproved_.empty(); }
  // A ping was said after all that was taken. `ping` grows with each.
  void ProofAsked(std::int64_t ping);
  // That ping was answered, and with it all before it.
  void Proved(std::int64_t ping, TimePoint now);

  // Keeps the bounds. The job ids of ends that gave way unread are appended to `lost`.
  void Expire(TimePoint as_of, std::vector<std::string>& lost);

  TimePoint NextDeadline() const;
  std::size_t size() const { return unread_.size(); }
  std::vector<std::string> UnreadIds() const;

  // "" or what is wrong.
  std::string CheckInvariants() const;

 private:
  using Number = std::uint64_t;
  struct End {
    TellJob word;
    TimePoint not_before;
    TimePoint until = kNever;  // unread: then lost; else: then forgotten
    TimePoint due = kNever;    // to be said on this link; its key in due_
    std::int64_t proof = 0;    // the ping that covers its last saying
    bool repeat = false;       // to be said once more after the next time
  };

  bool Unread(Number number) const { return unread_.contains(number); }
  bool Choked() const { return unproved_.size() + asked_.size() >= kInFlightMax; }
  void SetDue(Number number, End& end, TimePoint due);
  void SetUntil(Number number, End& end, TimePoint until);
  void Remember(Number number, TimePoint now);
  void Forget(Number number);

  std::size_t limit_;
  Duration ttl_;
  bool link_ = false;
  Number last_ = 0;
  std::unordered_map<Number, End> ends_;
  std::unordered_map<std::string, Number> by_id_;
  std::set<Number> unread_;                            // by age
  std::set<Number> remembered_;                        // the others
  std::set<std::pair<TimePoint, Number>> due_;         // some of the unread
  std::set<std::pair<TimePoint, Number>> untils_;      // of all
  std::vector<Number> unproved_;                       // said since the last ping
  std::deque<std::pair<std::int64_t, Number>> asked_;  // said, with the ping that follows
};

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_AGENT_OUTBOX_H_
