#include "examples/spell/spelling.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <hunspell/hunspell.hxx>
#include <map>
#include <utility>

namespace spell {
namespace {

constexpr std::string_view kDictionaryFolder = "/usr/share/hunspell/";

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 1;  // bytes that it takes in the text
};

// The character at the front of `text`, which isn't empty; code 0 for a byte that starts none.
Character Decode(std::string_view text) {
  const auto byte = [&](std::size_t index) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[index]));
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC0 || first > 0xF4 || text.size() < size) return {0, 1};
  std::uint32_t code = first & (0xFFu >> (size + 1));
  for (std::size_t index = 1; index < size; ++index) {
    if ((byte(index) & 0xC0) != 0x80) return {0, 1};
    code = code << 6 | (byte(index) & 0x3F);
  }
  return {code, size};
}

bool IsDigit(std::uint32_t code) { return code >= '0' && code <= '9'; }

bool IsLetter(std::uint32_t code) {
  if (code < 0x80) return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
  const bool sign = code < 0xC0 || code == 0xD7 || code == 0xF7;
  const bool punctuation = (code >= 0x2000 && code <= 0x2BFF) || (code >= 0x3000 && code <= 0x303F);
  return !sign && !punctuation;
}

bool IsApostrophe(std::uint32_t code) { return code == '\'' || code == 0x2019; }

// Takes the word that has been gathered, if it is one.
void EndWord(std::string& word, bool& has_digit, std::vector<std::string>& words) {
  while (word.ends_with('\'')) word.pop_back();
  if (!word.empty() && !has_digit) words.push_back(std::move(word));
  word.clear();
  has_digit = false;
}

}  // namespace

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool has_digit = false;
  while (!text.empty()) {
    const Character character = Decode(text);
    if (IsApostrophe(character.code) && !word.empty()) {
      word += '\'';
    } else if (IsLetter(character.code) || IsDigit(character.code)) {
      word += text.substr(0, character.size);
      has_digit = has_digit || IsDigit(character.code);
    } else {
      EndWord(word, has_digit, words);
    }
    text.remove_prefix(character.size);
  }
  EndWord(word, has_digit, words);
  return words;
}

Spelling::Spelling(std::string dictionary)
    : path_(dictionary.find('/') == std::string::npos ? std::string(kDictionaryFolder) + dictionary : dictionary) {}

Spelling::~Spelling() = default;

std::string Spelling::Load() {
  for (const char* ending : {".aff", ".dic"}) {
    // Hunspell itself takes a missing file for an empty dictionary.
    if (!std::ifstream(path_ + ending)) return "can't read the dictionary " + path_ + ending;
  }
  hunspell_ = std::make_unique<Hunspell>((path_ + ".aff").c_str(), (path_ + ".dic").c_str());
  return "";
}

std::string Spelling::Check(std::string_view text, int most) {
  const std::vector<std::string> words = Words(text);
  std::map<std::string, int> counts;
  for (const std::string& word : words) ++counts[word];

  int misspelt = 0;
  std::vector<std::pair<std::string, int>> wrong;
  for (const auto& [word, count] : counts) {
    if (hunspell_->spell(word)) continue;
    misspelt += count;
    wrong.emplace_back(word, count);
  }
  // Words as frequent as each other in the order of the alphabet.
  std::sort(wrong.begin(), wrong.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (wrong.size() > static_cast<std::size_t>(most)) wrong.resize(static_cast<std::size_t>(most));

  std::string line = std::to_string(words.size()) + '\t' + std::to_string(misspelt) + '\t';
  for (const auto& [word, count] : wrong) {
    if (!line.ends_with('\t')) line += ", ";
    line += word + ' ' + std::to_string(count);
  }
  return line;
}

}  // namespace spell
