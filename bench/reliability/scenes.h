// The measurements: how exactly a worker keeps its times while children misbehave, die and are many.
//
// Each scene runs a worker with real children, and returns its figures or why it failed. Times are wall clock as the
// worker's loop sees it: what else runs on the machine is in them.
#ifndef ANDIRON_BENCH_RELIABILITY_SCENES_H_
#define ANDIRON_BENCH_RELIABILITY_SCENES_H_

#include <string>
#include <vector>

namespace andiron::bench {

struct Figure {
  std::string what;
  double value = 0;
  std::string unit;
  double aim = 0;  // at most; 0 = none
  std::size_t samples = 0;
};

struct Findings {
  std::vector<Figure> figures;
  std::string failure;
};

// How much of each. The quick one is for a test that all of it works; its figures mean nothing.
struct Amount {
  int hung_children = 64;
  int hung_rounds = 32;
  int children = 1000;
  int deaths = 1000;
  int queued = 10000;
  int stall_seconds = 10;
  int stuck_children = 16;
  int stuck_seconds = 3;
  int neighbours = 63;
  int neighbour_rounds = 3;
  int neighbour_ms = 3000;

  static Amount Quick();
};

// From init_timeout until a start that never answers has settled, and until its slot is free.
Findings SettleOvershoot(const Amount& amount);
// From the SIGKILL of an idle child until its slot isn't Idle any more.
Findings DeathToNotIdle(const Amount& amount);
// How long the loop is away from its poll while every child works and the queue is full.
Findings LoopStall(const Amount& amount);
// The same while a child of another pool hangs before its exec for seconds.
Findings StuckStart(const Amount& amount);
// What a hostile child costs the jobs of the good ones beside it.
Findings HostileNeighbour(const Amount& amount);

// The value below which that share of the values lies; they are reordered.
double Quantile(std::vector<double>& values, double share);

}  // namespace andiron::bench

#endif  // ANDIRON_BENCH_RELIABILITY_SCENES_H_
