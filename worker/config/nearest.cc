#include <algorithm>
#include <vector>

#include "worker/config/config.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

constexpr std::size_t kWordMax = 64;

// Letters to add, drop, replace or swap with their neighbour to make one word of the other.
std::size_t Distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> before(to.size() + 1);
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> now(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[to.size()];
}

// Dashes and capitals are no mistakes to count.
std::string Plain(std::string_view word) {
  std::string plain = Lower(word);
  std::replace(plain.begin(), plain.end(), '-', '_');
  return plain;
}

// The nearest of those that are at most so far from it.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates, std::size_t farthest) {
  if (word.empty() || word.size() > kWordMax) return {};
  const std::string plain = Plain(word);
  std::string nearest;
  std::size_t least = farthest + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordMax) continue;
    const std::size_t distance = Distance(plain, Plain(candidate));
    if (distance >= least || distance >= candidate.size()) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace

std::string NearestName(std::string_view word, const std::vector<std::string>& candidates) {
  return Nearest(word, candidates, std::min<std::size_t>(3, word.size() / 3 + 1));
}

std::string AlmostName(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLong = 8;
  return Nearest(word, candidates, word.size() < kLong ? 1 : 2);
}

}  // namespace andiron
