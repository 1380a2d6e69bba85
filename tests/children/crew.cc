#include "tests/children/crew.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "tests/support/process_table.h"
#include "worker/base/uv_handle.h"
#include "worker/children/cgroup.h"

namespace andiron {
namespace {

std::vector<PoolSettings> WithNamesOfTheirOwn(std::vector<PoolSettings> pools) {
  static int crews = 0;
  const std::string prefix = "crew" + std::to_string(getpid()) + "_" + std::to_string(++crews) + "_";
  for (std::size_t i = 0; i < pools.size(); ++i) pools[i].name = prefix + std::to_string(i);
  return pools;
}

int Handles() {
  return UvHandle<uv_poll_t>::Live() + UvHandle<uv_timer_t>::Live() + UvHandle<uv_async_t>::Live() +
         UvHandle<uv_signal_t>::Live();
}

Children::Options OptionsOf(const Crew::Setup& setup) {
  Children::Options options;
  options.worker_name = setup.worker_name;
  options.allow_cgroup = setup.allow_cgroup;
  options.adopt_orphans = setup.adopt_orphans;
  options.keep = setup.keep;
  options.machine_oom_kills = setup.machine_oom_kills;
  return options;
}

}  // namespace

bool CgroupsUsable() { return CgroupRoot("probe").available(); }

PoolSettings FaultPool(std::vector<std::string> arguments) {
  PoolSettings pool;
  pool.command = {ProgramPath("fault-child")};
  for (std::string& argument : arguments) pool.command.push_back(std::move(argument));
  return pool;
}

Crew::Crew(std::vector<PoolSettings> pools, const Setup& setup)
    : pools_(WithNamesOfTheirOwn(std::move(pools))),
      log_file_(memfd_create("log", MFD_CLOEXEC)),
      log_(log_file_.get(), LogLevel::kDebug, LogFormat::kText),
      inbox_([] {}) {
  uv_loop_init(&loop_);
  prctl(PR_SET_CHILD_SUBREAPER, setup.adopt_orphans ? 1 : 0, 0, 0, 0);
  children_ = std::make_unique<Children>(&loop_, inbox_, log_, pools_, OptionsOf(setup));
}

Crew::~Crew() {
  for (const ChildId child : started_) {
    Kill(child);
    children_->Close({child});
  }
  EXPECT_TRUE(Await([&] { return children_->live() == 0; })) << LogText();
  children_.reset();
  EXPECT_EQ(CloseLoop(&loop_), 0);
  EXPECT_EQ(Handles(), 0);
  for (const PoolSettings& pool : pools_) {
    EXPECT_TRUE(WaitUntil([&] { return ProcessesMarked(pool.name + "/").empty(); })) << "a process is left";
  }
  EXPECT_TRUE(Zombies().empty());
}

ChildId Crew::Start(std::uint32_t slot, std::uint32_t pool) {
  const ChildId child{pool, slot, ++generation_};
  started_.push_back(child);
  children_->Start({child});
  return child;
}

ChildId Crew::StartReady(std::uint32_t slot, std::uint32_t pool) {
  const ChildId child = Start(slot, pool);
  EXPECT_TRUE(Await<ChildReady>(child)) << LogText();
  return child;
}

void Crew::Kill(ChildId child, Intent intent) {
  children_->Kill({child, intent});
  children_->Flush();
}

void Crew::Run(ChildId child, std::uint64_t job, std::string_view payload) {
  const std::string id = "job-" + std::to_string(job);
  children_->Send(SendJob{child, JobNumber{job}, id, payload, std::chrono::seconds(1)});
}

void Crew::Collect() {
  children_->EndReads();
  children_->Flush();
  inbox_.Take(taken_);
  facts_.insert(facts_.end(), std::next(std::make_move_iterator(taken_.begin())),
                std::make_move_iterator(taken_.end()));
}

bool Crew::Await(const std::function<bool()>& condition, Duration patience) {
  return RunUntil(
      &loop_,
      [&] {
        Collect();
        return condition();
      },
      patience);
}

bool Crew::AwaitEnd(ChildId child) {
  return Await([=, this] {
    return Count<SpawnFailed>(child) > 0 || (Count<ChildExited>(child) > 0 && Count<ChannelClosed>(child) > 0);
  });
}

bool Crew::AwaitLog(std::string_view text) {
  return Await([=, this] { return LogText().find(text) != std::string::npos; });
}

pid_t Crew::PidOf(ChildId child) const {
  const std::optional<Spawned> spawned = Last<Spawned>(child);
  return spawned ? spawned->pid : 0;
}

std::string Crew::LogText() {
  log_.Flush();
  std::string text;
  std::array<char, 65536> part;
  for (off_t at = 0;;) {
    const ssize_t count = pread(log_file_.get(), part.data(), part.size(), at);
    if (count <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(count));
    at += count;
  }
}

pid_t Crew::PrintedPid(std::string_view word) {
  const std::string mark = "stdout] " + std::string(word) + " ";
  EXPECT_TRUE(AwaitLog(mark)) << LogText();
  const std::string text = LogText();
  const std::size_t at = text.find(mark);
  return at == std::string::npos ? 0 : static_cast<pid_t>(std::atoi(text.c_str() + at + mark.size()));
}

Autopsy Crew::Examine(ChildId child, SlotState phase, Intent intent) {
  ReportDeath death;
  death.child = child;
  death.pid = PidOf(child);
  death.phase = phase;
  death.intent = intent;
  if (const auto exited = Last<ChildExited>(child)) {
    death.code = exited->code;
    death.signal = exited->signal;
    death.out_of_memory = exited->out_of_memory;
  }
  if (const auto failed = Last<SpawnFailed>(child)) death.what = failed->what;
  if (const auto misbehaved = Last<ChildMisbehaved>(child)) death.what = misbehaved->what;
  return children_->Examine(death);
}

}  // namespace andiron
