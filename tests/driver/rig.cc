#include "tests/driver/rig.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "worker/base/clock.h"
#include "worker/base/uv_handle.h"

namespace andiron {
namespace {

std::vector<std::string> Entries(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// libuv opens a pipe for signals with the first loop of a process and keeps it.
int DescriptorsWithLibuvsOwn() {
  uv_loop_t first;
  EXPECT_EQ(uv_loop_init(&first), 0);
  EXPECT_EQ(uv_loop_close(&first), 0);
  return OpenDescriptors();
}

}  // namespace

std::string Program(const std::string& name) {
  const char* directory = std::getenv("ANDIRON_BIN_DIR");
  return std::string(directory == nullptr ? "bin" : directory) + "/" + name;
}

std::vector<int> OwnProcesses() {
  std::vector<int> pids;
  for (const std::string& thread : Entries("/proc/self/task")) {
    std::istringstream list(Contents("/proc/self/task/" + thread + "/children"));
    for (int pid = 0; list >> pid;) pids.push_back(pid);
  }
  return pids;
}

int ThreadsOf(int pid) { return static_cast<int>(Entries("/proc/" + std::to_string(pid) + "/task").size()); }

PoolSettings EchoPool(const std::vector<std::string>& flags) {
  PoolSettings pool;
  pool.name = "echo";
  pool.command = {Program("echo-child")};
  pool.command.insert(pool.command.end(), flags.begin(), flags.end());
  pool.warm = 1;
  pool.max_children = 1;
  pool.max_jobs_per_child = 0;
  pool.ping_interval = 0s;
  // The build's sanitizers and a busy machine make children slow.
  pool.init_timeout = 30s;
  pool.ack_timeout = 10s;
  return pool;
}

WorkerSettings SettingsOf(PoolSettings pool) {
  WorkerSettings settings;
  settings.name = "test";
  settings.log_level = LogLevel::kError;
  settings.pools.push_back(std::move(pool));
  return settings;
}

JobSubmitted EchoJob(const std::string& id) {
  JobSubmitted job;
  job.pool = "echo";
  job.id = id;
  return job;
}

int HandleCensus() {
  return UvHandle<uv_prepare_t>::Live() + UvHandle<uv_check_t>::Live() + UvHandle<uv_idle_t>::Live() +
         UvHandle<uv_timer_t>::Live() + UvHandle<uv_poll_t>::Live() + UvHandle<uv_async_t>::Live();
}

Rig::Rig() : handles_before_(HandleCensus()), descriptors_before_(DescriptorsWithLibuvsOwn()) {
  EXPECT_EQ(uv_loop_init(&loop_), 0);
}

Rig::Rig(WorkerSettings settings, Duration stall_grace) : Rig() {
  stall_grace_ = stall_grace;
  StartWorker(std::move(settings));
}

Rig::Rig(PoolSettings pool, Duration stall_grace) : Rig(SettingsOf(std::move(pool)), stall_grace) {}

void Rig::StartWorker(WorkerSettings settings, int log_descriptor, bool allow_cgroup) {
  WorkerImpl::Options options;
  options.strict = true;
  options.log_descriptor = log_descriptor;
  options.allow_cgroup = allow_cgroup;
  options.stall_grace = stall_grace_;
  auto made = WorkerImpl::Make(&loop_, std::move(settings), options);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  worker_ = *std::move(made);
}

Rig::~Rig() {
  if (worker_ != nullptr && !worker_->stopped()) {
    EXPECT_TRUE(Stop(true)) << worker_->StatusJson();
  }
  worker_.reset();
  // What was given back closes within a turn.
  for (int turns = 0; turns < 100 && uv_loop_alive(&loop_) != 0; ++turns) uv_run(&loop_, UV_RUN_NOWAIT);
  uv_run(&loop_, UV_RUN_NOWAIT);
  EXPECT_EQ(uv_loop_close(&loop_), 0) << "handles are left on the loop";
  EXPECT_EQ(HandleCensus(), handles_before_);
  EXPECT_EQ(OpenDescriptors(), descriptors_before_);
  EXPECT_TRUE(Stall([] { return OwnProcesses().empty(); })) << "processes are left";
}

bool Rig::RunUntil(const std::function<bool()>& condition, Duration limit) {
  const TimePoint deadline = Now() + limit;
  UvHandle<uv_timer_t> alarm;
  alarm.Init(this, [this](uv_timer_t* handle) { return uv_timer_init(&loop_, handle); });
  uv_update_time(&loop_);
  uv_timer_start(alarm.get(), [](uv_timer_t*) {}, static_cast<std::uint64_t>(limit.count() / 1'000'000 + 1), 0);
  while (!condition() && Now() < deadline) uv_run(&loop_, UV_RUN_ONCE);
  return condition();
}

JobReport Rig::RunJob(JobRequest request) {
  std::vector<JobReport> reports;
  if (request.pool == "default") request.pool = "echo";
  worker_->Submit(std::move(request), [&reports](const JobReport& report) { reports.push_back(report); });
  EXPECT_TRUE(RunUntil([&] { return !reports.empty(); })) << worker_->StatusJson();
  return reports.empty() ? JobReport{} : reports.front();
}

bool Rig::Stop(bool now) {
  bool stopped = false;
  worker_->Stop(now, [&stopped] { stopped = true; });
  return RunUntil([&] { return stopped; });
}

bool Rig::Stall(const std::function<bool()>& condition, Duration limit) {
  const TimePoint deadline = Now() + limit;
  while (!condition() && Now() < deadline) std::this_thread::yield();
  return condition();
}

}  // namespace andiron
