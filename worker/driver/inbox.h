// Where libuv callbacks leave what they saw, until the turn's one Step takes it all.
//
// Post() on an empty inbox runs `wake`, so that the loop doesn't sleep on facts that nobody will handle:
// the driver starts its uv_idle there. Place 0 is kept free for the turn's clock, so that no fact has to move for it.
// One thread.
#ifndef ANDIRON_WORKER_DRIVER_INBOX_H_
#define ANDIRON_WORKER_DRIVER_INBOX_H_

#include <functional>
#include <utility>
#include <vector>

#include "jobs/fact.h"

namespace andiron {

class Inbox {
 public:
  explicit Inbox(std::function<void()> wake) : facts_(1), wake_(std::move(wake)) {}

  void Post(Fact fact) {
    const bool was_empty = empty();
    facts_.push_back(std::move(fact));
    if (was_empty) wake_();
  }

  bool empty() const { return facts_.size() == 1; }

  // Swaps the facts with `taken`, whose old ones go; both keep their memory from turn to turn. The first is a
  // TimeRead, to be filled in.
  void Take(std::vector<Fact>& taken) {
    taken.resize(1);
    taken.swap(facts_);
  }

 private:
  std::vector<Fact> facts_;
  std::function<void()> wake_;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_INBOX_H_
