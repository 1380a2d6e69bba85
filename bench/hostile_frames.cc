// andiron-hostile-frames: what the worker takes to read a frame of 4 MiB that a child has made to be dear, beside a
// copy of the same bytes. The frames are those of tests/ipc/memory_test.cc.
#include "tests/ipc/hostile_frames.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "worker/base/clock.h"

namespace andiron::bench {
namespace {

constexpr double kAimMs = 5;

double CopyMs(const std::string& bytes) {
  const TimePoint begin = Now();
  std::string copy;
  copy.append(bytes);
  // Of use to nobody, but the compiler doesn't know that.
  [[maybe_unused]] static volatile char last = 0;
  last = copy.back();
  return Milliseconds(Now() - begin);
}

int Main(int argc, char** argv) {
  bool quick = false;
  CLI::App app{
      "Measures what reading a hostile frame of 4 MiB takes, beside a copy of its bytes.\n"
      "Example: andiron-hostile-frames"};
  app.add_flag("--quick", quick, "each once: does it work? The figures mean nothing");
  CLI11_PARSE(app, argc, argv);
  std::printf("| a frame of 4 MiB | | ms | aim | times a copy of its bytes | memory, times its size |\n");
  std::printf("|---|---|---:|---:|---:|---:|\n");
  for (const HostileFrame& frame : HostileFrames()) {
    // The fastest of the rounds, in turn: what else runs on the machine only adds.
    FrameCost best = CostOf(frame.bytes);
    double copy = CopyMs(frame.bytes);
    for (int round = quick ? 20 : 0; round < 20; ++round) {
      best.milliseconds = std::min(best.milliseconds, CostOf(frame.bytes).milliseconds);
      copy = std::min(copy, CopyMs(frame.bytes));
    }
    const auto size = static_cast<double>(frame.bytes.size());
    std::printf("| %s | %s | %.2f | <= %g | %.1f | %.2f |\n", frame.name.c_str(), frame.taken ? "taken" : "refused",
                best.milliseconds, kAimMs, best.milliseconds / copy, static_cast<double>(best.peak) / size);
  }
  return 0;
}

}  // namespace
}  // namespace andiron::bench

int main(int argc, char** argv) { return andiron::bench::Main(argc, argv); }
