#include "bench/reliability/stage.h"

#include <unistd.h>

#include <utility>

#include "worker/base/clock.h"

namespace andiron::bench {
namespace {

constexpr Duration kStuck = std::chrono::minutes(1);

}  // namespace

// Prepares run last-started-first: ours, started before the worker's, runs after it.
Stage::Stage(WorkerSettings settings) {
  uv_loop_init(&loop_);
  uv_loop_configure(&loop_, UV_METRICS_IDLE_TIME);
  turn_.Init(this, [this](uv_prepare_t* handle) { return uv_prepare_init(&loop_, handle); });
  timer_.Init(this, [this](uv_timer_t* handle) { return uv_timer_init(&loop_, handle); });
  uv_prepare_start(turn_.get(), [](uv_prepare_t* handle) {
    const auto* stage = static_cast<Stage*>(handle->data);
    if (stage != nullptr && stage->on_turn_) stage->on_turn_(Now());
  });
  auto made = WorkerImpl::Make(&loop_, std::move(settings), {});
  if (made.ok()) {
    worker_ = *std::move(made);
  } else {
    failure_ = made.status().ToString();
  }
}

Stage::~Stage() {
  worker_.reset();
  turn_.Reset();
  timer_.Reset();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

bool Stage::RunUntil(const char* what, const std::function<bool()>& condition) {
  const TimePoint deadline = Now() + kStuck;
  uv_timer_start(timer_.get(), [](uv_timer_t*) {}, 1000, 1000);
  while (failure_.empty() && !condition()) {
    if (Now() > deadline) failure_ = std::string("stuck: ") + what;
    uv_run(&loop_, UV_RUN_ONCE);
  }
  uv_timer_stop(timer_.get());
  return failure_.empty();
}

// The timer repeats: one that is due when uv_run begins fires before the poll, which then needs another to end it.
void Stage::RunFor(Duration duration) {
  passed_ = false;
  const auto period = static_cast<std::uint64_t>(duration / std::chrono::milliseconds(1));
  uv_timer_start(
      timer_.get(), [](uv_timer_t* timer) { static_cast<Stage*>(timer->data)->passed_ = true; }, period, period);
  while (!passed_) uv_run(&loop_, UV_RUN_ONCE);
  uv_timer_stop(timer_.get());
}

bool Stage::Stop() {
  bool gone = false;
  on_turn_ = nullptr;
  worker_->Stop(true, [&gone] { gone = true; });
  return RunUntil("children don't end", [&gone] { return gone; });
}

PoolSettings PoolOf(std::vector<std::string> command, int children) {
  PoolSettings pool;
  pool.command = std::move(command);
  pool.warm = children;
  pool.max_children = children;
  return pool;
}

WorkerSettings WorkerOf(std::vector<PoolSettings> pools) {
  WorkerSettings settings;
  settings.name = "reliability";
  settings.log_level = LogLevel::kError;
  settings.pools = std::move(pools);
  return settings;
}

std::string Program(const std::string& name) {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  const std::string self(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return self.substr(0, self.rfind('/') + 1) + name;
}

}  // namespace andiron::bench
