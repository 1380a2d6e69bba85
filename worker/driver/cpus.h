// How many CPUs this process may use: the default for how many children to keep warm.
#ifndef ANDIRON_WORKER_DRIVER_CPUS_H_
#define ANDIRON_WORKER_DRIVER_CPUS_H_

#include <string_view>

namespace andiron {

// The smaller of the affinity mask and the quotas of our cgroup and those above it (rounded up). At least 1.
int ContainerCpus();

// What a cpu.max file ("150000 100000", "max 100000") allows, rounded up; 0 = no limit, or unreadable.
int CpusOfQuota(std::string_view cpu_max);

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_CPUS_H_
