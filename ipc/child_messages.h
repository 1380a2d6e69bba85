// The messages of proto/child.proto as plain values: encoded straight into an output buffer, decoded with every
// promise of the contract checked.
//
// Encoding is written by hand and yields the same bytes as protobuf (a test compares them): nothing is built,
// nothing is copied twice. Strings that protobuf calls `string` (id, text, error, SDK name) must be UTF-8; where that
// isn't known, ipc/text.h makes it so.
// What breaks the contract comes back as a ProtocolError with a text for people. Unknown fields
// are ignored. Whether a message is in place (Progress before Hello, an Ack for a job that the child has) is for the
// caller to judge.
#ifndef ANDIRON_IPC_CHILD_MESSAGES_H_
#define ANDIRON_IPC_CHILD_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "ipc/limits.h"

namespace andiron {

struct ProtocolError {
  std::string what;  // "Result of job 7 without an end"
};

// ---- child to worker ----

struct ProgressMessage {
  int percent = -1;  // 0 to 100, -1 = unknown; what lies outside is brought into that range
  std::string text;
};

struct HelloMessage {
  std::string sdk_name;  // printable ASCII, as is the version
  std::string sdk_version;
  int pid = 0;
};

struct AckMessage {
  std::uint64_t job = 0;
};

struct ResultMessage {
  enum class End { kSucceeded, kFailed, kCancelled };
  std::uint64_t job = 0;
  End end = End::kSucceeded;
  std::string text;  // the output after kSucceeded, else the error's text
};

struct PongMessage {
  std::uint64_t sequence = 0;
};

using FromChildMessage =
    std::variant<ProtocolError, ProgressMessage, HelloMessage, AckMessage, ResultMessage, PongMessage>;

// Decodes a frame's body. A Hello with another protocol version is an error that names both sides; so is an output of
// more than max_result bytes.
FromChildMessage DecodeFromChild(std::span<const std::byte> body, std::size_t max_result = kPayloadBytesMax);

void AppendProgress(std::string& out, int percent, std::string_view text);
void AppendHello(std::string& out, std::string_view sdk_name, std::string_view sdk_version, int pid);
void AppendAck(std::string& out, std::uint64_t job);
// `text` is the output after kSucceeded, else the error's text.
void AppendResult(std::string& out, std::uint64_t job, ResultMessage::End end, std::string_view text);
void AppendPong(std::string& out, std::uint64_t sequence);

// ---- worker to child ----

struct RunMessage {
  std::uint64_t job = 0;
  std::string id;
  std::string payload;
  std::uint64_t run_for_ms = 0;  // 0 = without a limit
};

struct CancelMessage {
  std::uint64_t job = 0;
};

struct PingMessage {
  std::uint64_t sequence = 0;
};

struct StopMessage {};

using ToChildMessage = std::variant<ProtocolError, RunMessage, CancelMessage, PingMessage, StopMessage>;

ToChildMessage DecodeToChild(std::span<const std::byte> body);

void AppendRun(std::string& out, std::uint64_t job, std::string_view id, std::string_view payload,
               std::uint64_t run_for_ms);
void AppendCancel(std::string& out, std::uint64_t job);
void AppendPing(std::string& out, std::uint64_t sequence);
void AppendStop(std::string& out);

}  // namespace andiron

#endif  // ANDIRON_IPC_CHILD_MESSAGES_H_
