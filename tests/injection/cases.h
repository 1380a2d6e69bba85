// Which faults are tried: for each call its k-th time, once and from then on.
//
// The suite tries a sample; ANDIRON_INJECT=all tries each of them.
#ifndef ANDIRON_TESTS_INJECTION_CASES_H_
#define ANDIRON_TESTS_INJECTION_CASES_H_

#include <vector>

#include "tests/injection/calls.h"

namespace andiron::injection {

// `made`: how often a run makes the call when nothing fails.
std::vector<Fault> CasesOf(const Site& site, int made);

// A run that is told to fail with this would be told something that the kernel doesn't say for ever.
bool CanPersist(const Fault& fault);

}  // namespace andiron::injection

#endif  // ANDIRON_TESTS_INJECTION_CASES_H_
