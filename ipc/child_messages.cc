#include "ipc/child_messages.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ipc/text.h"
#include "ipc/wire.h"

namespace andiron {
namespace {

// Field numbers of the oneofs and of proto/child.proto's messages.
enum FromChildKind : std::uint32_t { kProgress = 1, kHello = 2, kAck = 3, kResult = 4, kPong = 5 };
enum ToChildKind : std::uint32_t { kRun = 1, kCancel = 2, kPing = 3, kStop = 4 };
enum ResultEnd : std::uint64_t { kEndSucceeded = 1, kEndFailed = 2, kEndCancelled = 3 };

// The one message that a body holds.
struct Content {
  std::uint32_t kind = 0;  // 0 = there is none, or the bytes are malformed
  std::string_view fields;
};

ProtocolError Unreadable(std::string_view name) { return {"a " + std::string(name) + " that can't be read"}; }

// Exactly one kind, and it comes first: the frame's limit was chosen by the first byte. Other fields are ignored.
Content ContentOf(std::span<const std::byte> body, std::uint32_t kinds) {
  FieldReader reader(std::string_view(reinterpret_cast<const char*>(body.data()), body.size()));
  if (!reader.Next() || reader.kind() != FieldReader::Kind::kBytes || reader.field() > kinds) return {};
  const Content content{reader.field(), reader.bytes()};
  while (reader.Next()) {
    if (reader.field() <= kinds) return {};
  }
  return reader.malformed() ? Content{} : content;
}

// The number in field 1, which is all that the small messages have.
std::optional<std::uint64_t> OnlyNumber(std::string_view fields) {
  std::uint64_t number = 0;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsNumber(1)) number = reader.number();
  }
  if (reader.malformed()) return std::nullopt;
  return number;
}

// int32 and enum values travel as 64 bits; only the lower half counts.
std::int32_t ToInt32(std::uint64_t number) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(number)); }
std::uint64_t FromInt32(std::int32_t number) { return static_cast<std::uint64_t>(std::int64_t{number}); }

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool IsSdkText(std::string_view text) { return text.size() <= kSdkTextBytesMax && IsPrintable(text); }

// ---- what a child says ----
//
// Of a field that comes twice the last one counts. A text that another replaces is looked at all the same, as protobuf
// does: the message is good for both or for neither.

FromChildMessage DecodeProgress(std::string_view fields) {
  ProgressMessage progress{0, {}};
  bool good_text = true;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsNumber(1)) progress.percent = ToInt32(reader.number());
    if (reader.IsBytes(2)) {
      progress.text = reader.bytes();
      good_text = good_text && IsUtf8(progress.text);
    }
  }
  if (reader.malformed() || !good_text) return Unreadable("Progress");
  progress.percent = std::clamp(progress.percent, -1, 100);
  return progress;
}

FromChildMessage DecodeHello(std::string_view fields) {
  std::uint32_t version = 0;
  HelloMessage hello;
  bool good_texts = true;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsBytes(2) || reader.IsBytes(3)) good_texts = good_texts && IsSdkText(reader.bytes());
    if (reader.IsNumber(1)) version = static_cast<std::uint32_t>(reader.number());
    if (reader.IsBytes(2)) hello.sdk_name = reader.bytes();
    if (reader.IsBytes(3)) hello.sdk_version = reader.bytes();
    if (reader.IsNumber(4)) hello.pid = ToInt32(reader.number());
  }
  if (reader.malformed()) return Unreadable("Hello");
  if (!good_texts) {
    return ProtocolError{"a Hello whose SDK name or version isn't printable ASCII of at most 64 bytes"};
  }
  if (version == kProtocolVersion) return hello;
  const std::string sdk = hello.sdk_name.empty() ? "unnamed" : hello.sdk_name + " " + hello.sdk_version;
  return ProtocolError{"child speaks protocol " + std::to_string(version) + " (SDK " + sdk + "), this worker speaks " +
                       std::to_string(kProtocolVersion)};
}

// A Result as it is on the wire.
struct RawResult {
  std::uint64_t job = 0;
  std::uint64_t end = 0;
  std::string_view output;
  std::string_view error;
  std::size_t error_bytes = 0;  // of all error texts in it
  bool error_is_utf8 = true;    // all of them; after their size: no more than that is ever looked at byte by byte
};

std::optional<RawResult> ReadResult(std::string_view fields) {
  RawResult result;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsNumber(1)) result.job = reader.number();
    if (reader.IsNumber(2)) result.end = static_cast<std::uint32_t>(reader.number());
    if (reader.IsBytes(3)) result.output = reader.bytes();
    if (reader.IsBytes(4)) {
      result.error = reader.bytes();
      result.error_bytes += result.error.size();
      if (result.error_bytes <= kErrorTextBytesMax) result.error_is_utf8 = result.error_is_utf8 && IsUtf8(result.error);
    }
  }
  if (reader.malformed()) return std::nullopt;
  return result;
}

FromChildMessage DecodeResult(std::string_view fields, std::size_t max_result) {
  const std::optional<RawResult> raw = ReadResult(fields);
  if (!raw) return Unreadable("Result");
  const std::string which = "Result of job " + std::to_string(raw->job);
  if (raw->output.size() > max_result) {
    return ProtocolError{which + " with an output of " + std::to_string(raw->output.size()) + " bytes, max_result is " +
                         std::to_string(max_result)};
  }
  if (raw->error_bytes > kErrorTextBytesMax) {
    return ProtocolError{which + " with an error text of " + std::to_string(raw->error_bytes) + " bytes, it may have " +
                         std::to_string(kErrorTextBytesMax)};
  }
  if (!raw->error_is_utf8) return Unreadable("Result");
  switch (raw->end) {
    case kEndSucceeded:
      return ResultMessage{raw->job, ResultMessage::End::kSucceeded, std::string(raw->output)};
    case kEndFailed:
      return ResultMessage{raw->job, ResultMessage::End::kFailed, std::string(raw->error)};
    case kEndCancelled:
      return ResultMessage{raw->job, ResultMessage::End::kCancelled, std::string(raw->error)};
    case 0:
      return ProtocolError{which + " without an end"};
    default:
      return ProtocolError{which + " with the unknown end " + std::to_string(raw->end)};
  }
}

// ---- what a worker says ----

ToChildMessage DecodeRun(std::string_view fields) {
  RunMessage run;
  bool good_id = true;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsNumber(1)) run.job = reader.number();
    if (reader.IsBytes(2)) {
      run.id = reader.bytes();
      good_id = good_id && IsUtf8(run.id);
    }
    if (reader.IsBytes(3)) run.payload = reader.bytes();
    if (reader.IsNumber(4)) run.run_for_ms = reader.number();
  }
  if (reader.malformed() || !good_id) return Unreadable("Run");
  return run;
}

void AppendNumberFrame(std::string& out, std::uint32_t kind, std::uint64_t number) {
  AppendFrameHead(out, kind, NumberFieldSize(number));
  AppendNumberField(out, 1, number);
}

}  // namespace

FromChildMessage DecodeFromChild(std::span<const std::byte> body, std::size_t max_result) {
  const Content content = ContentOf(body, kPong);
  switch (content.kind) {
    case kProgress:
      return DecodeProgress(content.fields);
    case kHello:
      return DecodeHello(content.fields);
    case kAck:
      if (const auto job = OnlyNumber(content.fields)) return AckMessage{*job};
      return Unreadable("Ack");
    case kResult:
      return DecodeResult(content.fields, max_result);
    case kPong:
      if (const auto sequence = OnlyNumber(content.fields)) return PongMessage{*sequence};
      return Unreadable("Pong");
    default:
      return Unreadable("message");
  }
}

ToChildMessage DecodeToChild(std::span<const std::byte> body) {
  const Content content = ContentOf(body, kStop);
  switch (content.kind) {
    case kRun:
      return DecodeRun(content.fields);
    case kCancel:
      if (const auto job = OnlyNumber(content.fields)) return CancelMessage{*job};
      return Unreadable("Cancel");
    case kPing:
      if (const auto sequence = OnlyNumber(content.fields)) return PingMessage{*sequence};
      return Unreadable("Ping");
    case kStop:
      if (OnlyNumber(content.fields)) return StopMessage{};
      return Unreadable("Stop");
    default:
      return Unreadable("message");
  }
}

void AppendProgress(std::string& out, int percent, std::string_view text) {
  const std::uint64_t number = FromInt32(percent);
  AppendFrameHead(out, kProgress, NumberFieldSize(number) + BytesFieldSize(text));
  AppendNumberField(out, 1, number);
  AppendBytesField(out, 2, text);
}

void AppendHello(std::string& out, std::string_view sdk_name, std::string_view sdk_version, int pid) {
  AppendFrameHead(out, kHello,
                  NumberFieldSize(kProtocolVersion) + BytesFieldSize(sdk_name) + BytesFieldSize(sdk_version) +
                      NumberFieldSize(FromInt32(pid)));
  AppendNumberField(out, 1, kProtocolVersion);
  AppendBytesField(out, 2, sdk_name);
  AppendBytesField(out, 3, sdk_version);
  AppendNumberField(out, 4, FromInt32(pid));
}

void AppendAck(std::string& out, std::uint64_t job) { AppendNumberFrame(out, kAck, job); }

void AppendResult(std::string& out, std::uint64_t job, ResultMessage::End end, std::string_view text) {
  const bool succeeded = end == ResultMessage::End::kSucceeded;
  const std::uint64_t number = static_cast<std::uint64_t>(end) + kEndSucceeded;
  AppendFrameHead(out, kResult, NumberFieldSize(job) + NumberFieldSize(number) + BytesFieldSize(text));
  AppendNumberField(out, 1, job);
  AppendNumberField(out, 2, number);
  AppendBytesField(out, succeeded ? 3 : 4, text);
}

void AppendPong(std::string& out, std::uint64_t sequence) { AppendNumberFrame(out, kPong, sequence); }

void AppendRun(std::string& out, std::uint64_t job, std::string_view id, std::string_view payload,
               std::uint64_t run_for_ms) {
  AppendFrameHead(out, kRun,
                  NumberFieldSize(job) + BytesFieldSize(id) + BytesFieldSize(payload) + NumberFieldSize(run_for_ms));
  AppendNumberField(out, 1, job);
  AppendBytesField(out, 2, id);
  AppendBytesField(out, 3, payload);
  AppendNumberField(out, 4, run_for_ms);
}

void AppendCancel(std::string& out, std::uint64_t job) { AppendNumberFrame(out, kCancel, job); }

void AppendPing(std::string& out, std::uint64_t sequence) { AppendNumberFrame(out, kPing, sequence); }

void AppendStop(std::string& out) { AppendFrameHead(out, kStop, 0); }

}  // namespace andiron
