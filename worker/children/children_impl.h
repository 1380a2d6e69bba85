// Children's inside: who owns which child, and the work that belongs to none of them.
//
// A child is found by its ChildId in O(1): by pool and slot, then by generation. One that is given up (quarantined)
// while a new generation takes its slot moves to a list of its own.
#ifndef ANDIRON_WORKER_CHILDREN_CHILDREN_IMPL_H_
#define ANDIRON_WORKER_CHILDREN_CHILDREN_IMPL_H_

#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/base/uv_handle.h"
#include "worker/children/cgroup.h"
#include "worker/children/child.h"
#include "worker/children/children.h"
#include "worker/children/keeper.h"
#include "worker/children/log_brake.h"
#include "worker/children/orphans.h"
#include "worker/children/spawner.h"
#include "worker/children/stop_command.h"

namespace andiron {

class Children::Impl final : public ChildOwner {
 public:
  Impl(uv_loop_t* loop, Inbox& inbox, Log& log, const std::vector<PoolSettings>& pools, const Options& options);
  ~Impl();

  Containment containment() const;
  void Start(ChildId id);
  // The child whose generation it is; null if it is gone.
  Child* Find(ChildId id);
  // The same, for an action that writes: Flush will come to it.
  Child* FindToWrite(ChildId id);
  void AskToStop(ChildId id);
  void Kill(ChildId id);
  void Abandon(ChildId id);
  bool EndReads() { return read_rounds_.EndTurn(); }
  void Flush();
  Autopsy Examine(const ReportDeath& death);
  void KillEverything();
  int live() const;
  std::int64_t log_lines_dropped() const;

 private:
  struct Place {
    std::unique_ptr<Child> child;
    std::uint32_t generation_latest = 0;
    bool dirty = false;
  };

  void OnExit(Child& child) override;
  bool MachineRanOutOfMemory() override;
  LogBrake& log_brake() override { return log_brake_; }
  ReadRounds& read_rounds() override { return read_rounds_; }

  void OnLaunched(std::unique_ptr<Launch> launch);
  void KillDoomed();
  void RunStopCommand(Child& child);
  void OnStopCommandDone(StopCommand& command, const std::string& failure);
  void StartOrphans();
  bool Ended(std::string_view name);
  void OnHalted(pid_t pid, bool halted);
  void RemoveChildCgroup(const std::string& path);
  void Forget(ChildId id);
  void ForgetFinished();
  void KeepHouse();
  void WantHousekeeping();
  void LogDegraded(const Launch& launch);
  template <typename Function>
  void ForEachChild(Function function) const;

  uv_loop_t* const loop_;
  Inbox& inbox_;
  Log& log_;
  const Options options_;
  LogBrake log_brake_;
  ReadRounds read_rounds_;
  std::vector<std::unique_ptr<ChildPool>> pools_;
  std::vector<std::vector<Place>> places_;                      // by pool and slot
  std::vector<std::unique_ptr<Child>> given_up_;                // their slots have gone on without them
  std::vector<ChildId> examined_;                               // reported before they had ended
  std::vector<std::pair<std::uint32_t, std::uint32_t>> dirty_;  // pool and slot of children with frames to write
  std::vector<ChildId> doomed_;                                 // to be killed by the next Flush
  std::vector<std::unique_ptr<StopCommand>> stop_commands_;
  std::vector<std::string> cgroups_to_remove_;  // still occupied by the dying
  std::optional<Keeper> keeper_;                // ends after the cgroups, which it would tidy up in our stead
  CgroupRoot cgroups_;
  std::optional<Orphans> orphans_;
  UvHandle<uv_timer_t> housekeeping_;
  bool watch_memory_ = false;
  bool degraded_said_ = false;
  std::int64_t machine_oom_kills_ = 0;
  std::int64_t log_lines_dropped_ = 0;  // by children that are forgotten
  Spawner spawner_;                     // last: its helpers end before anything that they use
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHILDREN_IMPL_H_
