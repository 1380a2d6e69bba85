#include "worker/children/proc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "worker/base/unique_fd.h"

namespace andiron {
namespace {

std::string ProcPath(pid_t pid, std::string_view file) {
  return "/proc/" + std::to_string(pid) + "/" + std::string(file);
}

std::string AdoptedPath() { return "/proc/self/task/" + std::to_string(getpid()) + "/children"; }

std::int64_t Number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string ReadSmallFile(const std::string& path, std::size_t bytes_max, bool* lacking) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  if (!file && lacking != nullptr) *lacking = *lacking || errno == EMFILE || errno == ENFILE || errno == ENOMEM;
  if (!file) return text;
  constexpr std::size_t kStep = 4096;
  while (text.size() < bytes_max) {
    const std::size_t before = text.size();
    text.resize(std::min(before + kStep, bytes_max));
    const ssize_t count = read(file.get(), text.data() + before, text.size() - before);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count <= 0) break;
  }
  return text;
}

std::string LineAfter(std::string_view text, std::string_view key) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key)) {
      line.remove_prefix(key.size());
      const std::size_t first = line.find_first_not_of(" \t");
      return first == std::string_view::npos ? std::string() : std::string(line.substr(first));
    }
    at = end + 1;
  }
  return {};
}

std::vector<pid_t> PidsIn(const std::string& list) {
  std::vector<pid_t> pids;
  for (const char* at = list.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (end == at) break;
    // 0: it lives in a namespace that we don't see into.
    if (pid > 0) pids.push_back(static_cast<pid_t>(pid));
    at = end;
  }
  return pids;
}

ProcessLook LookAt(pid_t pid) {
  ProcessLook look;
  const std::string status = ReadSmallFile(ProcPath(pid, "status"));
  look.state = LineAfter(status, "State:");
  look.memory_bytes = Number(LineAfter(status, "VmRSS:")) * 1024;
  look.memory_peak = Number(LineAfter(status, "VmHWM:")) * 1024;
  look.waiting_on = ReadSmallFile(ProcPath(pid, "wchan"), 256);
  if (look.waiting_on == "0") look.waiting_on.clear();
  return look;
}

std::int64_t ResidentBytes(pid_t pid) {
  const std::string statm = ReadSmallFile(ProcPath(pid, "statm"), 256);
  const std::size_t blank = statm.find(' ');
  return blank == std::string::npos ? 0 : Number(std::string_view(statm).substr(blank + 1)) * sysconf(_SC_PAGESIZE);
}

std::int64_t ProportionalBytes(pid_t pid) {
  return Number(LineAfter(ReadSmallFile(ProcPath(pid, "smaps_rollup"), 4096), "Pss:")) * 1024;
}

std::string EnvironmentOf(pid_t pid, std::string_view name, bool& lacking) {
  const std::string environment = ReadSmallFile(ProcPath(pid, "environ"), std::size_t{256} << 10, &lacking);
  std::string_view rest = environment;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string(entry.substr(name.size() + 1));
    }
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
  }
  return {};
}

std::vector<pid_t> AdoptedProcesses(bool& lacking) {
  return PidsIn(ReadSmallFile(AdoptedPath(), std::size_t{1} << 20, &lacking));
}

bool CanListAdopted() { return access(AdoptedPath().c_str(), R_OK) == 0; }

std::int64_t MachineOomKills() { return Number(LineAfter(ReadSmallFile("/proc/vmstat"), "oom_kill ")); }

}  // namespace andiron
