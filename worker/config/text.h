// Small functions on texts that several files of this folder need.
#ifndef ANDIRON_WORKER_CONFIG_TEXT_H_
#define ANDIRON_WORKER_CONFIG_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace andiron {

// In small or capital ASCII letters.
std::string Lower(std::string_view text);
std::string Upper(std::string_view text);

// In quotes for a message: control characters escaped, cut after 60 bytes.
std::string Shown(std::string_view text);

// The length of the UTF-8 character that begins at `at`: 1 to 4; 0 = there is none.
std::size_t CharacterBytes(std::string_view text, std::size_t at);

// As a string of JSON, and of YAML between double quotes. Bytes that aren't UTF-8 become U+FFFD.
std::string JsonQuoted(std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_TEXT_H_
