#include "worker/children/memory_look.h"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "worker/children/proc_files.h"

namespace andiron {
namespace {

// What a look may cost for each round of rest that follows it: then many children with many threads take the loop some
// hundredths of its time, and so does one that shares a GiB with its forks.
constexpr std::size_t kThreadsPerRound = 16;
constexpr std::int64_t kBytesPerRound = std::int64_t{128} << 20;
constexpr std::int64_t kRestMax = 50;

// The lists of children of all its threads: each has those that it has started itself.
std::vector<std::string> ChildLists(pid_t pid) {
  std::vector<std::string> lists;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(tasks.c_str()), closedir);
  if (directory == nullptr) return lists;
  while (const dirent* entry = readdir(directory.get())) {
    if (entry->d_name[0] != '.') lists.push_back(tasks + entry->d_name + "/children");
  }
  return lists;
}

// Without the right to walk through its pages: as if it shared none.
std::int64_t OwnShare(pid_t pid) {
  const std::int64_t proportional = ProportionalBytes(pid);
  return proportional > 0 ? proportional : ResidentBytes(pid);
}

std::int64_t Sum(const std::vector<pid_t>& members, std::int64_t (*bytes)(pid_t)) {
  std::int64_t sum = 0;
  for (const pid_t member : members) sum += bytes(member);
  return sum;
}

}  // namespace

Family FamilyOf(std::vector<pid_t> roots, std::size_t most) {
  Family family{.members = std::move(roots)};
  std::vector<pid_t>& members = family.members;
  for (std::size_t at = 0; at < members.size() && family.threads < most; ++at) {
    for (const std::string& list : ChildLists(members[at])) {
      if (++family.threads > most) break;
      std::vector<pid_t> children = PidsIn(ReadSmallFile(list));
      children.resize(std::min(children.size(), most - std::min(most, members.size())));
      members.insert(members.end(), children.begin(), children.end());
    }
  }
  // One that has got a new parent meanwhile may be there twice.
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return family;
}

MemoryLook LookAtMemory(const Family& family, std::int64_t limit) {
  MemoryLook look{.bytes = Sum(family.members, ResidentBytes)};
  std::int64_t rest = static_cast<std::int64_t>(std::max(family.threads, family.members.size()) / kThreadsPerRound);
  if (look.bytes > limit) {
    // Forked processes share memory, which has been counted for each of them.
    rest += look.bytes / kBytesPerRound;
    look.bytes = Sum(family.members, OwnShare);
    look.over = look.bytes > limit;
    look.shared = !look.over;
  }
  look.rest = static_cast<int>(std::min(rest, kRestMax));
  return look;
}

}  // namespace andiron
