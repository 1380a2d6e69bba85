// Spell-checks texts with Hunspell. Knows nothing of Andiron: the child and the direct mode use the same code.
//
// The same text gives the same answer, whoever checked before. One thread at a time.
#ifndef EXAMPLES_SPELL_SPELLING_H_
#define EXAMPLES_SPELL_SPELLING_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

class Hunspell;

namespace spell {

// The words of a UTF-8 text: runs of letters, with apostrophes inside. What holds a digit is a number or a name, not a
// word. Bytes that aren't UTF-8 separate words.
std::vector<std::string> Words(std::string_view text);

class Spelling {
 public:
  // `dictionary` is a name, for /usr/share/hunspell/NAME.{aff,dic}, or a path without its ending.
  explicit Spelling(std::string dictionary);
  ~Spelling();

  // Loads the dictionary: tens of milliseconds. "" or why it can't.
  std::string Load();

  // One line, without its end: WORDS <tab> MISSPELT <tab> the `most` most frequent misspelt words, "word count, word
  // count". After Load.
  std::string Check(std::string_view text, int most);

 private:
  const std::string path_;
  std::unique_ptr<Hunspell> hunspell_;
};

}  // namespace spell

#endif  // EXAMPLES_SPELL_SPELLING_H_
