#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "bench/reliability/scenes.h"
#include "bench/reliability/stage.h"

namespace andiron::bench {
namespace {

constexpr Duration kInitTimeout = std::chrono::milliseconds(500);

// Follows every start from outside of the core: by the status that each turn leaves.
class SettleWatch {
 public:
  void Look(const PoolStatus& pool, TimePoint now) {
    std::map<ChildId, SlotState> there;
    for (const ChildStatus& child : pool.children) {
      there[child.child] = child.state;
      if (child.state == SlotState::kStarting) starts_.try_emplace(child.child, Start{child.since + kInitTimeout});
    }
    for (auto start = starts_.begin(); start != starts_.end();) {
      const auto found = there.find(start->first);
      const double late = Milliseconds(now - start->second.due);
      if (!start->second.settled && (found == there.end() || found->second != SlotState::kStarting)) {
        start->second.settled = true;
        settled_ms.push_back(late);
      }
      if (found != there.end()) {
        ++start;
        continue;
      }
      free_ms.push_back(late);
      start = starts_.erase(start);
    }
  }

  std::vector<double> settled_ms;
  std::vector<double> free_ms;

 private:
  struct Start {
    TimePoint due;
    bool settled = false;
  };
  std::map<ChildId, Start> starts_;
};

}  // namespace

Findings SettleOvershoot(const Amount& amount) {
  PoolSettings pool = PoolOf({Program("fault-child"), "never-ready"}, amount.hung_children);
  pool.max_starting = amount.hung_children;
  pool.init_timeout = kInitTimeout;
  pool.breaker_failures = 0;
  pool.backoff_min = std::chrono::milliseconds(1);
  pool.backoff_max = std::chrono::milliseconds(20);
  Stage stage(WorkerOf({std::move(pool)}));
  SettleWatch watch;
  stage.OnTurn([&](TimePoint now) { watch.Look(stage.Pool(), now); });
  const auto wanted = static_cast<std::size_t>(amount.hung_children) * static_cast<std::size_t>(amount.hung_rounds);
  if (!stage.RunUntil("hung children don't settle", [&] { return watch.free_ms.size() >= wanted; }) || !stage.Stop()) {
    return {{}, stage.failure()};
  }
  const std::string settled = "settled after init_timeout, 64 hung children, ";
  const std::string free = "slot free after init_timeout, ";
  std::vector<double>& s = watch.settled_ms;
  std::vector<double>& f = watch.free_ms;
  return {{{settled + "p50", Quantile(s, 0.5), "ms", 0, s.size()},
           {settled + "p99", Quantile(s, 0.99), "ms", 0, s.size()},
           {settled + "p99.9", Quantile(s, 0.999), "ms", 20, s.size()},
           {settled + "p100", Quantile(s, 1), "ms", 250, s.size()},
           {free + "p50", Quantile(f, 0.5), "ms", 0, f.size()},
           {free + "p99.9", Quantile(f, 0.999), "ms", 0, f.size()},
           {free + "p100", Quantile(f, 1), "ms", 0, f.size()}},
          ""};
}

}  // namespace andiron::bench
