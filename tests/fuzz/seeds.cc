#include "tests/fuzz/seeds.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace andiron::fuzz {
namespace {

[[noreturn]] void Fail(const std::string& path, std::size_t line, std::string_view what) {
  std::fprintf(stderr, "%s:%zu: %.*s\n", path.c_str(), line, static_cast<int>(what.size()), what.data());
  std::exit(2);
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail(path, 0, "can't be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

bool TakeHex(std::string_view& text, std::string& out) {
  unsigned value = 0;
  if (text.size() < 2 || std::from_chars(text.data(), text.data() + 2, value, 16).ptr != text.data() + 2) return false;
  out.push_back(static_cast<char>(value));
  text.remove_prefix(2);
  return true;
}

// From behind the first quote to behind the last.
bool TakeQuoted(std::string_view& text, std::string& out) {
  while (!text.empty() && text.front() != '"') {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    const char escaped = text.empty() ? '\0' : text.front();
    text.remove_prefix(std::min<std::size_t>(text.size(), 1));
    if (escaped == 'x') {
      if (!TakeHex(text, out)) return false;
    } else if (escaped == 'n' || escaped == 't' || escaped == '\\' || escaped == '"') {
      out.push_back(escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped);
    } else {
      return false;
    }
  }
  if (text.empty()) return false;
  text.remove_prefix(1);
  return true;
}

// One token: [N*]"text" or [N*]hex.
bool TakeToken(std::string_view& text, std::string& out) {
  std::size_t times = 1;
  if (const std::size_t star = text.substr(0, text.find_first_of(" \"")).find('*'); star != std::string_view::npos) {
    if (std::from_chars(text.data(), text.data() + star, times).ptr != text.data() + star) return false;
    text.remove_prefix(star + 1);
  }
  std::string once;
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    if (!TakeQuoted(text, once)) return false;
  } else {
    while (!text.empty() && text.front() != ' ') {
      if (!TakeHex(text, once)) return false;
    }
  }
  for (; times > 0; --times) out += once;
  return true;
}

std::vector<Seed> ReadText(const std::string& path) {
  std::vector<Seed> seeds;
  const std::string text = Contents(path);
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() != ' ') {
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) Fail(path, number, "expected NAME: TOKENS");
      const std::string name(line.substr(0, colon));
      if (std::any_of(seeds.begin(), seeds.end(), [&](const Seed& seed) { return seed.name == name; }))
        Fail(path, number, "a second seed of this name");
      seeds.push_back({name, {}});
      line.remove_prefix(colon + 1);
    }
    if (seeds.empty()) Fail(path, number, "a line that goes on with nothing");
    while (!line.empty()) {
      if (line.front() == ' ') {
        line.remove_prefix(1);
      } else if (!TakeToken(line, seeds.back().bytes)) {
        Fail(path, number, "can't be understood from here: " + std::string(line));
      }
    }
  }
  return seeds;
}

}  // namespace

std::vector<Seed> ReadSeeds(const std::string& path) {
  if (path.ends_with(".txt")) return ReadText(path);
  if (!std::filesystem::is_directory(path)) return {{path.substr(path.rfind('/') + 1), Contents(path)}};
  std::vector<Seed> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    seeds.push_back({entry.path().filename(), Contents(entry.path())});
  std::sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

std::string SeedLine(std::string_view name, std::string_view bytes) {
  constexpr std::size_t kPerLine = 32;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string line = std::string(name) + ":";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % kPerLine == 0) line += "\n ";
    const auto byte = static_cast<unsigned char>(bytes[i]);
    line += {' ', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return line + "\n";
}

}  // namespace andiron::fuzz
