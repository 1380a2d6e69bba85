#include "tools/chaos_killer/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <set>

namespace andiron::chaos {
namespace {

// A pool's thread starts with its first child.
constexpr Duration kThreadsAgain = std::chrono::milliseconds(5);
constexpr std::size_t kListBytes = std::size_t{64} << 10;

std::set<pid_t> Numbers(std::string_view text) {
  std::set<pid_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    pid_t number = 0;
    const auto [after, error] = std::from_chars(at, end, number);
    if (error == std::errc()) numbers.insert(number);
    at = after == at ? at + 1 : after;
  }
  return numbers;
}

}  // namespace

bool Watch::Look(TimePoint now, std::vector<std::pair<pid_t, pid_t>>& fresh) {
  if (now - threads_found_ > kThreadsAgain) {
    if (!FindThreads()) return false;
    threads_found_ = now;
  }
  std::vector<pid_t> new_here;
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    new_here.clear();
    if (!LookAt(thread->second, now, new_here)) {
      thread = threads_.erase(thread);
      continue;
    }
    for (const pid_t pid : new_here) fresh.emplace_back(thread->first, pid);
    ++thread;
  }
  return true;
}

bool Watch::FindThreads() {
  const std::string folder = "/proc/" + std::to_string(worker_) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(folder.c_str()), closedir);
  if (directory == nullptr) return false;
  while (const dirent* entry = readdir(directory.get())) {
    const std::set<pid_t> number = Numbers(entry->d_name);
    if (number.empty() || *number.begin() == worker_ || threads_.contains(*number.begin())) continue;
    UniqueFd list(open((folder + "/" + entry->d_name + "/children").c_str(), O_RDONLY | O_CLOEXEC));
    if (list) threads_[*number.begin()].list = std::move(list);
  }
  return true;
}

// False: the thread has ended.
bool Watch::LookAt(Thread& thread, TimePoint now, std::vector<pid_t>& fresh) {
  text_.resize(kListBytes);
  const ssize_t length = pread(thread.list.get(), text_.data(), text_.size(), 0);
  if (length < 0) return false;
  const std::set<pid_t> there = Numbers({text_.data(), static_cast<std::size_t>(length)});
  std::erase_if(thread.children, [&](const auto& child) { return !there.contains(child.first); });
  for (const pid_t pid : there) {
    if (thread.children.try_emplace(pid, SeenChild{.pid = pid, .since = now}).second) fresh.push_back(pid);
  }
  return true;
}

std::vector<pid_t> Watch::ThreadsWithPrey() const {
  std::vector<pid_t> threads;
  for (const auto& [id, thread] : threads_) {
    for (const auto& [pid, child] : thread.children) {
      if (child.killed) continue;
      threads.push_back(id);
      break;
    }
  }
  return threads;
}

std::vector<SeenChild*> Watch::PreyOf(pid_t thread) {
  std::vector<SeenChild*> prey;
  for (auto& [pid, child] : threads_[thread].children) {
    if (!child.killed) prey.push_back(&child);
  }
  return prey;
}

SeenChild* Watch::Find(pid_t thread, pid_t pid) {
  const auto found = threads_.find(thread);
  if (found == threads_.end()) return nullptr;
  const auto child = found->second.children.find(pid);
  return child == found->second.children.end() ? nullptr : &child->second;
}

}  // namespace andiron::chaos
