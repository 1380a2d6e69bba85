#include "tools/andiron/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include "worker/base/escape.h"

namespace andiron {
namespace {

// "3m 05s": two neighbouring units.
std::string TwoUnits(std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
  return std::to_string(large) + large_unit + (small < 10 ? " 0" : " ") + std::to_string(small) + small_unit;
}

// Continuation bytes of UTF-8 take no column.
std::size_t Columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

}  // namespace

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < here ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= here ? kAlphabet[group >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return text;
}

std::string ShortDuration(Duration duration) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds >= 86400) return TwoUnits(seconds / 86400, "d", seconds % 86400 / 3600, "h");
  if (seconds >= 3600) return TwoUnits(seconds / 3600, "h", seconds % 3600 / 60, "m");
  if (seconds >= 60) return TwoUnits(seconds / 60, "m", seconds % 60, "s");
  std::array<char, 64> text{};
  const double milliseconds = Milliseconds(duration);
  if (milliseconds >= 1000) {
    std::snprintf(text.data(), text.size(), "%.1fs", milliseconds / 1000);
  } else {
    std::snprintf(text.data(), text.size(), "%.0fms", milliseconds);
  }
  return text.data();
}

std::string Count(std::int64_t number, std::string_view noun) {
  std::string text = std::to_string(number) + " " + std::string(noun);
  if (number != 1) text += noun == "child" ? "ren" : "s";
  return text;
}

std::string Printable(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  std::string printable;
  while (true) {
    const std::size_t end = text.find('\n');
    AppendPlain(printable, text.substr(0, end));
    if (end == std::string_view::npos) return printable;
    printable += "\n    ";
    text.remove_prefix(end + 1);
  }
}

std::string EndedLine(std::string text) {
  if (text.empty() || text.back() != '\n') text += '\n';
  return text;
}

std::string Table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right_aligned) {
  std::vector<std::size_t> widths(right_aligned.size());
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      const std::string blanks(widths[i] - Columns(row[i]), ' ');
      if (i > 0) line += "  ";
      line += right_aligned[i] ? blanks + row[i] : row[i] + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

}  // namespace andiron
