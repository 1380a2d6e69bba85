// Children's inside: carries out what the core has decided about children, and does the work that belongs to none of
// them.
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
#include "worker/children/child_table.h"
#include "worker/children/children.h"
#include "worker/children/keeper.h"
#include "worker/children/log_brake.h"
#include "worker/children/oom_watch.h"
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
  ChildTable& table() { return children_; }
  void AskToStop(ChildId id);
  void Kill(ChildId id);
  void Abandon(ChildId id);
  bool EndReads();
  void Flush();
  Autopsy Examine(const ReportDeath& death);
  void LetLoopEnd();
  void KillEverything();

 private:
  void OnExit(Child& child) override;
  bool MachineRanOutOfMemory() override;
  LogBrake& log_brake() override { return log_brake_; }
  ReadRounds& read_rounds() override { return read_rounds_; }

  void OnLaunched(std::unique_ptr<Launch> launch);
  void KillDoomed();
  void Withdraw(const Child& child);
  void RunStopCommand(Child& child);
  void OnStopCommandDone(StopCommand& command, const std::string& failure);
  void StartOrphans();
  bool Ended(std::string_view name);
  void OnHalted(pid_t pid, bool halted);
  void LookWhoGoesOn();
  void RemoveChildCgroup(const std::string& path);
  void KeepHouse();
  void CheckMemory();
  void WantHousekeeping();
  void OnDegraded(const Launch& launch);

  uv_loop_t* const loop_;
  Inbox& inbox_;
  Log& log_;
  const Options options_;
  LogBrake log_brake_;
  ReadRounds read_rounds_;
  std::vector<std::unique_ptr<ChildPool>> pools_;
  ChildTable children_;
  std::vector<ChildId> doomed_;  // to be killed by the next Flush
  std::vector<std::unique_ptr<StopCommand>> stop_commands_;
  std::vector<std::string> cgroups_to_remove_;  // still occupied by the dying
  std::optional<Keeper> keeper_;                // ends after the cgroups, which it would tidy up in our stead
  CgroupRoot cgroups_;
  std::optional<Orphans> orphans_;
  UvHandle<uv_timer_t> housekeeping_;
  OomWatch oom_watch_;
  bool watch_memory_ = false;
  bool any_halted_ = false;      // of the children, perhaps
  bool machine_counts_ = false;  // some children have no cgroup that counts out-of-memory kills: the machine's must do
  bool degraded_said_ = false;
  bool unlimited_said_ = false;
  Spawner spawner_;  // last: its helpers end before anything that they use
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHILDREN_IMPL_H_
