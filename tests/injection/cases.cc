#include "tests/injection/cases.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace andiron::injection {
namespace {

// Of a call that is made very often, the first times are tried and then fewer and fewer.
constexpr int kEachUpTo = 12;

bool All() {
  const char* const wanted = std::getenv("ANDIRON_INJECT");
  return wanted != nullptr && std::string_view(wanted) == "all";
}

// Which times fail: all of the first ones, then every second, fourth ...; in the sample the first, one in the middle
// and the last.
std::vector<int> Occurrences(int made) {
  std::vector<int> tried;
  if (!All()) {
    for (const int occurrence : {1, made / 2, made}) {
      if (occurrence > 0 && std::find(tried.begin(), tried.end(), occurrence) == tried.end())
        tried.push_back(occurrence);
    }
    return tried;
  }
  int step = 1;
  for (int occurrence = 1; occurrence <= made; occurrence += step) {
    tried.push_back(occurrence);
    if (occurrence >= kEachUpTo) step *= 2;
  }
  return tried;
}

}  // namespace

bool CanPersist(const Fault& fault) {
  // Nobody interrupts a call each time that it is made, or takes every status.
  return fault.error != EINTR && fault.error != ECHILD;
}

std::vector<Fault> CasesOf(const Site& site, int made) {
  std::vector<Fault> cases;
  std::size_t next = 0;
  for (const int occurrence : Occurrences(made)) {
    // The sample takes the errors in turn.
    const std::vector<int> errors = All() ? site.errors : std::vector{site.errors[next++ % site.errors.size()]};
    for (const int error : errors) cases.push_back({site.call, occurrence, error, false});
  }
  for (const int error : site.errors) {
    const Fault fault{site.call, 1, error, true};
    if (!cases.empty() && CanPersist(fault) && (All() || cases.back().persists == false)) cases.push_back(fault);
  }
  return cases;
}

}  // namespace andiron::injection
