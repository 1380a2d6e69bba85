// A child that returns what it is given: for tests, measurements and first steps.
//
//   --prewarm-ms N   warm up for so long, with progress
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

std::optional<milliseconds> Milliseconds(std::string_view text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0) return std::nullopt;
  return milliseconds(count);
}

std::optional<Flags> Parse(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--fail") {
      flags.fail = true;
      continue;
    }
    if ((flag != "--prewarm-ms" && flag != "--sleep-ms") || i + 1 == argc) return std::nullopt;
    const std::optional<milliseconds> time = Milliseconds(argv[++i]);
    if (!time) return std::nullopt;
    (flag == "--prewarm-ms" ? flags.prewarm : flags.sleep) = *time;
  }
  return flags;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Flags> flags = Parse(argc, argv);
  if (!flags) {
    std::fputs("usage: echo-child [--prewarm-ms N] [--sleep-ms N] [--fail]\n", stderr);
    return 64;
  }
  Echo echo(*flags);
  return andiron::ChildMain(argc, argv, echo);
}
