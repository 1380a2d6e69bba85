// Small functions on texts that several files of this folder need.
#ifndef ANDIRON_WORKER_CONFIG_TEXT_H_
#define ANDIRON_WORKER_CONFIG_TEXT_H_

#include <string>
#include <string_view>

namespace andiron {

// In small or capital ASCII letters.
std::string Lower(std::string_view text);
std::string Upper(std::string_view text);

// In quotes for a message: fit for a terminal, cut after 60 bytes.
std::string Shown(std::string_view text);

// As a string of JSON, and of YAML between double quotes.
std::string JsonQuoted(std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_TEXT_H_
