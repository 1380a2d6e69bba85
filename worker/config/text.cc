#include "worker/config/text.h"

#include "worker/base/escape.h"

namespace andiron {
namespace {

constexpr std::size_t kShownMax = 60;

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
  std::size_t end = text.size();
  if (end > kShownMax) {
    // Not in the middle of a character, if it is UTF-8.
    end = kShownMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  }
  std::string shown = "'";
  AppendPlain(shown, text.substr(0, end));
  return shown + (end < text.size() ? "...'" : "'");
}

std::string JsonQuoted(std::string_view text) {
  std::string quoted;
  AppendJson(quoted, text);
  return quoted;
}

}  // namespace andiron
