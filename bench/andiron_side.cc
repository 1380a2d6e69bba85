// Andiron itself, through the embedding API, with its defaults: timeouts, liveness, logs, containment and all.
#include <andiron/worker.h>
#include <uv.h>

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/contender.h"

namespace andiron::bench {
namespace {

class AndironSide : public Contender {
 public:
  AndironSide(uv_loop_t* loop, const Plan& plan) {
    PoolSettings pool;
    pool.command = {plan.child};
    pool.warm = plan.children;
    pool.max_children = plan.children;
    pool.max_starting = plan.starting_max;
    pool.max_jobs_per_child = plan.reuse ? 0 : 1;
    pool.quarantine_max = 1;
    WorkerSettings settings;
    settings.log_level = LogLevel::kError;
    settings.pools.push_back(std::move(pool));
    auto worker = Worker::Create(loop, std::move(settings));
    if (worker.ok()) {
      worker_ = std::move(*worker);
    } else {
      failure_ = worker.status().ToString();
    }
  }

  std::string_view name() const override { return "andiron"; }
  bool Gone() const override { return gone_ || worker_ == nullptr; }
  std::string failure() const override { return failure_; }

  void Submit(std::string payload, Done done) override {
    worker_->Submit({.pool = "default", .payload = std::move(payload)},
                    [this, done = std::move(done)](const JobReport& report) {
                      if (report.refused || report.outcome != Outcome::kSucceeded) {
                        failure_ = report.refused ? std::string(Name(report.refusal)) : report.error;
                        return;
                      }
                      done(report.output);
                    });
  }

  // There is no count for embedders but the status that everybody reads.
  int Idle() override {
    const std::string status = worker_->StatusJson();
    const std::string_view key = "\"idle\":";
    const std::size_t found = status.find(key);
    if (found == std::string::npos) return 0;
    int idle = 0;
    const std::size_t digits = status.find_first_not_of(' ', found + key.size());
    std::from_chars(status.data() + digits, status.data() + status.size(), idle);
    return idle;
  }

  void Stop() override {
    worker_->Stop(false, [this] { gone_ = true; });
  }

 private:
  std::unique_ptr<Worker> worker_;
  std::string failure_;
  bool gone_ = false;
};

}  // namespace

std::unique_ptr<Contender> MakeAndiron(uv_loop_t* loop, const Plan& plan) {
  return std::make_unique<AndironSide>(loop, plan);
}

}  // namespace andiron::bench
