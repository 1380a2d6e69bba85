// Text for protobuf's `string` fields, which must be UTF-8: one bad byte makes the whole message unreadable.
#ifndef ANDIRON_IPC_TEXT_H_
#define ANDIRON_IPC_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace andiron {

// As RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

// The text with every bad byte replaced by U+FFFD, cut between characters to at most `max_bytes`; a cut text ends
// with "... (cut)" where that fits.
std::string CleanUtf8(std::string_view text, std::size_t max_bytes);

}  // namespace andiron

#endif  // ANDIRON_IPC_TEXT_H_
