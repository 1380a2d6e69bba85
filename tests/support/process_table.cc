#include "tests/support/process_table.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace andiron {
namespace {

// By the library and not by opendir, which a test of the product may make fail.
std::vector<std::string> Entries(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error); !error && entry != end(entry); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

std::vector<pid_t> ProcessesMarked(std::string_view prefix) {
  const std::string wanted = std::string("ANDIRON_CHILD=") + std::string(prefix);
  std::vector<pid_t> pids;
  for (const std::string& name : Entries("/proc")) {
    const auto pid = static_cast<pid_t>(std::atoi(name.c_str()));
    if (pid <= 0 || pid == getpid()) continue;
    const std::string environment = '\0' + Contents("/proc/" + name + "/environ");
    if (environment.find('\0' + wanted) != std::string::npos && ProcessState(pid) != 'Z') pids.push_back(pid);
  }
  return pids;
}

std::vector<pid_t> ChildProcesses() {
  std::vector<pid_t> pids;
  for (const std::string& thread : Entries("/proc/self/task")) {
    std::istringstream list(Contents("/proc/self/task/" + thread + "/children"));
    for (pid_t pid = 0; list >> pid;) pids.push_back(pid);
  }
  return pids;
}

std::vector<pid_t> Zombies() {
  std::vector<pid_t> pids = ChildProcesses();
  std::erase_if(pids, [](pid_t pid) { return ProcessState(pid) != 'Z'; });
  return pids;
}

bool ProcessExists(pid_t pid) { return access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0; }

char ProcessState(pid_t pid) {
  const std::string stat = Contents("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t bracket = stat.rfind(')');
  return bracket == std::string::npos || bracket + 2 >= stat.size() ? '?' : stat[bracket + 2];
}

bool IgnoresSignal(pid_t pid, int number) {
  const std::string status = Contents("/proc/" + std::to_string(pid) + "/status");
  const std::string_view name = "\nSigIgn:\t";
  const std::size_t found = status.find(name);
  if (found == std::string::npos) return false;
  const unsigned long long ignored = std::strtoull(status.c_str() + found + name.size(), nullptr, 16);
  return (ignored >> (number - 1) & 1) != 0;
}

int OpenDescriptors() {
  // One of them is the directory's own.
  return static_cast<int>(Entries("/proc/self/fd").size()) - 1;
}

}  // namespace andiron
