// andiron-reliability: how exactly times are kept while children hang, die, misbehave and are many.
#include <andiron/worker.h>
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/reliability/scenes.h"

namespace andiron::bench {
namespace {

struct Scene {
  const char* name;
  Findings (*run)(const Amount& amount);
};

constexpr Scene kScenes[] = {{"settle", SettleOvershoot},
                             {"death", DeathToNotIdle},
                             {"stall", LoopStall},
                             {"stuck", StuckStart},
                             {"neighbours", HostileNeighbour}};

// A child takes five descriptors.
void RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Each look at a thousand children takes memory at the heap's end: it would be given back and fetched again every time.
void KeepHeap() {
  constexpr int kKeptBytes = 64 << 20;
  mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  mallopt(M_MMAP_THRESHOLD, kKeptBytes / 2);
}

std::string Verdict(const Figure& figure) {
  if (figure.aim == 0) return "";
  return figure.value <= figure.aim ? "yes" : "no";
}

void PrintMarkdown(const Figure& figure) {
  char aim[32] = "";
  if (figure.aim > 0) {
    std::snprintf(aim, sizeof aim, "<= %g%s%s", figure.aim, figure.unit.empty() ? "" : " ", figure.unit.c_str());
  }
  std::printf("| %s | %.2f%s%s | %s | %s | %zu |\n", figure.what.c_str(), figure.value, figure.unit.empty() ? "" : " ",
              figure.unit.c_str(), aim, Verdict(figure).c_str(), figure.samples);
}

int Main(int argc, char** argv) {
  bool quick = false;
  std::vector<std::string> only;
  CLI::App app{
      "Measures how exactly a worker keeps its times while children hang, die, misbehave and are many. Prints rows "
      "of a Markdown table.\nExample: andiron-reliability --only settle"};
  app.add_option("--only", only, "scenes: settle, death, stall, stuck, neighbours");
  app.add_flag("--quick", quick, "little of everything: does it work? The figures mean nothing");
  CLI11_PARSE(app, argc, argv);
  PrepareProcess();
  RaiseDescriptorLimit();
  KeepHeap();
  const Amount amount = quick ? Amount::Quick() : Amount{};
  std::printf("| figure | measured | aim | met | samples |\n|---|---:|---:|---|---:|\n");
  for (const Scene& scene : kScenes) {
    if (!only.empty() && std::find(only.begin(), only.end(), scene.name) == only.end()) continue;
    const Findings findings = scene.run(amount);
    if (!findings.failure.empty()) {
      std::fprintf(stderr, "andiron-reliability: %s: %s\n", scene.name, findings.failure.c_str());
      return 1;
    }
    for (const Figure& figure : findings.figures) PrintMarkdown(figure);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

Amount Amount::Quick() {
  return {.hung_children = 4,
          .hung_rounds = 1,
          .children = 10,
          .deaths = 5,
          .queued = 50,
          .stall_seconds = 1,
          .stuck_children = 2,
          .stuck_seconds = 1,
          .neighbours = 4,
          .neighbour_rounds = 1,
          .neighbour_ms = 200};
}

double Quantile(std::vector<double>& values, double share) {
  if (values.empty()) return std::nan("");
  const auto index = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  const std::size_t at = std::min(index, values.size() - 1);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace andiron::bench

int main(int argc, char** argv) { return andiron::bench::Main(argc, argv); }
