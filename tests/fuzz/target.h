// What every fuzz target uses: its input taken apart, and a word for what must hold.
//
// A target is one file NAME_fuzz.cc with LLVMFuzzerTestOneInput. It is linked twice: with libFuzzer, which makes up
// inputs (fuzz_NAME, clang only), and with replay.cc into an ordinary test that runs the seeds (fuzz_NAME_replay).
#ifndef ANDIRON_TESTS_FUZZ_TARGET_H_
#define ANDIRON_TESTS_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace andiron::fuzz {

// Ends the run; libFuzzer keeps the input.
inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}
inline void Require(bool holds, const std::string& what) { Require(holds, what.c_str()); }

// The bytes of an input, taken from the front. Past the end everything is 0 or empty.
class Input {
 public:
  Input(const std::uint8_t* bytes, std::size_t size) : rest_(reinterpret_cast<const char*>(bytes), size) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t Byte() {
    const std::string_view byte = Take(1);
    return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte.front());
  }
  std::string_view Take(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view Rest() { return Take(rest_.size()); }

 private:
  std::string_view rest_;
};

// How a stream is cut into pieces: the first byte says how many cuts there are (up to 15), the next ones how long each
// piece is. The last piece is the rest.
class Cuts {
 public:
  explicit Cuts(Input& input) : lengths_(input.Take(input.Byte() % 16)) {}

  // The next piece, taken from `stream`; may be empty while cuts are left.
  std::string_view Next(std::string_view& stream) {
    std::size_t length = stream.size();
    if (!lengths_.empty()) {
      length = static_cast<std::uint8_t>(lengths_.front());
      lengths_.remove_prefix(1);
    }
    const std::string_view piece = stream.substr(0, length);
    stream.remove_prefix(piece.size());
    return piece;
  }

 private:
  std::string_view lengths_;
};

}  // namespace andiron::fuzz

#endif  // ANDIRON_TESTS_FUZZ_TARGET_H_
