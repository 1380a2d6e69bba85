// Runs a target's seeds, or an input that libFuzzer has kept, once each: the fuzz target as an ordinary test.
//
//     fuzz_NAME_replay SEEDS...              runs every seed of these corpora, folders or single inputs
//     fuzz_NAME_replay --unpack DIR SEEDS... writes every seed as a file of DIR, as libFuzzer wants them
//     fuzz_NAME_replay --line NAME FILE      an input as a line for the corpus
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/seeds.h"
#include "tests/fuzz/target.h"

namespace {

using andiron::fuzz::ReadSeeds;
using andiron::fuzz::Seed;

void Run(const Seed& seed) {
  // In memory of exactly its size: a sanitizer sees whoever reads past it.
  const auto bytes = std::make_unique<std::uint8_t[]>(seed.bytes.size());
  std::copy(seed.bytes.begin(), seed.bytes.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), seed.bytes.size());
}

int RunAll(const std::vector<std::string>& paths) {
  std::size_t count = 0;
  for (const std::string& path : paths) {
    for (const Seed& seed : ReadSeeds(path)) {
      // Before it is run: the last name is that of a seed that fails.
      std::printf("%s\n", seed.name.c_str());
      std::fflush(stdout);
      Run(seed);
      ++count;
    }
  }
  std::printf("%zu inputs\n", count);
  return count > 0 ? 0 : 1;
}

int Unpack(const std::string& folder, const std::vector<std::string>& corpora) {
  std::filesystem::create_directories(folder);
  for (const std::string& corpus : corpora) {
    for (const Seed& seed : ReadSeeds(corpus)) {
      std::ofstream file(std::filesystem::path(folder) / seed.name, std::ios::binary);
      file << seed.bytes;
      if (!file.flush()) return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() >= 3 && arguments[0] == "--unpack")
    return Unpack(arguments[1], {arguments.begin() + 2, arguments.end()});
  if (arguments.size() == 3 && arguments[0] == "--line") {
    std::fputs(andiron::fuzz::SeedLine(arguments[1], ReadSeeds(arguments[2]).front().bytes).c_str(), stdout);
    return 0;
  }
  return RunAll(arguments);
}
