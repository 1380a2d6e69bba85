#include "worker/base/escape.h"

#include <cstddef>
#include <cstdint>

namespace andiron {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::uint8_t At(std::string_view text, std::size_t index) { return static_cast<std::uint8_t>(text[index]); }

// Printable ASCII from the front on: what nearly all text is, copied in one piece.
std::size_t PlainRun(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && At(text, length) >= 0x20 && At(text, length) < 0x7F && text[length] != '"' &&
         text[length] != '\\') {
    ++length;
  }
  return length;
}

void AppendHex(std::string& out, std::string_view before, std::uint8_t byte) {
  out += before;
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

// Whether a terminal, an editor or a pager would show the text around it in another order or on another line: the marks
// of right-to-left writing, and the separators of lines and paragraphs. A line of a log is to be read as it was
// written.
bool Rearranges(std::string_view character) {
  if (character == "\u061C") return true;
  if (character.size() != 3 || At(character, 0) != 0xE2) return false;
  const std::uint8_t third = At(character, 2);
  if (At(character, 1) == 0x80) return third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE);
  return At(character, 1) == 0x81 && third >= 0xA6 && third <= 0xA9;
}

// A character of two or three bytes.
void AppendCodePoint(std::string& out, std::string_view character) {
  unsigned code = At(character, 0) & (character.size() == 2 ? 0x1Fu : 0x0Fu);
  for (const char byte : character.substr(1)) code = code << 6 | (static_cast<std::uint8_t>(byte) & 0x3Fu);
  AppendHex(out, "\\u", static_cast<std::uint8_t>(code >> 8));
  AppendHex(out, "", static_cast<std::uint8_t>(code & 0xFF));
}

void AppendPlainCharacter(std::string& out, std::string_view character) {
  const std::uint8_t first = At(character, 0);
  const bool c1_control = first == 0xC2 && character.size() == 2 && At(character, 1) < 0xA0;
  if (first == '\n') {
    out += "\\n";
  } else if (first == '\t') {
    out += "\\t";
  } else if (first < 0x20 || first == 0x7F || c1_control) {
    for (const char byte : character) AppendHex(out, "\\x", static_cast<std::uint8_t>(byte));
  } else if (Rearranges(character)) {
    AppendCodePoint(out, character);
  } else {
    out += character;
  }
}

void AppendJsonCharacter(std::string& out, std::string_view character) {
  const std::uint8_t first = At(character, 0);
  if (first == '"' || first == '\\') {
    out += '\\';
    out += character;
  } else if (first == '\n') {
    out += "\\n";
  } else if (first == '\t') {
    out += "\\t";
  } else if (first == '\r') {
    out += "\\r";
  } else if (first < 0x20 || first == 0x7F) {
    AppendHex(out, "\\u00", first);
  } else if (first == 0xC2 && At(character, 1) < 0xA0) {
    AppendHex(out, "\\u00", At(character, 1));
  } else if (Rearranges(character)) {
    AppendCodePoint(out, character);
  } else {
    out += character;
  }
}

}  // namespace

std::size_t CharacterBytes(std::string_view text) {
  const std::uint8_t first = At(text, 0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const std::size_t bytes = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((At(text, i) & 0xC0) != 0x80) return 0;
  }
  const std::uint8_t second = At(text, 1);
  if (first == 0xE0 && second < 0xA0) return 0;
  if (first == 0xED && second > 0x9F) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return bytes;
}

void AppendPlain(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t run = PlainRun(text);
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) return;
    const std::size_t bytes = CharacterBytes(text);
    if (bytes == 0) {
      AppendHex(out, "\\x", At(text, 0));
      text.remove_prefix(1);
    } else {
      AppendPlainCharacter(out, text.substr(0, bytes));
      text.remove_prefix(bytes);
    }
  }
}

void AppendJson(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t run = PlainRun(text);
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) break;
    const std::size_t bytes = CharacterBytes(text);
    if (bytes == 0) {
      out += "\xEF\xBF\xBD";
      text.remove_prefix(1);
    } else {
      AppendJsonCharacter(out, text.substr(0, bytes));
      text.remove_prefix(bytes);
    }
  }
  out += '"';
}

}  // namespace andiron
