// Seed corpora as people read them.
//
// A corpus is a text file: one seed a line, `name: tokens`. A token is hexadecimal bytes (05 1a03), a text in quotes
// ("loading\n", with \n, \t, \\, \" and \xNN), or either of them repeated (4096*61, 3*"ab"). A line that begins with a
// blank goes on with the seed above it; # begins a comment line. A folder is a corpus of files that are seeds as they
// are. Any other file is one seed: what libFuzzer has kept.
#ifndef ANDIRON_TESTS_FUZZ_SEEDS_H_
#define ANDIRON_TESTS_FUZZ_SEEDS_H_

#include <string>
#include <string_view>
#include <vector>

namespace andiron::fuzz {

struct Seed {
  std::string name;
  std::string bytes;
};

// Ends the program where the path can't be read or a line can't be understood.
std::vector<Seed> ReadSeeds(const std::string& path);

// The line of a corpus for these bytes.
std::string SeedLine(std::string_view name, std::string_view bytes);

}  // namespace andiron::fuzz

#endif  // ANDIRON_TESTS_FUZZ_SEEDS_H_
