// A child that returns what it is given: for tests, measurements and first steps.
//
//   --prewarm-ms N   warm up for so long, with progress
//   --at-once N      take so many jobs at the same time
//   --sleep-ms N     let each job last so long, or until it is cancelled
//   --fail           fail each job with its payload as the text
#include <andiron/child.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace {

using std::chrono::milliseconds;

struct Flags {
  milliseconds prewarm{0};
  milliseconds sleep{0};
  int at_once = 1;
  bool fail = false;
};

class Echo final : public andiron::JobHandler {
 public:
  explicit Echo(const Flags& flags) : flags_(flags) {}

  std::string Prewarm(andiron::WarmUp& warm_up) override {
    constexpr int kSteps = 10;
    for (int step = 0; step < kSteps && flags_.prewarm.count() > 0; ++step) {
      warm_up.Progress(step * 100 / kSteps, "pretending to load");
      std::this_thread::sleep_for(flags_.prewarm / kSteps);
    }
    return "";
  }

  andiron::JobResult Run(andiron::JobContext& job) override {
    if (flags_.sleep.count() > 0 && job.WaitCancelled(flags_.sleep)) return andiron::JobResult::Cancelled();
    std::string payload(job.payload());
    return flags_.fail ? andiron::JobResult::Failure(std::move(payload))
                       : andiron::JobResult::Success(std::move(payload));
  }

 private:
  const Flags flags_;
};

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::optional<Flags> Parse(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--fail") {
      flags.fail = true;
      continue;
    }
    const std::optional<int> number = i + 1 < argc ? Number(argv[++i]) : std::nullopt;
    if (!number) return std::nullopt;
    if (flag == "--prewarm-ms") {
      flags.prewarm = milliseconds(*number);
    } else if (flag == "--sleep-ms") {
      flags.sleep = milliseconds(*number);
    } else if (flag == "--at-once") {
      flags.at_once = *number;
    } else {
      return std::nullopt;
    }
  }
  return flags;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Flags> flags = Parse(argc, argv);
  if (!flags) {
    std::fputs("usage: echo-child [--prewarm-ms N] [--sleep-ms N] [--at-once N] [--fail]\n", stderr);
    return 64;
  }
  Echo echo(*flags);
  return andiron::ChildMain(argc, argv, echo, {.concurrency = flags->at_once});
}
