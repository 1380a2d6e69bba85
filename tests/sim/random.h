// The simulator's only source of chance: splitmix64. The same seed gives the same numbers on every machine.
#ifndef ANDIRON_TESTS_SIM_RANDOM_H_
#define ANDIRON_TESTS_SIM_RANDOM_H_

#include <cstdint>

namespace andiron::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  // 0 <= result < bound; bound > 0.
  std::int64_t Below(std::int64_t bound) {
    return static_cast<std::int64_t>(Next() % static_cast<std::uint64_t>(bound));
  }

  // low <= result <= high.
  std::int64_t Between(std::int64_t low, std::int64_t high) { return low + Below(high - low + 1); }

  // True with the probability `odds` / 65536.
  bool Chance(std::uint32_t odds) { return (Next() & 0xffffU) < odds; }

  bool Coin() { return (Next() & 1U) != 0; }

 private:
  std::uint64_t state_;
};

}  // namespace andiron::sim

#endif  // ANDIRON_TESTS_SIM_RANDOM_H_
