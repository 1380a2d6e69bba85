// How long `andiron submit --lines` goes on to try what is refused for now. Pure.
//
// It doesn't run out while a job of ours is under way: start_by and run_for bound that job, and its end makes room.
// Else it lasts for `most` from the first of the refusals in a row. A sign of life ends a row, and so does a pause of
// more than `most` in which nothing was tried, because there was nothing to submit.
#ifndef ANDIRON_TOOLS_ANDIRON_PATIENCE_H_
#define ANDIRON_TOOLS_ANDIRON_PATIENCE_H_

#include <andiron/time.h>

#include <optional>

namespace andiron {

class Patience {
 public:
  explicit Patience(Duration most) : most_(most) {}

  // A sign of life: a job was accepted, or has ended.
  void Renew() { row_began_.reset(); }

  // A refusal came that asks to try again after `retry_after`: whether to.
  bool Lasts(TimePoint now, Duration retry_after, bool job_under_way) {
    if (job_under_way) {
      Renew();
      return true;
    }
    if (!row_began_.has_value() || now - next_try_ > most_) row_began_ = now;
    next_try_ = Later(now, retry_after);
    return now - *row_began_ <= most_;
  }

 private:
  Duration most_;
  std::optional<TimePoint> row_began_;
  TimePoint next_try_{};  // after the row's last
};

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_PATIENCE_H_
