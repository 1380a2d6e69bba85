// The core under a driver that keeps its promises, with everything that may be stale or foreign: no rule of
// docs/simulation.md is broken, and when the input is over the worker settles.
//
// Input: a program of core_world.h.
#include "tests/fuzz/core_world.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace andiron::fuzz;
  CoreWorld world({data, size}, Rule::kLawful);
  const std::string problem = world.Run();
  Require(problem.empty(), problem);
  return 0;
}
