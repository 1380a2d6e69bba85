#include "worker/children/oom_kills.h"

#include <algorithm>

namespace andiron {

void OomGrowth::Sample(std::int64_t kills) {
  std::shift_right(samples_.begin(), samples_.end(), 1);
  samples_.front() = kills;
}

bool DiedForMemory(std::optional<std::int64_t> in_its_cgroup, bool takes_all, bool unexplained_kill,
                   const std::function<bool()>& machine_ran_out) {
  if (in_its_cgroup) return *in_its_cgroup > 0 && (takes_all || unexplained_kill);
  return unexplained_kill && machine_ran_out();
}

}  // namespace andiron
