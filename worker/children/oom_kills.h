// Whether a child has died because the kernel had no memory left: what the kernel's counts of such kills say.
#ifndef ANDIRON_WORKER_CHILDREN_OOM_KILLS_H_
#define ANDIRON_WORKER_CHILDREN_OOM_KILLS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace andiron {

// Whether a count has grown lately. The machine's says neither whom the kernel has killed nor when: only a growth that
// has just been seen tells something about a child that has just died.
class OomGrowth {
 public:
  // Nothing that has been counted so far is new.
  void Restart(std::int64_t kills) { samples_.fill(kills); }
  // Once each period: what grows is new for two periods, and until the end of the third.
  void Sample(std::int64_t kills);
  bool IsNew(std::int64_t kills) const { return kills > samples_.back(); }

 private:
  // The newest first. So many since the kernel counts before it kills: a process of many GiB takes it seconds to end.
  std::array<std::int64_t, 3> samples_{};
};

// `in_its_cgroup`: kills there, none if nothing counts them. That count has the last word: it is about nobody else.
// Where such a kill `takes_all` of the child, one is enough. Where it took some descendant, perhaps long ago, and where
// only the machine can be asked, it explains a SIGKILL that nobody here has sent.
bool DiedForMemory(std::optional<std::int64_t> in_its_cgroup, bool takes_all, bool unexplained_kill,
                   const std::function<bool()>& machine_ran_out);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_OOM_KILLS_H_
