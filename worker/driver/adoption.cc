#include "worker/driver/adoption.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>

namespace andiron {
namespace {

std::atomic<bool> taken{false};

bool ProcessAdopts() {
  int subreaper = 0;
  return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
}

}  // namespace

Adoption::~Adoption() {
  if (claimed_) taken = false;
}

bool Adoption::Claim() {
  if (!ProcessAdopts()) return true;
  claimed_ = !taken.exchange(true);
  return claimed_;
}

}  // namespace andiron
