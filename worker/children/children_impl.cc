#include "worker/children/children_impl.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "worker/children/child_stub.h"
#include "worker/children/oom_score.h"
#include "worker/children/proc_files.h"
#include "worker/children/signals.h"

extern char** environ;

namespace andiron {
namespace {

constexpr std::uint64_t kHousekeepingMs = 200;
// The end of the worker waits for the statuses of what it has just killed: for the first of them, then for the others.
constexpr int kLastReapMs = 500;

std::unique_ptr<ChildPool> MakePool(const PoolSettings& settings) {
  auto pool = std::make_unique<ChildPool>();
  pool->settings = settings;
  pool->spec = SpecOf(settings, environ);
  pool->spec.oom_score = ChildOomScore(ReadSmallFile("/proc/self/oom_score_adj"));
  pool->stop_spec = StopSpecOf(settings, pool->spec);
  pool->stop_signal = SignalNumber(settings.stop_signal);
  if (pool->stop_signal == 0) pool->stop_signal = SIGTERM;
  return pool;
}

// The numbers behind a name's slash: "slot.generation".
bool ParseName(std::string_view numbers, ChildId& id) {
  const char* const end = numbers.data() + numbers.size();
  const auto [dot, slot_error] = std::from_chars(numbers.data(), end, id.slot);
  if (slot_error != std::errc() || dot == end || *dot != '.') return false;
  const auto [last, generation_error] = std::from_chars(dot + 1, end, id.generation);
  return generation_error == std::errc() && last == end;
}

bool IsSubreaper() {
  int subreaper = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
  return subreaper != 0 || getpid() == 1;
}

}  // namespace

Children::Impl::Impl(uv_loop_t* loop, Inbox& inbox, Log& log, const std::vector<PoolSettings>& pools,
                     const Options& options)
    : loop_(loop),
      inbox_(inbox),
      log_(log),
      options_(options),
      log_brake_(loop),
      children_(pools.size()),
      cgroups_(options.worker_name, options.allow_cgroup),
      oom_watch_(
          loop, [this] { return options_.machine_oom_kills ? options_.machine_oom_kills() : MachineOomKills(); },
          [this] { return children_.live() > 0; }),
      machine_counts_(!cgroups_.limits_memory()),
      spawner_(loop, pools.size(), [this](std::unique_ptr<Launch> launch) { OnLaunched(std::move(launch)); }) {
  for (const PoolSettings& settings : pools) {
    pools_.push_back(MakePool(settings));
    watch_memory_ = watch_memory_ || (settings.memory_limit > 0 && !cgroups_.limits_memory());
  }
  // Process 1 needs none: the kernel ends a PID namespace with it.
  if (options_.keep && cgroups_.available() && getpid() != 1) keeper_.emplace(loop_, log_, cgroups_.path());
  for (const std::string& name : cgroups_.KillLeftovers()) {
    log_.Write(LogLevel::kWarn, "leftovers_killed", "processes of an earlier life of this worker were killed",
               {{"cgroup", name}});
  }
  // Without the kernel's list of them there is nothing to sweep, and the level says so.
  if (options_.adopt_orphans && IsSubreaper() && CanListAdopted()) StartOrphans();
  housekeeping_.Init(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
  housekeeping_.Unref();
}

Children::Impl::~Impl() {
  children_.ForEach([](Child& child) { child.KillNow(); });
  for (const auto& command : stop_commands_) command->Kill();
  cgroups_.Kill();
  // All die at the same time: waiting for each in turn costs no more than waiting for the slowest.
  int wait_ms = kLastReapMs;
  const auto reap = [&](auto& process) {
    process.ReapNow(wait_ms);
    wait_ms = std::max(wait_ms / 2, 1);
  };
  children_.ForEach(reap);
  for (const auto& command : stop_commands_) reap(*command);
  if (orphans_) orphans_->KillAll();
  for (const std::string& path : cgroups_to_remove_) RemoveCgroup(path);
}

Containment Children::Impl::containment() const {
  if (cgroups_.available()) return Containment::kCgroup;
  return orphans_ ? Containment::kSubreaper : Containment::kGroup;
}

// ---- starting ----

void Children::Impl::Start(ChildId id) {
  const ChildPool& pool = *pools_[id.pool];
  Child& child = children_.Put(std::make_unique<Child>(id, pool, inbox_, log_, *this));
  auto launch = std::make_unique<Launch>(Launch::Kind::kChild, id, pool.spec, cgroups_.ChildPath(child.name()),
                                         cgroups_.limits_memory() ? pool.settings.memory_limit : 0);
  launch->AddVariable("ANDIRON_CHANNEL_FD=" + std::to_string(kChildChannelFd));
  launch->AddVariable("ANDIRON_MAX_RESULT=" + std::to_string(pool.settings.max_result));
  launch->AddVariable(std::string(kChildVariable) + "=" + child.name());
  child.SetLaunch(spawner_.Submit(id.pool, std::move(launch)));
  WantHousekeeping();
  if (machine_counts_) oom_watch_.Run();
}

void Children::Impl::OnLaunched(std::unique_ptr<Launch> launch) {
  if (launch->kind() == Launch::Kind::kStopCommand) {
    const auto command = std::find_if(stop_commands_.begin(), stop_commands_.end(),
                                      [&](const auto& running) { return running->launch() == launch.get(); });
    if (command != stop_commands_.end()) (*command)->OnLaunched(loop_, *launch);
    return;
  }
  if (!launch->cgroup_failure().empty() || !launch->limit_failure().empty()) OnDegraded(*launch);
  // The child is there until its end has been told.
  Child* const child = children_.Find(launch->child());
  if (child != nullptr) child->OnLaunched(loop_, *launch);
  const bool lives_in_it = child != nullptr && !child->finished() && !child->cgroup().empty();
  if (!lives_in_it) RemoveChildCgroup(launch->cgroup());
}

// The kernel doesn't limit its memory, then, and doesn't count its kills.
void Children::Impl::OnDegraded(const Launch& launch) {
  machine_counts_ = true;
  oom_watch_.Run();
  watch_memory_ = watch_memory_ || pools_[launch.child().pool]->settings.memory_limit > 0;
  WantHousekeeping();
  if (!launch.cgroup_failure().empty() && !std::exchange(degraded_said_, true)) {
    log_.Write(LogLevel::kWarn, "containment_degraded", "a child runs without its cgroup: " + launch.cgroup_failure());
  }
  if (!launch.limit_failure().empty() && !std::exchange(unlimited_said_, true)) {
    log_.Write(
        LogLevel::kWarn, "memory_limit_degraded",
        "the kernel doesn't limit a child's memory, so the worker looks at it itself: " + launch.limit_failure());
  }
}

// ---- orphans ----

void Children::Impl::StartOrphans() {
  orphans_.emplace(
      loop_, log_,
      Orphans::Callbacks{
          .is_child =
              [this](pid_t pid) {
                bool found = Keeper::Is(pid);
                children_.ForEach([&](Child& child) { found = found || (child.has_process() && child.pid() == pid); });
                for (const auto& command : stop_commands_) found = found || command->pid() == pid;
                return found;
              },
          .ended = [this](std::string_view name) { return Ended(name); },
          .halted = [this](pid_t pid, bool halted) { OnHalted(pid, halted); },
      });
}

// "pool/slot.generation" was a child of ours, and is over.
bool Children::Impl::Ended(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string_view::npos) return false;
  ChildId id;
  if (!ParseName(name.substr(slash + 1), id)) return false;
  const auto pool = std::find_if(pools_.begin(), pools_.end(), [&](const auto& candidate) {
    return candidate->settings.name == name.substr(0, slash);
  });
  if (pool == pools_.end()) return false;
  id.pool = static_cast<std::uint32_t>(pool - pools_.begin());
  if (!children_.Began(id)) return false;
  const Child* const child = children_.Find(id);
  return child == nullptr || (!child->launching() && !child->has_process());
}

// ---- writing and ending ----

void Children::Impl::Flush() {
  KillDoomed();
  children_.Flush();
  children_.ForgetFinished();
}

void Children::Impl::AskToStop(ChildId id) {
  Child* const child = children_.Find(id);
  if (child == nullptr) return;
  if (child->has_process() && !child->pool().settings.stop_command.empty()) {
    RunStopCommand(*child);
  } else {
    child->AskToStop();
    Withdraw(*child);
  }
}

// One whose start waits behind another that hangs needn't wait for its end, too.
void Children::Impl::Withdraw(const Child& child) {
  if (child.launching()) spawner_.Withdraw(child.id().pool, child.launch());
}

void Children::Impl::RunStopCommand(Child& child) {
  child.NoteStopCommand();
  // Not where the kernel kills the whole group when a child's memory runs out, and with it whoever shares memory with
  // one of them: until its exec that would be us.
  const bool apart = child.pool().settings.memory_limit > 0 && cgroups_.limits_memory();
  auto launch = std::make_unique<Launch>(Launch::Kind::kStopCommand, child.id(), child.pool().stop_spec,
                                         apart ? "" : child.cgroup(), 0);
  launch->AddVariable(std::string(kChildVariable) + "=" + child.name());
  launch->AddVariable("ANDIRON_STOP_PID=" + std::to_string(child.pid()));
  stop_commands_.push_back(std::make_unique<StopCommand>(
      child.id(), [this](StopCommand& command, const std::string& failure) { OnStopCommandDone(command, failure); }));
  stop_commands_.back()->SetLaunch(spawner_.Submit(child.id().pool, std::move(launch)));
}

void Children::Impl::OnStopCommandDone(StopCommand& command, const std::string& failure) {
  Child* const child = children_.Find(command.child());
  if (!failure.empty() && child != nullptr && child->has_process()) {
    log_.Write(LogLevel::kWarn, "stop_command_failed",
               "the stop command failed, so the stop signal is sent: " + failure, {{"child", child->name()}});
    child->AskToStop();
  }
  std::erase_if(stop_commands_, [&](const auto& running) { return running.get() == &command; });
}

void Children::Impl::Kill(ChildId id) {
  if (Child* const child = children_.Find(id)) child->PrepareKill();
  doomed_.push_back(id);
}

// All looks come before the first signal: many who die at once take the cores, and a look that came after it would wait
// for them.
void Children::Impl::KillDoomed() {
  if (doomed_.empty()) return;
  for (const ChildId id : doomed_) {
    if (Child* const child = children_.Find(id)) {
      child->KillNow();
      Withdraw(*child);
    }
    for (const auto& command : stop_commands_) {
      if (command->child() == id) command->Kill();
    }
  }
  doomed_.clear();
  if (orphans_) orphans_->SweepSoon();
}

void Children::Impl::Abandon(ChildId id) {
  Child* const child = children_.Find(id);
  if (child == nullptr || !child->launching()) return;
  // It hangs before its exec, and with it the helper that the pool's other children need. The kill may have found no
  // process yet, and the process been stopped at its birth: now there is one.
  child->CancelAgain();
  spawner_.Replace(id.pool, child->launch());
}

void Children::Impl::OnExit(Child& child) {
  for (const auto& command : stop_commands_) {
    if (command->child() == child.id()) command->Kill();
  }
  if (orphans_) orphans_->SweepSoon();
  RemoveChildCgroup(child.cgroup());
}

void Children::Impl::RemoveChildCgroup(const std::string& path) {
  // Those that are dying in it take a moment.
  if (path.empty() || RemoveCgroup(path)) return;
  cgroups_to_remove_.push_back(path);
  WantHousekeeping();
}

bool Children::Impl::EndReads() {
  LookWhoGoesOn();
  return read_rounds_.EndTurn();
}

// Before the verdict: the kernel knows from the SIGCONT on, and tells by SIGCHLD when the child next has a CPU.
void Children::Impl::LookWhoGoesOn() {
  if (!std::exchange(any_halted_, false)) return;
  children_.ForEach([&](Child& child) {
    if (!child.halted()) return;
    child.CheckHalted();
    any_halted_ = any_halted_ || child.halted();
  });
}

void Children::Impl::OnHalted(pid_t pid, bool halted) {
  any_halted_ = any_halted_ || halted;
  children_.ForEach([&](Child& child) {
    if (child.pid() == pid) child.SetHalted(halted);
  });
}

bool Children::Impl::MachineRanOutOfMemory() { return oom_watch_.JustRanOut(); }

void Children::Impl::LetLoopEnd() {
  children_.ForEach([](Child& child) { child.LetLoopEnd(); });
  for (const auto& command : stop_commands_) command->LetLoopEnd();
  spawner_.LetLoopEnd();
}

void Children::Impl::KillEverything() {
  children_.ForEach([](Child& child) { child.KillNow(); });
  for (const auto& command : stop_commands_) command->Kill();
  cgroups_.Kill();
}

Autopsy Children::Impl::Examine(const ReportDeath& death) {
  Child* const child = children_.Find(death.child);
  if (child == nullptr) {
    Evidence evidence;
    evidence.name = pools_[death.child.pool]->settings.name + "/" + std::to_string(death.child.slot) + "." +
                    std::to_string(death.child.generation);
    evidence.pid = death.pid;
    return WriteAutopsy(death, evidence, pools_[death.child.pool]->settings);
  }
  if (const std::int64_t dropped = child->log_lines_dropped(); dropped > 0) {
    log_.Write(LogLevel::kWarn, "log_lines_dropped",
               std::to_string(dropped) + " of its lines are missing here: it wrote more than log_rate_limit allows",
               {{"child", child->name()}});
  }
  Autopsy autopsy = WriteAutopsy(death, child->TakeEvidence(), child->pool().settings);
  children_.Forget(death.child);
  return autopsy;
}

// ---- housekeeping ----

void Children::Impl::WantHousekeeping() {
  const bool wanted = watch_memory_ || !orphans_ || !cgroups_to_remove_.empty();
  if (!wanted || uv_is_active(reinterpret_cast<uv_handle_t*>(housekeeping_.get())) != 0) return;
  uv_timer_start(
      housekeeping_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<Impl*>(timer->data)->KeepHouse();
      },
      kHousekeepingMs, kHousekeepingMs);
}

void Children::Impl::KeepHouse() {
  std::erase_if(cgroups_to_remove_, [](const std::string& path) {
    if (RemoveCgroup(path)) return true;
    KillCgroup(path);  // the first time there may have been no descriptor for it
    return RemoveCgroup(path);
  });
  int live = 0;
  children_.ForEach([&](Child& child) {
    if (child.finished()) return;
    ++live;
    // Without a handler for SIGCHLD, which is the host's, this is how stopped children are noticed.
    if (!orphans_) child.CheckHalted();
    any_halted_ = any_halted_ || child.halted();
  });
  if (watch_memory_) CheckMemory();
  if (live == 0 && cgroups_to_remove_.empty()) uv_timer_stop(housekeeping_.get());
}

void Children::Impl::CheckMemory() {
  const Orphans::Named adopted = orphans_ ? orphans_->NamedProcesses() : Orphans::Named();
  children_.ForEach([&](Child& child) {
    if (!child.memory_limited() && child.pool().settings.memory_limit > 0) child.CheckMemory(adopted);
  });
}

}  // namespace andiron
