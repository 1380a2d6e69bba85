// The bookkeeping of `andiron run`: which payloads are under way, what may be read next, and what is to be printed.
//
// Pure. Promises: the texts come in input order if `ordered`; memory is bounded by `bytes_max` plus one payload and one
// result, however slow the first job is: HasRoom says when to read no more. Job numbers count from 1 in input order.
#ifndef ANDIRON_TOOLS_ANDIRON_BATCH_H_
#define ANDIRON_TOOLS_ANDIRON_BATCH_H_

#include <andiron/worker.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace andiron {

struct BatchOptions {
  bool ordered = true;
  bool json = false;  // every job is an object; else results as they are, and only of those that succeeded
  int flight_max = 1;
  std::int64_t held_max = 10000;                  // jobs begun after the first whose result isn't printed
  std::size_t bytes_max = std::size_t{64} << 20;  // of payloads under way and results that wait
};

struct BatchCounts {
  std::array<std::int64_t, kOutcomeCount> outcomes{};
  std::int64_t refused = 0;  // for good
  std::int64_t in_flight = 0;

  std::int64_t succeeded() const { return outcomes[static_cast<std::size_t>(Outcome::kSucceeded)]; }
  std::int64_t done() const;  // with whatever end
  std::int64_t failed() const { return done() - succeeded(); }
};

class Batch {
 public:
  explicit Batch(const BatchOptions& options) : options_(options) {}

  // Whether one more payload may be read, while `unwritten` bytes of earlier texts wait for who reads them.
  bool HasRoom(std::size_t unwritten) const;

  // A payload was read, at `place` ("names.txt:3"). The job's number; Next() will give it.
  std::int64_t Add(std::string place, std::string payload);

  // What to submit next: new jobs, and those refused for now.
  bool has_next() const { return !waiting_.empty(); }
  struct Submission {
    std::int64_t number;
    std::string payload;
  };
  Submission Next();

  // The report of a job that Next gave. False: it was refused for now and waits in Next() again.
  bool End(std::int64_t number, const JobReport& report);

  // For us a job that Next gave has ended well without a report: `text` is its result.
  void EndWith(std::int64_t number, std::string text);

  // Nothing new follows: forgets the jobs that have not ended, so that those behind them are printed. How many it
  // forgot.
  std::int64_t DropUnfinished();

  const std::string& place(std::int64_t number) const { return jobs_.at(number).place; }

  // What is to be written since the last call: results (stdout), and a line for each failure (stderr).
  std::string TakeOutput();
  std::string TakeErrors();

  const BatchCounts& counts() const { return counts_; }
  // Every job that was added has ended, and its text been taken.
  bool idle() const { return jobs_.empty() && output_.empty() && errors_.empty(); }

 private:
  struct Job {
    std::string place;
    std::string payload;
    std::optional<std::string> text;  // for stdout, once it has ended
  };

  void Record(std::int64_t number, const JobReport& report);
  void Print(std::map<std::int64_t, Job>::iterator job, std::string text);

  BatchOptions options_;
  std::map<std::int64_t, Job> jobs_;  // added, not printed
  std::deque<std::int64_t> waiting_;
  std::int64_t last_ = 0;
  std::size_t bytes_ = 0;  // of payloads and texts in jobs_
  std::string output_;
  std::string errors_;
  BatchCounts counts_;
};

// {"id":"3","input":"names.txt:3","outcome":"SUCCEEDED",...}, one line; `input` may be empty. A refused job's outcome
// is "REFUSED".
std::string JobJson(std::string_view id, std::string_view input, const JobReport& report);

// {"id":"3","input":"names.txt:3","outcome":"ACCEPTED"}, one line: of a job that nobody waits for.
std::string AcceptedJson(std::string_view id, std::string_view input);

// "job 3 (names.txt:3): FAILED: the child's words (default/4.1, after 20ms)", one or more lines for stderr.
std::string FailureText(std::string_view id, std::string_view input, const JobReport& report);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_BATCH_H_
