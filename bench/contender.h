// What is measured: something that keeps children warm on a libuv loop and hands them jobs.
//
// Both sides run the same child program over the same protocol on the same loop, so that what differs is theirs.
// One thread; the loop must outlive a contender.
#ifndef ANDIRON_BENCH_CONTENDER_H_
#define ANDIRON_BENCH_CONTENDER_H_

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace andiron::bench {

// One pool. Replacements take the place of the child before, so that both sides have the same number of processes.
struct Plan {
  std::string child;  // the program
  int children = 1;
  bool reuse = true;     // false: a fresh child for each job
  int starting_max = 4;  // children that start at once
};

class Contender {
 public:
  // The output of the job. A job that ends otherwise ends the measurement: see failure().
  using Done = std::function<void(std::string_view output)>;

  virtual ~Contender() = default;
  virtual std::string_view name() const = 0;
  virtual void Submit(std::string payload, Done done) = 0;
  // Children that wait for a job now.
  virtual int Idle() = 0;
  // Starts to end all; then Gone() becomes true while the loop runs.
  virtual void Stop() = 0;
  virtual bool Gone() const = 0;
  // "" as long as everything went as it should.
  virtual std::string failure() const = 0;
};

std::unique_ptr<Contender> MakeBareLoop(uv_loop_t* loop, const Plan& plan);
std::unique_ptr<Contender> MakeAndiron(uv_loop_t* loop, const Plan& plan);

}  // namespace andiron::bench

#endif  // ANDIRON_BENCH_CONTENDER_H_
