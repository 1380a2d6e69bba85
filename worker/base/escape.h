// Bytes of unknown origin made fit for a terminal, a log file or a JSON string.
#ifndef ANDIRON_WORKER_BASE_ESCAPE_H_
#define ANDIRON_WORKER_BASE_ESCAPE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace andiron {

// How many bytes the character at the front of a text that isn't empty takes; 0 = not UTF-8. Overlong forms,
// surrogates and what lies above U+10FFFF are not.
std::size_t CharacterBytes(std::string_view text);

// Appends `text` for people: control characters (C0, DEL and C1) and bytes that aren't UTF-8 as \xNN, newline and
// tab as \n and \t, marks that change the order of writing or the line (U+202E and others) as \uNNNN. What a terminal
// shows is what was there, and nothing that it would act on.
void AppendPlain(std::string& out, std::string_view text);

// Appends `text` as a JSON string with its quotes, safe to be shown in the same way. Bytes that aren't UTF-8 become
// U+FFFD.
void AppendJson(std::string& out, std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_ESCAPE_H_
