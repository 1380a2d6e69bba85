#include "worker/driver/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace andiron {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

int CpusOfMask() {
  // The kernel refuses a mask that is smaller than its own; machines with more CPUs than this don't exist.
  constexpr int kCpusMax = 16384;
  cpu_set_t* mask = CPU_ALLOC(kCpusMax);
  if (mask == nullptr) return 1;
  const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
  const int count = sched_getaffinity(0, size, mask) == 0 ? CPU_COUNT_S(size, mask) : 1;
  CPU_FREE(mask);
  return count;
}

// Our place in the unified hierarchy: "/system.slice/andiron.service".
std::string OwnCgroup() {
  std::istringstream lines(ReadFile("/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return line.substr(3);
  }
  return "/";
}

int CpusOfCgroups() {
  int least = std::numeric_limits<int>::max();
  std::string group = OwnCgroup();
  for (;;) {
    if (const int cpus = CpusOfQuota(ReadFile("/sys/fs/cgroup" + group + "/cpu.max")); cpus > 0) {
      least = std::min(least, cpus);
    }
    if (group.empty() || group == "/") break;
    group.resize(group.rfind('/'));
  }
  // The first hierarchy says the same in two files.
  const std::string quota = ReadFile("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  const std::string period = ReadFile("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (const int cpus = CpusOfQuota(quota.substr(0, quota.find('\n')) + " " + period); cpus > 0) {
    least = std::min(least, cpus);
  }
  return least;
}

}  // namespace

int CpusOfQuota(std::string_view cpu_max) {
  long long quota = 0;
  long long period = 0;
  const char* end = cpu_max.data() + cpu_max.size();
  const auto first = std::from_chars(cpu_max.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end || quota <= 0) return 0;
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || period <= 0) return 0;
  const long long cpus = quota / period + (quota % period != 0 ? 1 : 0);
  return static_cast<int>(std::min<long long>(cpus, std::numeric_limits<int>::max()));
}

int ContainerCpus() { return std::max(1, std::min(CpusOfMask(), CpusOfCgroups())); }

}  // namespace andiron
