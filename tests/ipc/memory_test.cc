// What a hostile frame costs the worker: at most twice its size in memory. How long it takes is printed, and wants to
// be read of a release build.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/ipc/hostile_frames.h"

namespace andiron {
namespace {

// The reader's smallest buffer and the text of an error.
constexpr std::size_t kSmall = 8192;
// Far from any figure: only what hangs is as slow.
constexpr double kHangsMs = 10000;

TEST(HostileFrames, CostAtMostTwiceTheirSize) {
  for (const HostileFrame& frame : HostileFrames()) {
    const FrameCost cost = CostOf(frame.bytes);
    std::printf("%6.2f ms  %5.3f x its size  %s\n", cost.milliseconds,
                static_cast<double>(cost.peak) / static_cast<double>(frame.bytes.size()), frame.name.c_str());
    EXPECT_LE(cost.peak, 2 * frame.bytes.size() + kSmall) << frame.name;
    EXPECT_LE(cost.milliseconds, kHangsMs) << frame.name;
    EXPECT_EQ(cost.taken, frame.taken) << frame.name;
  }
}

// The measure itself sees what is allocated.
TEST(HostileFrames, AreMeasured) {
  const std::vector<HostileFrame> frames = HostileFrames();
  EXPECT_GE(CostOf(frames.front().bytes).peak, frames.front().bytes.size() + kHostileResultMax);
}

}  // namespace
}  // namespace andiron
