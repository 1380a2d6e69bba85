// Small scope, whole: every order and every batching of a few facts around one initialize(), for one and two slots and
// none to two jobs. After each, the world turns kind and the worker must settle.
#ifndef ANDIRON_TESTS_SIM_EXHAUSTIVE_H_
#define ANDIRON_TESTS_SIM_EXHAUSTIVE_H_

#include <cstdint>
#include <string>

namespace andiron::sim {

struct ExhaustiveResult {
  std::int64_t schedules = 0;
  std::int64_t steps = 0;
  std::string problem;  // the first, with the order and the batches; "" = none
};

// Up to `facts_max` facts (4 to 7 are of use).
ExhaustiveResult RunExhaustive(int facts_max);

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_EXHAUSTIVE_H_
