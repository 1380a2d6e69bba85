#include "worker/children/oom_score.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "worker/base/unique_fd.h"

namespace andiron {
namespace {

constexpr int kOomScoreMax = 1000;  // the kernel's

}  // namespace

std::optional<int> ChildOomScore(std::string_view worker) {
  int own = 0;
  if (std::from_chars(worker.data(), worker.data() + worker.size(), own).ec != std::errc()) return std::nullopt;
  return std::min(std::max(own, 0) + kOomScoreAboveWorker, kOomScoreMax);
}

void SetOomScore(pid_t pid, int score) {
  const std::string path = "/proc/" + std::to_string(pid) + "/oom_score_adj";
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return;
  const std::string text = std::to_string(score);
  [[maybe_unused]] const ssize_t written = write(file.get(), text.data(), text.size());
}

}  // namespace andiron
