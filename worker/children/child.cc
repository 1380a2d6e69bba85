#include "worker/children/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>
#include <vector>

#include "worker/children/cgroup.h"
#include "worker/children/oom_kills.h"
#include "worker/children/proc_files.h"
#include "worker/children/reaping.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

// How long a process that can't be watched may take to die.
constexpr int kUnwatchedWaitMs = 1000;
// How a shell says that what it ran has died of SIGKILL.
constexpr int kShellsKilled = 128 + SIGKILL;

Evidence EvidenceOf(ChildId id, const PoolSettings& pool) {
  Evidence evidence;
  evidence.name = pool.name + "/" + std::to_string(id.slot) + "." + std::to_string(id.generation);
  if (!pool.command.empty()) evidence.program = pool.command.front();
  return evidence;
}

std::uint64_t WholeMilliseconds(Duration duration) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count(), 0));
}

// 0 and si_pid 0: nothing to tell yet.
int WaitPidfd(int pidfd, siginfo_t& status, int options) {
  return waitid(P_PIDFD, static_cast<id_t>(pidfd), &status, options | WNOHANG);
}

}  // namespace

Child::Child(ChildId id, const ChildPool& pool, Inbox& inbox, Log& log, ChildOwner& owner)
    : id_(id),
      pool_(pool),
      inbox_(inbox),
      owner_(owner),
      evidence_(EvidenceOf(id, pool.settings)),
      channel_(id, static_cast<std::size_t>(pool.settings.max_result), owner.read_rounds(), inbox),
      log_allowance_(pool.settings.log_rate_limit),
      stdout_(evidence_.name, "stdout", static_cast<std::size_t>(pool.settings.log_line_limit), log_allowance_,
              owner.log_brake(), log),
      stderr_(evidence_.name, "stderr", static_cast<std::size_t>(pool.settings.log_line_limit), log_allowance_,
              owner.log_brake(), log) {}

void Child::OnLaunched(uv_loop_t* loop, Launch& launch) {
  launch_ = nullptr;
  if (!launch.failure().empty()) return FailSpawn(launch.failure());
  evidence_.pid = launch.pid();
  pidfd_ = launch.TakePidfd();
  if (launch.cgroup_failure().empty()) cgroup_ = launch.cgroup();
  memory_limited_ = launch.limits_memory();
  if (!Watch(loop, launch)) {
    KillNow();
    ReapNow(kUnwatchedWaitMs);
    channel_.Discard();
    evidence_.pid = 0;  // as if it had never been
    return FailSpawn("watch its descriptors: the system has no room");
  }
  inbox_.Post(Spawned{id_, evidence_.pid});
  halted_ = halted_ && halted_pid_ == pid();  // a process that died at birth had another pid
  if (halted_) inbox_.Post(ChildHalted{id_, true});
  if (close_wanted_) channel_.Close();
  if (kill_wanted_) {
    PrepareKill();
    KillNow();
  }
}

void Child::FailSpawn(const std::string& what) {
  finished_ = true;
  inbox_.Post(SpawnFailed{id_, what});
}

bool Child::Watch(uv_loop_t* loop, Launch& launch) {
  const int error = exit_poll_.Init(this, [&](uv_poll_t* poll) { return uv_poll_init(loop, poll, pidfd_.get()); });
  if (error != 0) return false;
  uv_poll_start(exit_poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<Child*>(poll->data)->OnPidfd();
  });
  return stdout_.Open(loop, launch.TakeStdout()) == 0 && stderr_.Open(loop, launch.TakeStderr()) == 0 &&
         channel_.Open(loop, launch.TakeChannel()) == 0;
}

// ---- the core's actions ----

void Child::Send(const SendJob& job) {
  if (!channel_.open()) return;
  AppendRun(channel_.out(), static_cast<std::uint64_t>(job.job), job.id, job.payload, WholeMilliseconds(job.run_for));
  channel_.NoteJob(static_cast<std::uint64_t>(job.job), job.id);
  last_job_ = job.id;
}

void Child::Send(const SendCancel& cancel) {
  if (channel_.open()) AppendCancel(channel_.out(), static_cast<std::uint64_t>(cancel.job));
}

void Child::Send(const SendPing&) {
  if (channel_.open()) AppendPing(channel_.out(), channel_.NextPing());
}

void Child::AskToStop() {
  evidence_.asked_to_stop = true;
  if (launching()) {
    kill_wanted_ = true;
    launch_->Cancel();
    return;
  }
  if (!has_process()) return;
  evidence_.stop_signal = SignalName(pool_.stop_signal);
  SignalGroup(pidfd_.get(), pid(), pool_.stop_signal);
  // A stopped process gets its signals only when it goes on.
  SignalGroup(pidfd_.get(), pid(), SIGCONT);
  // After the signal: whom that ends, it ends first; who goes on hears what is wanted.
  if (channel_.open() && channel_.ready()) {
    AppendStop(channel_.out());
    channel_.Flush();
  }
}

void Child::PrepareKill() {
  evidence_.killed = true;
  if (launching()) kill_wanted_ = true;
  if (has_process()) LookBeforeKill();
}

void Child::LookBeforeKill() {
  evidence_.look = LookAt(pid());
  evidence_.memory_peak = std::max(evidence_.memory_peak, evidence_.look.memory_peak);
}

void Child::KillNow() {
  if (launching() && launch_->Cancel()) evidence_.pid = launch_->pid();
  if (!has_process()) return;
  if (!cgroup_.empty()) KillCgroup(cgroup_);
  SignalProcess(pidfd_.get(), SIGKILL);
  SignalGroup(pidfd_.get(), pid(), SIGKILL);
}

void Child::CancelAgain() {
  if (launching() && launch_->cancelled()) launch_->Cancel();
}

void Child::CloseChannel() {
  if (launching()) close_wanted_ = true;
  channel_.Close();
}

// ---- its end ----

void Child::OnPidfd() {
  siginfo_t status{};
  const int error = WaitPidfd(pidfd_.get(), status, WEXITED | WNOWAIT) == 0 ? 0 : errno;
  // ECHILD: somebody else has reaped it, and its status is lost.
  if (error == 0 ? status.si_pid == 0 : error != ECHILD) return;
  // What it had written comes before its exit.
  channel_.DrainForExit();
  if (!cgroup_.empty()) {
    evidence_.oom_kills = CgroupOomKills(cgroup_);
    evidence_.memory_peak = std::max(evidence_.memory_peak, CgroupMemoryPeak(cgroup_));
    KillCgroup(cgroup_);
  }
  // Only while it is unreaped does its group's number surely belong to it.
  if (error == 0) SignalGroup(pidfd_.get(), pid(), SIGKILL);
  const ChildExited exit = Reap();
  stdout_.Finish();
  stderr_.Finish();
  exit_poll_.Reset();
  pidfd_.Reset();
  exited_ = true;
  inbox_.Post(exit);
  // Nobody reads it any more, so nobody would see its end.
  if (channel_.misbehaved()) channel_.Close();
  owner_.OnExit(*this);
}

ChildExited Child::Reap() {
  ChildExited exit{.child = id_, .code = 0, .signal = -1, .out_of_memory = false};
  siginfo_t status{};
  if (WaitPidfd(pidfd_.get(), status, WEXITED) == 0 && status.si_pid != 0) {
    const bool by_itself = status.si_code == CLD_EXITED;
    exit.code = by_itself ? status.si_status : 0;
    exit.signal = by_itself ? 0 : status.si_status;
  }
  // A SIGKILL that isn't ours, while the kernel says that it has killed somebody for memory: nearly surely this one.
  const bool sigkill = exit.signal == SIGKILL || exit.code == kShellsKilled;
  const bool unexplained_kill = sigkill && !evidence_.killed && !over_memory_limit_;
  exit.out_of_memory = over_memory_limit_ || DiedForMemory(evidence_.oom_kills, memory_limited_, unexplained_kill,
                                                           [this] { return owner_.MachineRanOutOfMemory(); });
  evidence_.over_memory_limit = over_memory_limit_;
  return exit;
}

void Child::ReapNow(int wait_ms) {
  if (!has_process()) return;
  ReapWithin(pidfd_.get(), wait_ms);
  exit_poll_.Reset();
  pidfd_.Reset();
}

// ---- about it ----

void Child::SetHalted(bool halted) {
  if (halted == halted_ || exited_ || (!has_process() && !launching())) return;
  halted_ = halted;
  halted_pid_ = pid();
  if (has_process()) inbox_.Post(ChildHalted{id_, halted});
}

void Child::CheckHalted() {
  siginfo_t status{};
  if (!has_process() || WaitPidfd(pidfd_.get(), status, WSTOPPED | WCONTINUED) != 0) return;
  if (status.si_pid != 0) SetHalted(status.si_code == CLD_STOPPED);
}

void Child::CheckMemory(const Orphans::Named& adopted) {
  if (!has_process() || over_memory_limit_ || RestsFromMemory()) return;
  memory_look_ = LookAtMemory(MembersOf(adopted), pool_.settings.memory_limit);
  evidence_.memory_peak = std::max(evidence_.memory_peak, memory_look_.bytes);
  if (!memory_look_.over) return;
  over_memory_limit_ = true;
  LookBeforeKill();
  KillNow();
}

// After a look that was dear. Its own memory is cheap to see, and ends the rest, unless the look was dear because much
// of that is shared.
bool Child::RestsFromMemory() {
  if (memory_look_.rest <= 0) return false;
  --memory_look_.rest;
  return memory_look_.shared || ResidentBytes(pid()) <= pool_.settings.memory_limit;
}

Family Child::MembersOf(const Orphans::Named& adopted) const {
  if (!cgroup_.empty()) return {.members = CgroupMembers(cgroup_)};
  std::vector<pid_t> roots{pid()};
  const auto [first, last] = adopted.equal_range(name());
  std::transform(first, last, std::back_inserter(roots), [](const auto& process) { return process.second; });
  return FamilyOf(std::move(roots));
}

Evidence Child::TakeEvidence() {
  evidence_.sdk = channel_.sdk();
  evidence_.last_job = last_job_;
  evidence_.open_jobs.clear();
  for (const auto& [number, id] : channel_.open_jobs()) evidence_.open_jobs.push_back(id);
  evidence_.stderr_lines.assign(stderr_.tail().lines().begin(), stderr_.tail().lines().end());
  evidence_.stdout_lines.assign(stdout_.tail().lines().begin(), stdout_.tail().lines().end());
  return evidence_;
}

}  // namespace andiron
