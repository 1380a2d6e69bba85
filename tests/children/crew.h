// Children on a real loop, driven by hand: a test performs actions and waits for facts.
//
// Each crew has pools of its own name, so that what it leaves behind in the process table is found. Its destruction
// checks that nothing is: no handle, no zombie, no process.
#ifndef ANDIRON_TESTS_CHILDREN_CREW_H_
#define ANDIRON_TESTS_CHILDREN_CREW_H_

#include <andiron/settings.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jobs/fact.h"
#include "tests/support/loop.h"
#include "worker/base/log.h"
#include "worker/base/unique_fd.h"
#include "worker/children/children.h"
#include "worker/driver/inbox.h"

namespace andiron {

// A machine without a cgroup that we may write to can't run some tests; what happens there is tested as well.
bool CgroupsUsable();
inline constexpr char kNoCgroup[] = "no cgroup here that this user may write to";

// A pool whose children are fault-child with these arguments.
PoolSettings FaultPool(std::vector<std::string> arguments);

class Crew {
 public:
  struct Setup {
    bool allow_cgroup = false;
    bool adopt_orphans = true;
    bool keep = false;
    std::string worker_name = "crew";
    std::function<std::int64_t()> machine_oom_kills = {};
  };

  explicit Crew(std::vector<PoolSettings> pools, const Setup& setup);
  explicit Crew(PoolSettings pool) : Crew(std::vector<PoolSettings>{std::move(pool)}, Setup()) {}
  Crew(PoolSettings pool, const Setup& setup) : Crew(std::vector<PoolSettings>{std::move(pool)}, setup) {}
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  Children& children() { return *children_; }
  uv_loop_t* loop() { return &loop_; }
  const std::string& pool_name(std::uint32_t pool = 0) const { return pools_[pool].name; }

  // ---- actions ----
  ChildId Start(std::uint32_t slot = 0, std::uint32_t pool = 0);
  ChildId StartReady(std::uint32_t slot = 0, std::uint32_t pool = 0);
  // At once: as in a turn that ends with it.
  void Kill(ChildId child, Intent intent = Intent::kStopRequested);
  void Run(ChildId child, std::uint64_t job, std::string_view payload = "payload");

  // ---- waiting ----
  bool Await(const std::function<bool()>& condition, Duration patience = kTestPatience);
  template <typename F>
  bool Await(ChildId child, int count = 1) {
    return Await([=, this] { return Count<F>(child) >= count; });
  }
  // Its exit and its close, or its failed start.
  bool AwaitEnd(ChildId child);
  bool AwaitLog(std::string_view text);

  // ---- facts ----
  template <typename F>
  int Count(ChildId child) const {
    int count = 0;
    for (const Fact& fact : facts_) {
      const F* const known = std::get_if<F>(&fact);
      count += known != nullptr && known->child == child ? 1 : 0;
    }
    return count;
  }
  // The last of its kind, or nothing.
  template <typename F>
  std::optional<F> Last(ChildId child) const {
    std::optional<F> last;
    for (const Fact& fact : facts_) {
      const F* const known = std::get_if<F>(&fact);
      if (known != nullptr && known->child == child) last = *known;
    }
    return last;
  }
  const std::vector<Fact>& facts() const { return facts_; }
  pid_t PidOf(ChildId child) const;

  // All that has been logged so far.
  std::string LogText();
  // The number behind `word` in a line that a child has printed: "escapee 4711".
  pid_t PrintedPid(std::string_view word);

  // The autopsy of a child that has ended like this.
  Autopsy Examine(ChildId child, SlotState phase, Intent intent = Intent::kNone);

 private:
  void Collect();

  std::vector<PoolSettings> pools_;
  uv_loop_t loop_;
  UniqueFd log_file_;
  Log log_;
  Inbox inbox_;
  std::vector<Fact> facts_;
  std::vector<Fact> taken_;
  std::vector<ChildId> started_;
  std::uint32_t generation_ = 0;
  std::unique_ptr<Children> children_;
};

}  // namespace andiron

#endif  // ANDIRON_TESTS_CHILDREN_CREW_H_
