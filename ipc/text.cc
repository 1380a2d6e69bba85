#include "ipc/text.h"

#include <cstdint>

namespace andiron {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view kCut = "... (cut)";

bool InRange(char c, unsigned low, unsigned high) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= low && byte <= high;
}

// Bytes of the character that the text begins with; 0 = the first byte is bad.
std::size_t CharacterSize(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return 1;
  std::size_t size = 0;
  // What the second byte may be: narrower after these four, against overlong forms, surrogates and beyond U+10FFFF.
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) size = 2;
  if (first >= 0xe0 && first <= 0xef) size = 3;
  if (first >= 0xf0 && first <= 0xf4) size = 4;
  if (first == 0xe0) low = 0xa0;
  if (first == 0xed) high = 0x9f;
  if (first == 0xf0) low = 0x90;
  if (first == 0xf4) high = 0x8f;
  if (size == 0 || text.size() < size || !InRange(text[1], low, high)) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (!InRange(text[i], 0x80, 0xbf)) return 0;
  }
  return size;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = CharacterSize(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string CleanUtf8(std::string_view text, std::size_t max_bytes) {
  std::string clean;
  std::size_t cut_at = 0;  // the longest clean beginning that leaves room for the mark
  while (!text.empty()) {
    const std::size_t size = CharacterSize(text);
    const std::string_view character = size == 0 ? kReplacement : text.substr(0, size);
    if (clean.size() + character.size() > max_bytes) {
      if (max_bytes < kCut.size()) return clean;
      clean.resize(cut_at);
      return clean.append(kCut);
    }
    clean.append(character);
    if (clean.size() + kCut.size() <= max_bytes) cut_at = clean.size();
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return clean;
}

}  // namespace andiron
