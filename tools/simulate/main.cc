// andiron-simulate: runs the core against random worlds of fake children, or replays one of them.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/exhaustive.h"
#include "tests/sim/run.h"
#include "tests/sim/scenario.h"
#include "tests/sim/schedule.h"
#include "tools/simulate/worlds.h"

namespace {

// A start, its two ends and one more: fewer facts make no schedule.
constexpr int kExhaustiveMin = 4;

constexpr const char* kHelp =
    "Runs the worker's core, or one LiveKit agent, against random schedules of facts, each from one seed, under an "
    "oracle.\n"
    "\n"
    "  andiron-simulate [--seeds N] [--first S] [--jobs N] [--quiet]   N schedules (default 10000) from seed S (1)\n"
    "  andiron-simulate --seed S [--trace]                            replays one; --trace writes each turn\n"
    "  andiron-simulate --world livekit ...                           the same of an agent at a simulated LiveKit "
    "server\n"
    "  andiron-simulate --exhaustive [N]                              every order and batching of up to N (5) facts "
    "around\n"
    "                                                                 one start\n"
    "  andiron-simulate --scenario FILE... [--rewrite]                runs scenario files; --rewrite puts the answers "
    "in\n"
    "\n"
    "--jobs is the number of processes (default: CPUs). Exit: 0 all held, 1 a rule was broken (its seed is named), 64 "
    "usage.\n";

struct Options {
  std::uint64_t seeds = 10'000;
  std::uint64_t first = 1;
  std::uint64_t seed = 0;
  int jobs = 0;
  int exhaustive = 0;
  bool one = false;
  bool trace = false;
  bool quiet = false;
  bool help = false;
  bool rewrite = false;
  bool livekit = false;
  std::vector<std::string> scenarios;
};

bool Number(const char* text, std::uint64_t& number) {
  if (text == nullptr || *text == '\0' || *text == '-') return false;
  char* end = nullptr;
  number = std::strtoull(text, &end, 10);
  return *end == '\0';
}

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::uint64_t number = 0;
    const bool has_number = Number(i + 1 < argc ? argv[i + 1] : nullptr, number);
    if (word == "--trace") {
      options.trace = true;
    } else if (word == "--world" && i + 1 < argc) {
      const std::string_view world = argv[++i];
      if (world != "livekit" && world != "core") return false;
      options.livekit = world == "livekit";
    } else if (word == "--rewrite") {
      options.rewrite = true;
    } else if (word == "--scenario") {
      while (i + 1 < argc && argv[i + 1][0] != '-') options.scenarios.emplace_back(argv[++i]);
      if (options.scenarios.empty()) return false;
    } else if (word == "--quiet") {
      options.quiet = true;
    } else if (word == "--help" || word == "-h") {
      options.help = true;
    } else if (word == "--exhaustive") {
      options.exhaustive = has_number ? static_cast<int>(std::min<std::uint64_t>(number, 8)) : 5;
      if (options.exhaustive < kExhaustiveMin) return false;
      i += has_number ? 1 : 0;
    } else if (has_number && word == "--seeds") {
      options.seeds = number, ++i;
    } else if (has_number && word == "--first") {
      options.first = number, ++i;
    } else if (has_number && word == "--seed") {
      options.seed = number, options.one = true, ++i;
    } else if (has_number && word == "--jobs") {
      options.jobs = static_cast<int>(std::min<std::uint64_t>(number, 256)), ++i;
    } else {
      return false;
    }
  }
  return true;
}

int Replay(const Options& options) {
  auto schedules = std::make_unique<andiron::sim::Schedules>();
  const auto result = schedules->Run(options.seed, options.trace ? stdout : nullptr);
  std::printf("seed %llu: %s (%d slots, %lld jobs, %lld children, %lld facts, hash %016llx)\n",
              static_cast<unsigned long long>(options.seed), result.problem.empty() ? "ok" : result.problem.c_str(),
              result.slots, static_cast<long long>(result.jobs), static_cast<long long>(result.children),
              static_cast<long long>(result.facts), static_cast<unsigned long long>(result.hash));
  return result.problem.empty() ? 0 : 1;
}

int Processes(const Options& options) {
  return options.jobs > 0 ? options.jobs : static_cast<int>(std::max<long>(1, sysconf(_SC_NPROCESSORS_ONLN)));
}

int RunMany(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  const auto seconds = [began] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  const bool live = !options.quiet && isatty(STDERR_FILENO) != 0;
  const int jobs = Processes(options);
  const auto account = andiron::sim::RunSeeds(options.first, options.seeds, jobs, [&](std::uint64_t done) {
    if (live)
      std::fprintf(stderr, "\r%llu of %llu", static_cast<unsigned long long>(done),
                   static_cast<unsigned long long>(options.seeds));
  });
  if (live) std::fputs("\r                          \r", stderr);
  if (!options.quiet) {
    andiron::sim::PrintAccount(account, stdout);
    std::printf("%.1f s, %.0f schedules/s on %d processes\n", seconds(),
                static_cast<double>(account.schedules) / seconds(), jobs);
  }
  if (!account.failed) return 0;
  std::printf("FAILED after %llu schedules: seed %llu: %s\n  replay: andiron-simulate --seed %llu --trace\n",
              static_cast<unsigned long long>(account.schedules), static_cast<unsigned long long>(account.failed_seed),
              account.problem.data(), static_cast<unsigned long long>(account.failed_seed));
  return 1;
}

int RunAll(const Options& options) {
  const auto result = andiron::sim::RunExhaustive(options.exhaustive);
  std::printf("%lld schedules, %lld steps: %s\n", static_cast<long long>(result.schedules),
              static_cast<long long>(result.steps), result.problem.empty() ? "ok" : result.problem.c_str());
  return result.problem.empty() ? 0 : 1;
}

// 1 if a file's answers aren't those of the core, or the oracle objects.
int RunScenarios(const Options& options) {
  int bad = 0;
  for (const std::string& path : options.scenarios) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    const std::string script = text.str();
    if (script.empty()) {
      std::printf("%s: no scenario there\n", path.c_str());
      bad = 1;
      continue;
    }
    const std::string answered = andiron::sim::RunScenario(script);
    const bool broken = answered.find("\n!") != std::string::npos;
    const bool same = answered == script;
    std::printf("%s: %s\n", path.c_str(), broken ? "broken" : same ? "ok" : options.rewrite ? "rewritten" : "differs");
    if (options.rewrite && !same && !broken) std::ofstream(path) << answered;
    if (broken || (!options.rewrite && !same)) std::fputs(answered.c_str(), stdout);
    if (broken || (!same && !options.rewrite)) bad = 1;
  }
  return bad;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!Parse(argc, argv, options)) {
    std::fputs(kHelp, stderr);
    return 64;
  }
  if (options.help) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (options.livekit) {
    return SimulateLivekit({.seeds = options.seeds,
                            .first = options.first,
                            .seed = options.seed,
                            .jobs = Processes(options),
                            .one = options.one,
                            .trace = options.trace,
                            .quiet = options.quiet});
  }
  if (!options.scenarios.empty()) return RunScenarios(options);
  if (options.exhaustive > 0) return RunAll(options);
  return options.one ? Replay(options) : RunMany(options);
}
