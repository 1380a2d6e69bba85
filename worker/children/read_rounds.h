// How many channels one turn of the loop reads, so that it stays short however many children have something to say.
// (Those of children that have exited are read beside, to their end.)
//
// Who is turned away comes in the next turns, before anybody is read a second time. The round is over with the turn
// that turns nobody away: all that was readable when it began has been read. Only then may the core's clock (as_of)
// move on to that moment: no verdict falls while its refutation lies unread.
//
// Loop's thread.
#ifndef ANDIRON_WORKER_CHILDREN_READ_ROUNDS_H_
#define ANDIRON_WORKER_CHILDREN_READ_ROUNDS_H_

#include <cstdint>

namespace andiron {

class ReadRounds {
 public:
  // A thousand children that answer at once kept the loop for 50 to 100 ms on two cores that they need, too; so many
  // keep it for 3 to 6 (bench/reliability/crowd.cc).
  static constexpr int kReadsPerTurn = 48;
  // A channel that was turned away stays readable, and libuv polls again, up to 48 times a turn, while it finds 1,024
  // readable descriptors. So beyond this many the turn reads all.
  static constexpr int kTurnedAwayMax = 900;

  // Whether a channel may be read in this turn. `last`: the round in which it was read last; 0 = never.
  bool Admit(std::uint64_t& last) {
    const bool again = last == round_;
    if (turned_away_ < kTurnedAwayMax && (again || left_ == 0)) {
      ++turned_away_;
      unread_ = unread_ || !again;
      return false;
    }
    if (left_ > 0) --left_;
    last = round_;
    return true;
  }

  // After the reads of a turn; true = and of the round.
  bool EndTurn() {
    const bool over = !unread_;
    if (over) ++round_;
    left_ = kReadsPerTurn;
    turned_away_ = 0;
    unread_ = false;
    return over;
  }

 private:
  std::uint64_t round_ = 1;
  int left_ = kReadsPerTurn;
  int turned_away_ = 0;
  bool unread_ = false;  // one that was turned away hasn't been read in this round
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_READ_ROUNDS_H_
