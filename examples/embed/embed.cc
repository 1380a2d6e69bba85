// A worker and its children in one program and one file.
//
// Started by hand it is a worker: it keeps warm children, which are this same program started again, gives them six
// jobs, prints what they found, and stops. Started by a worker (andiron::IsChild()) it is one of those children.
#include <andiron/child.h>
#include <andiron/worker.h>
#include <uv.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::uint64_t kPrimesBelow = 1'000'000;
constexpr std::uint64_t kNumbersBelow = kPrimesBelow * kPrimesBelow;  // those primes are enough for

// The child: slow to warm up (it looks for primes), quick to answer.
class Factors final : public andiron::JobHandler {
 public:
  std::string Prewarm(andiron::WarmUp& warm_up) override {
    std::vector<bool> composite(kPrimesBelow);
    for (std::uint64_t n = 2; n < kPrimesBelow; ++n) {
      if (composite[n]) continue;
      primes_.push_back(n);
      for (std::uint64_t m = n * n; m < kPrimesBelow; m += n) composite[m] = true;
    }
    warm_up.Progress(100, std::to_string(primes_.size()) + " primes");
    return "";
  }

  andiron::JobResult Run(andiron::JobContext& job) override {
    std::uint64_t rest = std::strtoull(std::string(job.payload()).c_str(), nullptr, 10);
    if (rest < 2 || rest >= kNumbersBelow) {
      return andiron::JobResult::Failure("not a number from 2 to " + std::to_string(kNumbersBelow - 1));
    }
    std::string factors;
    for (const std::uint64_t prime : primes_) {
      if (prime * prime > rest) break;
      for (; rest % prime == 0; rest /= prime) factors += std::to_string(prime) + " ";
    }
    return andiron::JobResult::Success(factors + (rest > 1 ? std::to_string(rest) : ""));
  }

 private:
  std::vector<std::uint64_t> primes_;
};

int RunWorker(char** argv) {
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return 70;

  andiron::WorkerSettings settings;
  settings.name = "embed";
  settings.log_level = andiron::LogLevel::kWarn;
  settings.pools.push_back(andiron::SelfPool("factors", argv));
  settings.pools[0].warm = 2;
  settings.pools[0].max_jobs_per_child = 100;

  auto worker = andiron::Worker::Create(&loop, settings);
  if (!worker.ok()) {
    std::fprintf(stderr, "embed: %s\n", std::string(worker.status().message()).c_str());
    return 78;
  }

  const std::vector<std::string> numbers = {"97", "360", "1001", "999983", "999962000357", "soup"};
  std::size_t reported = 0;
  int failed = 0;
  for (const std::string& number : numbers) {
    (*worker)->Submit({.pool = "factors", .payload = number}, [&, number](const andiron::JobReport& report) {
      const bool good = !report.refused && report.outcome == andiron::Outcome::kSucceeded;
      failed += good ? 0 : 1;
      std::printf("%s: %s\n", number.c_str(), good ? report.output.c_str() : report.error.c_str());
      if (++reported == numbers.size()) (*worker)->Stop(false, [&] { worker->reset(); });
    });
  }
  uv_run(&loop, UV_RUN_DEFAULT);  // until the worker has stopped
  std::printf("%zu jobs, %d failed\n", reported, failed);
  return uv_loop_close(&loop) == 0 ? 0 : 70;
}

}  // namespace

int main(int argc, char** argv) {
  if (andiron::IsChild()) {
    Factors factors;
    return andiron::ChildMain(argc, argv, factors);
  }
  andiron::PrepareProcess();
  return RunWorker(argv);
}
