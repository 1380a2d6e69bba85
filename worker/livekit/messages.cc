#include "worker/livekit/messages.h"

#include <absl/status/status.h>

#include <bit>
#include <cstdint>
#include <utility>

#include "ipc/frame.h"
#include "ipc/text.h"
#include "ipc/wire.h"

namespace andiron::livekit {
namespace {

// Field numbers of andiron.livekit.wire.ToWorker and ToServer.
enum ToWorkerField : std::uint32_t { kRegistered = 1, kOffer = 2, kAssignment = 3, kPong = 4, kTermination = 5 };
enum ToServerField : std::uint32_t {
  kRegistration = 1,
  kAnswer = 2,
  kWorkerStatus = 3,
  kJobStatus = 4,
  kPing = 5,
  kSimulation = 6
};

using Decoded = absl::StatusOr<std::optional<ServerWord>>;

absl::Status Unreadable(std::string_view what) {
  return absl::InvalidArgumentError("the server's message can't be read: " + std::string(what));
}

// Copies a string that is UTF-8 and not too long. Of several the last one counts, as everywhere in protobuf.
absl::Status Take(std::string_view bytes, std::size_t max, std::string_view name, std::string& out) {
  if (bytes.size() > max) {
    return Unreadable(std::string(name) + " of " + std::to_string(bytes.size()) + " bytes, at most " +
                      std::to_string(max) + " are allowed");
  }
  if (!IsUtf8(bytes)) return Unreadable(std::string(name) + " isn't UTF-8");
  out = bytes;
  return absl::OkStatus();
}

// The id in a livekit.Job, whose other fields stay closed.
absl::Status TakeJobId(std::string_view job, std::string& id) {
  FieldReader reader(job, kJobFieldsMax);
  while (reader.Next()) {
    if (!reader.IsBytes(1)) continue;
    if (absl::Status status = Take(reader.bytes(), kIdMax, "a job's id", id); !status.ok()) return status;
  }
  if (reader.malformed()) return Unreadable("a job's fields");
  if (id.empty()) return Unreadable("a job without an id");
  return absl::OkStatus();
}

Decoded DecodeRegistered(std::string_view fields) {
  Registered word;
  FieldReader reader(fields);
  while (reader.Next()) {
    absl::Status status;
    if (reader.IsBytes(1)) status = Take(reader.bytes(), kIdMax, "a worker's id", word.worker_id);
    if (reader.IsBytes(3)) {
      FieldReader server(reader.bytes());
      while (server.Next() && status.ok()) {
        if (server.IsBytes(2)) status = Take(server.bytes(), kIdMax, "a server's version", word.server_version);
      }
      if (server.malformed()) status = Unreadable("a registration's server");
    }
    if (!status.ok()) return status;
  }
  if (reader.malformed()) return Unreadable("a registration");
  return word;
}

Decoded DecodeOffer(std::string_view fields) {
  std::string_view job;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsBytes(1)) job = reader.bytes();
  }
  if (reader.malformed()) return Unreadable("an offer");
  Offered word;
  if (absl::Status status = TakeJobId(job, word.job_id); !status.ok()) return status;
  word.job = job;
  return word;
}

Decoded DecodeAssignment(std::string_view fields) {
  Assigned word;
  std::string_view job;
  FieldReader reader(fields);
  while (reader.Next()) {
    absl::Status status;
    if (reader.IsBytes(1)) job = reader.bytes();
    if (reader.IsBytes(2)) status = Take(reader.bytes(), kUrlMax, "an assignment's url", word.url);
    if (reader.IsBytes(3)) status = Take(reader.bytes(), kTokenMax, "an assignment's token", word.token);
    if (!status.ok()) return status;
  }
  if (reader.malformed()) return Unreadable("an assignment");
  if (absl::Status status = TakeJobId(job, word.job_id); !status.ok()) return status;
  word.job = job;
  return word;
}

Decoded DecodePong(std::string_view fields) {
  Ponged word;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (reader.IsNumber(1)) word.last_timestamp = static_cast<std::int64_t>(reader.number());
  }
  if (reader.malformed()) return Unreadable("a pong");
  return word;
}

Decoded DecodeTermination(std::string_view fields) {
  Terminated word;
  FieldReader reader(fields);
  while (reader.Next()) {
    if (!reader.IsBytes(1)) continue;
    if (absl::Status status = Take(reader.bytes(), kIdMax, "a job's id", word.job_id); !status.ok()) return status;
  }
  if (reader.malformed()) return Unreadable("a termination");
  if (word.job_id.empty()) return Unreadable("a termination without a job's id");
  return word;
}

Decoded DecodeWord(std::uint32_t field, std::string_view fields) {
  if (field == kRegistered) return DecodeRegistered(fields);
  if (field == kOffer) return DecodeOffer(fields);
  if (field == kAssignment) return DecodeAssignment(fields);
  if (field == kPong) return DecodePong(fields);
  return DecodeTermination(fields);
}

// ---- what the worker says ----

// A field that is written also when it is 0.
void AppendPresentNumber(std::string& out, std::uint32_t field, std::uint64_t value) {
  out.push_back(static_cast<char>(field << 3));
  AppendVarint(out, value);
}

// A message that is written also when it is empty.
void AppendPresentMessage(std::string& out, std::uint32_t field, std::string_view fields) {
  out.push_back(static_cast<char>(field << 3 | 2));
  AppendVarint(out, fields.size());
  out.append(fields);
}

void AppendFloatField(std::string& out, std::uint32_t field, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (bits == 0) return;
  out.push_back(static_cast<char>(field << 3 | 5));
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(bits >> shift & 0xff));
}

void AppendTextField(std::string& out, std::uint32_t field, std::string_view text) {
  if (IsUtf8(text)) {
    AppendBytesField(out, field, text);
  } else {
    AppendBytesField(out, field, CleanUtf8(text, text.size() * 3));  // U+FFFD takes three bytes
  }
}

std::uint64_t Number(JobType type) {
  switch (type) {
    case JobType::kRoom:
      return 0;
    case JobType::kPublisher:
      return 1;
    case JobType::kParticipant:
      return 2;
  }
  return 0;
}

std::uint64_t Number(JobStatus status) {
  switch (status) {
    case JobStatus::kRunning:
      return 1;
    case JobStatus::kSuccess:
      return 2;
    case JobStatus::kFailed:
      return 3;
  }
  return 0;
}

std::uint32_t AppendFields(std::string& out, const Register& word) {
  std::string permissions;
  AppendNumberField(permissions, 1, word.permissions.can_subscribe);
  AppendNumberField(permissions, 2, word.permissions.can_publish);
  AppendNumberField(permissions, 3, word.permissions.can_publish_data);
  AppendNumberField(permissions, 7, word.permissions.hidden);
  AppendNumberField(permissions, 10, word.permissions.can_update_metadata);
  AppendNumberField(out, 1, Number(word.type));
  AppendTextField(out, 3, word.version);
  AppendPresentMessage(out, 7, permissions);
  AppendTextField(out, 8, word.agent_name);
  return kRegistration;
}

std::uint32_t AppendFields(std::string& out, const AnswerOffer& word) {
  AppendTextField(out, 1, word.job_id);
  AppendNumberField(out, 2, word.available);
  AppendTextField(out, 4, word.name);
  AppendTextField(out, 5, word.identity);
  return kAnswer;
}

std::uint32_t AppendFields(std::string& out, const TellLoad& word) {
  AppendPresentNumber(out, 1, word.full ? 1 : 0);
  AppendFloatField(out, 3, word.load);
  AppendNumberField(out, 4, word.job_count);
  return kWorkerStatus;
}

std::uint32_t AppendFields(std::string& out, const TellJob& word) {
  AppendTextField(out, 1, word.job_id);
  AppendNumberField(out, 2, Number(word.status));
  AppendBytesField(out, 3, CleanUtf8(word.error, kErrorTextMax));
  return kJobStatus;
}

std::uint32_t AppendFields(std::string& out, const Ping& word) {
  AppendNumberField(out, 1, static_cast<std::uint64_t>(word.timestamp));
  return kPing;
}

std::uint32_t AppendFields(std::string& out, const SimulateJob& word) {
  std::string room;
  AppendTextField(room, 2, word.room);
  AppendNumberField(out, 1, Number(word.type));
  AppendPresentMessage(out, 2, room);
  // The server goes by this and not by the type: a job with a participant is a publisher's.
  if (word.type != JobType::kRoom) AppendPresentMessage(out, 3, {});
  return kSimulation;
}

}  // namespace

absl::StatusOr<std::optional<ServerWord>> Decode(std::string_view bytes, std::size_t max) {
  if (bytes.size() > max) {
    return absl::ResourceExhaustedError("the server's message has " + std::to_string(bytes.size()) +
                                        " bytes, at most " + std::to_string(max) + " are allowed");
  }
  std::uint32_t field = 0;
  std::string_view fields;
  FieldReader reader(bytes);
  while (reader.Next()) {
    if (reader.kind() != FieldReader::Kind::kBytes || reader.field() > kTermination) continue;
    if (field != 0) return Unreadable("two words in it");
    field = reader.field();
    fields = reader.bytes();
  }
  if (reader.malformed()) return Unreadable("its fields");
  if (field == 0) return std::nullopt;
  return DecodeWord(field, fields);
}

std::string Encode(const WorkerWord& word) {
  std::string fields;
  const std::uint32_t field = std::visit([&](const auto& what) { return AppendFields(fields, what); }, word);
  std::string bytes;
  bytes.reserve(1 + kLengthBytesMax + fields.size());
  AppendPresentMessage(bytes, field, fields);
  return bytes;
}

}  // namespace andiron::livekit
