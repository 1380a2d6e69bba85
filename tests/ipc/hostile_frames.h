// Frames of 4 MiB, each as dear as its kind allows, and what reading one costs.
#ifndef ANDIRON_TESTS_IPC_HOSTILE_FRAMES_H_
#define ANDIRON_TESTS_IPC_HOSTILE_FRAMES_H_

#include <cstddef>
#include <string>
#include <vector>

namespace andiron {

inline constexpr std::size_t kHostileResultMax = std::size_t{4} << 20;

struct HostileFrame {
  std::string name;
  std::string bytes;   // with its length
  bool taken = false;  // a good message all the same
};

std::vector<HostileFrame> HostileFrames();

struct FrameCost {
  std::size_t peak = 0;  // bytes of the heap, at the most at once
  double milliseconds = 0;
  bool taken = false;
};

// Reads the frame as the worker's channel does, in pieces as the kernel gives them, and decodes it.
FrameCost CostOf(const std::string& frame);

}  // namespace andiron

#endif  // ANDIRON_TESTS_IPC_HOSTILE_FRAMES_H_
