// How many channels one turn of the loop reads, so that it stays short however many children have something to say.
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
  // A thousand children that answer at once keep the loop for 50 to 80 ms on two cores that they need, too; so many
  // for 7 ms (bench/reliability/crowd.cc).
  static constexpr int kReadsPerTurn = 48;

  // Whether a channel may be read in this turn. `last`: the round in which it was read last; 0 = never.
  bool Admit(std::uint64_t& last) {
    if (last == round_) return false;
    if (left_ == 0) {
      turned_away_ = true;
      return false;
    }
    --left_;
    last = round_;
    return true;
  }

  // After the reads of a turn; true = and of the round.
  bool EndTurn() {
    const bool over = !turned_away_;
    if (over) ++round_;
    left_ = kReadsPerTurn;
    turned_away_ = false;
    return over;
  }

 private:
  std::uint64_t round_ = 1;
  int left_ = kReadsPerTurn;
  bool turned_away_ = false;
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_READ_ROUNDS_H_
