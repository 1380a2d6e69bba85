#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/sim/schedule.h"

int main(int argc, char** argv) {
  andiron::sim::Schedules schedules;
  const std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const bool trace = argc > 3;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::fprintf(stderr, "%s", ""); 
    const auto result = schedules.Run(seed, trace ? stdout : nullptr);
    if (!result.problem.empty()) { std::printf("seed %lu: %s\n", seed, result.problem.c_str()); std::fflush(stdout); }
  }
}
