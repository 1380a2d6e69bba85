// The worlds of andiron-simulate beside the worker's core.
#ifndef ANDIRON_TOOLS_SIMULATE_WORLDS_H_
#define ANDIRON_TOOLS_SIMULATE_WORLDS_H_

#include <cstdint>

struct WorldOptions {
  std::uint64_t seeds = 0;
  std::uint64_t first = 1;
  std::uint64_t seed = 0;  // to replay, if `one`
  int jobs = 1;
  bool one = false;
  bool trace = false;
  bool quiet = false;
};

// The agent at a LiveKit server. Returns the exit code.
int SimulateLivekit(const WorldOptions& options);

#endif  // ANDIRON_TOOLS_SIMULATE_WORLDS_H_
