// The words of words.h as bytes: one message of proto/livekit_agent.proto for each.
//
// What comes from the server is hostile until Decode has taken it. What it promises:
//   - a message of more than `max` bytes is refused before anything is read;
//   - reading allocates nothing but the strings of the word that comes out: at most the size of the message;
//   - nothing is recursive: only the fields that are needed are looked into, and no group is accepted;
//   - strings are UTF-8, they and the fields of a job within the limits below; a job has an id;
//   - what is new in a later server is skipped, not an error.
// No text of an error holds a byte of the message: tokens are secrets. Control characters in strings are let through;
// whoever logs them escapes them.
//
// Encoding yields protobuf's bytes (a test compares them). No I/O, no clock; any thread.
#ifndef ANDIRON_WORKER_LIVEKIT_MESSAGES_H_
#define ANDIRON_WORKER_LIVEKIT_MESSAGES_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "worker/livekit/words.h"

namespace andiron::livekit {

// Bytes.
inline constexpr std::size_t kIdMax = 256;  // of a job or worker, and of the server's version
inline constexpr std::size_t kUrlMax = 4096;
inline constexpr std::size_t kTokenMax = 64u << 10;
// The error of a TellJob; a longer one is cut.
inline constexpr std::size_t kErrorTextMax = 64u << 10;

// Fields of a job, known or not. Each of its attributes is one, and the server bounds those by their bytes (64,000 by
// default, keys and values): there can't be more of them than that. To walk over so many takes far less than a
// millisecond.
inline constexpr std::size_t kJobFieldsMax = 100'000;

// The word in one message; nothing if it is one that this worker doesn't know, which is to be ignored.
// Errors: kResourceExhausted for a message of more than `max` bytes, kInvalidArgument for one that can't be read, has a
// string over its limit, or holds two words.
absl::StatusOr<std::optional<ServerWord>> Decode(std::string_view bytes, std::size_t max);

// What isn't UTF-8 in the word's strings is replaced: one bad byte would make the server close the connection.
std::string Encode(const WorkerWord& word);

}  // namespace andiron::livekit

#endif  // ANDIRON_WORKER_LIVEKIT_MESSAGES_H_
