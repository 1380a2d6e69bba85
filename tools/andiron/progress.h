// What `andiron run` says about itself on stderr: the line that a terminal shows live, and the last line. Pure.
#ifndef ANDIRON_TOOLS_ANDIRON_PROGRESS_H_
#define ANDIRON_TOOLS_ANDIRON_PROGRESS_H_

#include <andiron/time.h>

#include <optional>
#include <string>

#include "tools/andiron/batch.h"

namespace andiron {

// Jobs per second lately, so that the guess of what is left follows what happens now.
class Pace {
 public:
  // Called now and then with the time since the start and the jobs done by then.
  void Note(Duration since_start, std::int64_t done);
  double per_second() const { return rate_; }

 private:
  Duration last_time_{};
  std::int64_t last_done_ = 0;
  double rate_ = 0;
};

// "120 done, 8 running, 1 failed, 52/s, 45%, 1m 20s left", at most `columns` wide. `fraction` of the input that has
// been read and finished, where its size is known.
std::string ProgressLine(const BatchCounts& counts, double per_second, std::optional<double> fraction,
                         Duration since_start, std::size_t columns);

// "998 of 1000 jobs succeeded, 1 FAILED, 1 CHILD_CRASHED; 2.3s, 434/s"
std::string SummaryLine(const BatchCounts& counts, Duration since_start);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_PROGRESS_H_
