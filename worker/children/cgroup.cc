#include "worker/children/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "worker/children/proc_files.h"

namespace andiron {
namespace {

// How long to wait for the end of what has been killed: the kernel may hold it for longer.
constexpr int kRemoveTries = 50;
constexpr int kRemoveStepMs = 10;
constexpr std::string_view kWorkerMark = "andiron-";
// Directories of one name and pid.
constexpr int kTwinsMax = 100;

bool WriteFile(const std::string& path, std::string_view text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The mount point of cgroup2: field 5 of the line whose file system, after the " - ", is cgroup2.
std::string Cgroup2Mount() {
  const std::string mounts = ReadSmallFile("/proc/self/mountinfo", std::size_t{1} << 20);
  std::string_view rest = mounts;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.find(" - cgroup2 ") == std::string_view::npos) continue;
    for (int field = 1; field < 5; ++field) line.remove_prefix(line.find(' ') + 1);
    return std::string(line.substr(0, line.find(' ')));
  }
  return {};
}

std::vector<std::string> Subdirectories(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

// Letters, digits, '.' and what is `kept`; the rest becomes '_', so that no name leaves its directory.
std::string DirectoryName(std::string_view text, std::string_view kept = {}) {
  std::string name(text);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && kept.find(c) == std::string_view::npos) c = '_';
  }
  return name;
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The end of a worker's directory name: "PID" or "PID-TWIN". Whatever ends otherwise is none of ours.
bool IsOwner(std::string_view text) {
  const std::size_t dash = text.find('-');
  return IsDigits(text.substr(0, dash)) && (dash == std::string_view::npos || IsDigits(text.substr(dash + 1)));
}

// Who holds the lock owns the directory, in whichever namespace or container it lives: the kernel gives the lock back
// with its process. None if somebody holds it, or it can't be looked at.
UniqueFd LockCgroup(const std::string& path) {
  UniqueFd lock(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return lock && flock(lock.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(lock) : UniqueFd();
}

// Somebody who looked between mkdir and lock took the directory for a leftover, and has removed it.
bool IsAt(const UniqueFd& lock, const std::string& path) {
  struct stat locked{};
  struct stat found{};
  return fstat(lock.get(), &locked) == 0 && stat(path.c_str(), &found) == 0 && locked.st_ino == found.st_ino;
}

void KillAndRemove(const std::string& path) {
  if (RemoveCgroup(path)) return;
  KillCgroup(path);
  for (int i = 0; i < kRemoveTries && !RemoveCgroup(path); ++i) poll(nullptr, 0, kRemoveStepMs);
}

}  // namespace

std::string OwnCgroup() {
  const std::string mount = Cgroup2Mount();
  const std::string path = LineAfter(ReadSmallFile("/proc/self/cgroup"), "0::");
  if (mount.empty() || path.empty()) return {};
  return path == "/" ? mount : mount + path;
}

CgroupRoot::CgroupRoot(std::string_view worker_name, bool wanted)
    : parent_(wanted ? OwnCgroup() : std::string()),
      prefix_(std::string(kWorkerMark) + DirectoryName(worker_name) + "-") {
  if (parent_.empty()) return;
  const std::string path = MakeDirectory();
  if (path.empty()) return;
  // A directory that can be made but not entered is of no use.
  if (access((path + "/cgroup.procs").c_str(), W_OK) != 0 || access((path + "/cgroup.kill").c_str(), W_OK) != 0 ||
      access((parent_ + "/cgroup.procs").c_str(), W_OK) != 0) {
    rmdir(path.c_str());
    lock_.Reset();
    return;
  }
  path_ = path;
  // Refused while processes live directly in the parent, which then is where we are: limits need a delegated cgroup.
  WriteFile(parent_ + "/cgroup.subtree_control", "+memory");
  limits_memory_ = WriteFile(path_ + "/cgroup.subtree_control", "+memory");
}

// The name may be taken: by an earlier life with the same pid, by a process 1 of another namespace, or by a worker of
// this process, which may embed several of the same name.
std::string CgroupRoot::MakeDirectory() {
  const std::string first = parent_ + "/" + prefix_ + std::to_string(getpid());
  for (int twin = 0; twin < kTwinsMax; ++twin) {
    std::string path = twin == 0 ? first : first + "-" + std::to_string(twin);
    if (mkdir(path.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return {};
    }
    lock_ = LockCgroup(path);
    // Not there: another worker, which starts just now, has taken it for a dead one's and removed it.
    if (!lock_ && errno != EWOULDBLOCK && errno != ENOENT) {
      rmdir(path.c_str());
      return {};
    }
    if (lock_ && IsAt(lock_, path)) return path;
    lock_.Reset();
  }
  return {};
}

CgroupRoot::~CgroupRoot() {
  if (available()) KillAndRemove(path_);
}

std::string CgroupRoot::ChildPath(std::string_view child) const {
  // A pool's name may have dashes. Were they lost, children of "a-b" and "a_b" would share a directory and its kills.
  return available() ? path_ + "/" + DirectoryName(child, "-") : std::string();
}

void CgroupRoot::Kill() const {
  if (available()) KillCgroup(path_);
}

std::vector<std::string> CgroupRoot::KillLeftovers() const {
  std::vector<std::string> killed;
  if (!available()) return killed;
  for (const std::string& name : Subdirectories(parent_)) {
    // No worker's name has a '-' here: see DirectoryName.
    const std::size_t owner = name.find('-', kWorkerMark.size()) + 1;
    if (!name.starts_with(kWorkerMark) || owner == 0 || !IsOwner(std::string_view(name).substr(owner))) continue;
    const std::string path = parent_ + "/" + name;
    struct stat status{};
    if (stat(path.c_str(), &status) != 0 || status.st_uid != geteuid()) continue;
    const UniqueFd lock = LockCgroup(path);
    if (!lock) continue;
    if (!name.starts_with(prefix_)) {
      // Another dead worker's: whether anything in it should live is not for us to say, but an empty one is litter.
      RemoveCgroup(path);
      continue;
    }
    const bool populated = LineAfter(ReadSmallFile(path + "/cgroup.events"), "populated ") == "1";
    // They must not meet their successors.
    KillAndRemove(path);
    if (populated) killed.push_back(name);
  }
  return killed;
}

UniqueFd MakeChildCgroup(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return {};
  return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string LimitMemory(const std::string& path, std::int64_t bytes) {
  WriteFile(path + "/memory.swap.max", "0");  // not everywhere
  const std::pair<const char*, std::string> files[] = {
      {"/memory.max", std::to_string(bytes)},
      // One process too many takes its whole child with it: half a child is no use.
      {"/memory.oom.group", "1"},
  };
  for (const auto& [name, text] : files) {
    if (!WriteFile(path + name, text)) return path + name + ": " + std::generic_category().message(errno);
  }
  return {};
}

bool BuryCgroup(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return true;
  const UniqueFd lock = LockCgroup(path);
  if (lock) KillAndRemove(path);
  return static_cast<bool>(lock);
}

bool KillCgroup(const std::string& path) { return WriteFile(path + "/cgroup.kill", "1"); }

std::vector<pid_t> CgroupMembers(const std::string& path) { return PidsIn(ReadSmallFile(path + "/cgroup.procs")); }

std::optional<std::int64_t> CgroupOomKills(const std::string& path) {
  const std::string kills = LineAfter(ReadSmallFile(path + "/memory.events", 4096), "oom_kill ");
  return kills.empty() ? std::nullopt : std::optional<std::int64_t>(std::atoll(kills.c_str()));
}

std::int64_t CgroupMemoryPeak(const std::string& path) {
  return std::atoll(ReadSmallFile(path + "/memory.peak", 64).c_str());
}

bool RemoveCgroup(const std::string& path) {
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return true;
  // A child may have made cgroups of its own.
  for (const std::string& name : Subdirectories(path)) RemoveCgroup(path + "/" + name);
  return rmdir(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace andiron
