// The core under a driver that keeps no promise: any fact in any order about anybody that was spawned. It may decide as
// it likes, but keeps its invariants, never aborts, and ends every accepted job exactly once.
//
// Input: a program of core_world.h.
#include "tests/fuzz/core_world.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace andiron::fuzz;
  CoreWorld world({data, size}, Rule::kLawless);
  const std::string problem = world.Run();
  Require(problem.empty(), problem);
  return 0;
}
