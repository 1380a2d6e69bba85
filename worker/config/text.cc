#include "worker/config/text.h"

#include <cstdint>

namespace andiron {
namespace {

constexpr std::size_t kShownMax = 60;

std::string Escaped(unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return std::string("\\u00") + kDigits[byte >> 4] + kDigits[byte & 15];
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool IsContinuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

}  // namespace

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::string Shown(std::string_view text) {
  std::string shown = "'";
  for (std::size_t at = 0; at < text.size();) {
    if (at >= kShownMax) return shown + "...'";
    const std::size_t bytes = CharacterBytes(text, at);
    if (bytes == 0) {
      shown += "\xef\xbf\xbd";
      ++at;
      continue;
    }
    shown += IsControl(text[at]) ? Escaped(static_cast<unsigned char>(text[at])) : std::string(text.substr(at, bytes));
    at += bytes;
  }
  return shown + "'";
}

std::size_t CharacterBytes(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return 1;
  std::size_t bytes = 0;
  if (first >= 0xc2 && first <= 0xdf) bytes = 2;
  if (first >= 0xe0 && first <= 0xef) bytes = 3;
  if (first >= 0xf0 && first <= 0xf4) bytes = 4;
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!IsContinuation(text, at + i)) return 0;
  }
  if (bytes < 3) return bytes;
  // Overlong forms, surrogates, and what lies above U+10FFFF show in the second byte.
  const auto second = static_cast<unsigned char>(text[at + 1]);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return bytes;
}

std::string JsonQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = CharacterBytes(text, at);
    if (bytes == 0) {
      quoted += "\xef\xbf\xbd";
      ++at;
      continue;
    }
    const char c = text[at];
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (IsControl(c)) {
      quoted += Escaped(static_cast<unsigned char>(c));
    } else {
      quoted += text.substr(at, bytes);
    }
    at += bytes;
  }
  return quoted + "\"";
}

}  // namespace andiron
