// The measurements: each scene starts a contender, lets it work, stops it and writes down figures.
//
// A scene's figures are medians and quantiles within one run; the caller repeats scenes in turn for both sides and
// takes the median over the rounds, so that a slow minute of the machine hits both. Times are CLOCK_MONOTONIC, which a
// child and its worker share. Every wait is bounded: a side that gets stuck ends the bench with what it waited for.
#ifndef ANDIRON_BENCH_MEASURE_H_
#define ANDIRON_BENCH_MEASURE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/contender.h"

namespace andiron::bench {

// How much of each. The quick one is for a test that all of it works; its figures mean nothing.
struct Effort {
  int warm_up_jobs = 500;
  int latency_jobs = 2000;
  int quiet_jobs = 30;
  int quiet_ms = 30;
  int fresh_jobs = 40;  // latency of one job per child
  int fresh_quiet_ms = 50;
  int replenish_jobs = 60;
  int rate_ms = 800;
  std::vector<int> rate_children = {10, 100, 1000};
  int fresh_children = 10;

  static Effort Quick();
};

// Writes one figure down. `name` says the measure, unit last: "reused_10_entry_p50_us".
using Sink = std::function<void(std::string name, double value)>;

using Maker = std::unique_ptr<Contender> (*)(uv_loop_t* loop, const Plan& plan);

struct Scene {
  std::string name;
  // "" or why it failed.
  std::function<std::string(Maker make, const Sink& sink)> run;
};

std::vector<Scene> Scenes(const std::string& child, const Effort& effort);

double Quantile(std::vector<double> values, double q);

}  // namespace andiron::bench

#endif  // ANDIRON_BENCH_MEASURE_H_
