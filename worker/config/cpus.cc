#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "worker/config/config.h"

namespace andiron {
namespace {

// CPUs of a quota for each period, rounded up; 0 = without a limit.
int QuotaCpus(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::min<std::int64_t>((quota - 1) / period + 1, 1 << 20));
}

// cpu.max of cgroup v2: "200000 100000" or "max 100000". The root has none.
int CpuMax(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::int64_t quota = 0;
  std::int64_t period = 0;
  return file >> quota >> period ? QuotaCpus(quota, period) : 0;
}

// Our cgroup's path within v2, "" where there is none: the line "0::/path".
std::string CgroupPath() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return {};
}

int CgroupCpus() {
  const std::string root = "/sys/fs/cgroup";
  std::ifstream quota_file(root + "/cpu/cpu.cfs_quota_us");
  std::ifstream period_file(root + "/cpu/cpu.cfs_period_us");
  std::int64_t quota = 0;
  std::int64_t period = 0;
  int least = quota_file >> quota && period_file >> period ? QuotaCpus(quota, period) : 0;
  // The least of our group and all above it counts.
  for (std::string path = CgroupPath(); !path.empty();) {
    const int cpus = CpuMax(root + path);
    if (cpus > 0 && (least == 0 || cpus < least)) least = cpus;
    path.erase(path.rfind('/'));
  }
  return least;
}

}  // namespace

int ContainerCpus() {
  const int usable = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const int quota = CgroupCpus();
  return quota > 0 ? std::min(usable, quota) : usable;
}

}  // namespace andiron
