// andiron-bench: Andiron against a bare libuv loop, in the same run, round by round.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure.h"

namespace andiron::bench {
namespace {

struct Side {
  std::string name;
  Maker make;
  std::map<std::string, std::vector<double>> figures;  // by measure, one for each round
};

struct Options {
  int rounds = 5;
  bool quick = false;
  std::string side = "both";
  std::string only;
  std::string output = "text";
};

std::string ChildProgram() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  const std::string self(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return self.substr(0, self.rfind('/') + 1) + "bench-child";
}

bool HigherIsBetter(const std::string& measure) { return measure.ends_with("_per_s"); }

// Sides take turns, and who goes first alternates.
int RunRounds(const Options& options, std::vector<Side>& sides, std::vector<std::string>& measures) {
  const std::vector<Scene> scenes = Scenes(ChildProgram(), options.quick ? Effort::Quick() : Effort{});
  for (int round = 0; round < options.rounds; ++round) {
    for (const Scene& scene : scenes) {
      if (!options.only.empty() && scene.name != options.only) continue;
      for (std::size_t turn = 0; turn < sides.size(); ++turn) {
        Side& side = sides[(turn + static_cast<std::size_t>(round)) % sides.size()];
        const std::string failure = scene.run(side.make, [&](const std::string& name, double value) {
          if (std::find(measures.begin(), measures.end(), name) == measures.end()) measures.push_back(name);
          side.figures[name].push_back(value);
        });
        if (!failure.empty()) {
          std::fprintf(stderr, "andiron-bench: %s, %s: %s\n", scene.name.c_str(), side.name.c_str(), failure.c_str());
          return 1;
        }
      }
      std::fprintf(stderr, "round %d of %d: %s\n", round + 1, options.rounds, scene.name.c_str());
    }
  }
  return 0;
}

double Median(const Side& side, const std::string& measure) {
  const auto found = side.figures.find(measure);
  return Quantile(found == side.figures.end() ? std::vector<double>{} : found->second, 0.5);
}

void PrintText(const std::vector<Side>& sides, const std::vector<std::string>& measures) {
  std::printf("%-32s", "median over the rounds");
  for (const Side& side : sides) std::printf(" %12s", side.name.c_str());
  std::printf("%s\n", sides.size() == 2 ? "    ratio" : "");
  for (const std::string& measure : measures) {
    std::printf("%-32s", measure.c_str());
    for (const Side& side : sides) std::printf(" %12.1f", Median(side, measure));
    if (sides.size() == 2) {
      std::printf("  %6.2fx%s", Median(sides[1], measure) / Median(sides[0], measure),
                  HigherIsBetter(measure) ? " (more is better)" : "");
    }
    std::printf("\n");
  }
}

void PrintJson(const Options& options, const std::vector<Side>& sides, const std::vector<std::string>& measures) {
  std::printf("{\"rounds\":%d,\"measures\":[", options.rounds);
  for (std::size_t i = 0; i < measures.size(); ++i) {
    std::printf("%s\n{\"name\":\"%s\",\"higher_is_better\":%s", i == 0 ? "" : ",", measures[i].c_str(),
                HigherIsBetter(measures[i]) ? "true" : "false");
    for (const Side& side : sides) {
      std::printf(",\"%s\":%.3f", side.name == "andiron" ? "andiron" : "bare_loop", Median(side, measures[i]));
    }
    if (sides.size() == 2) {
      std::printf(",\"ratio\":%.3f", Median(sides[1], measures[i]) / Median(sides[0], measures[i]));
    }
    std::printf("}");
  }
  std::printf("\n]}\n");
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Measures Andiron against a bare libuv loop that runs the same children: both in turn, medians over "
      "the rounds.\nExample: andiron-bench --rounds 7 -o json"};
  app.add_option("--rounds", options.rounds, "rounds of everything")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--side", options.side, "who runs")
      ->check(CLI::IsMember({"both", "andiron", "bare"}))
      ->capture_default_str();
  app.add_option("--only", options.only, "one scene: reused_10, reused_100, reused_1000, fresh, replenish");
  app.add_flag("--quick", options.quick, "little of everything: does it work? The figures mean nothing");
  app.add_option("-o,--output", options.output, "how to print")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  std::vector<Side> sides;
  if (options.side != "andiron") sides.push_back({"bare loop", MakeBareLoop, {}});
  if (options.side != "bare") sides.push_back({"andiron", MakeAndiron, {}});
  std::vector<std::string> measures;
  if (const int error = RunRounds(options, sides, measures); error != 0) return error;
  if (options.output == "json") {
    PrintJson(options, sides, measures);
  } else {
    PrintText(sides, measures);
  }
  return 0;
}

}  // namespace
}  // namespace andiron::bench

int main(int argc, char** argv) { return andiron::bench::Main(argc, argv); }
