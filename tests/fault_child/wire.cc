#include "tests/fault_child/wire.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>

namespace andiron::fault {
namespace {

constexpr int kHelloType = 2;
constexpr int kProgressType = 1;
constexpr int kAckType = 3;
constexpr int kResultType = 4;
constexpr int kPongType = 5;
constexpr int kLostChannelCode = 111;

bool ReadByte(unsigned char& byte) { return read(kChannel, &byte, 1) == 1; }

bool ReadVarint(std::uint64_t& value) {
  value = 0;
  unsigned char byte = 0x80;
  for (int shift = 0; (byte & 0x80) != 0; shift += 7) {
    if (!ReadByte(byte)) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
  }
  return true;
}

std::uint64_t TakeVarint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

std::string_view TakeBytes(std::string_view& bytes) {
  const std::size_t length = TakeVarint(bytes);
  const std::string_view taken = bytes.substr(0, length);
  bytes.remove_prefix(taken.size());
  return taken;
}

}  // namespace

std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7f) | 0x80);
  bytes += static_cast<char>(value);
  return bytes;
}

std::string NumberField(int field, std::uint64_t value) {
  return Varint(static_cast<std::uint64_t>(field) << 3) + Varint(value);
}

std::string BytesField(int field, std::string_view bytes) {
  return Varint(static_cast<std::uint64_t>(field) << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

std::string FrameOf(int type, std::string_view message) {
  const std::string body = BytesField(type, message);
  return Varint(body.size()) + body;
}

std::string Hello(std::uint64_t version) {
  return FrameOf(kHelloType, NumberField(1, version) + BytesField(2, "fault-child") + BytesField(3, "1") +
                                 NumberField(4, static_cast<std::uint64_t>(getpid())));
}

std::string Progress(std::uint64_t percent) { return FrameOf(kProgressType, NumberField(1, percent)); }

std::string Ack(std::uint64_t job) { return FrameOf(kAckType, NumberField(1, job)); }

std::string Succeeded(std::uint64_t job, std::string_view output) {
  return FrameOf(kResultType, NumberField(1, job) + NumberField(2, 1) + BytesField(3, output));
}

std::string Pong(std::uint64_t sequence) { return FrameOf(kPongType, NumberField(1, sequence)); }

void Put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = send(kChannel, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0) _exit(kLostChannelCode);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

Message Get() {
  Message message;
  std::uint64_t length = 0;
  if (!ReadVarint(length)) return message;
  std::string body(length, '\0');
  if (recv(kChannel, body.data(), length, MSG_WAITALL) != static_cast<ssize_t>(length)) return message;
  std::string_view rest = body;
  message.type = static_cast<int>(TakeVarint(rest) >> 3);
  std::string_view fields = TakeBytes(rest);
  while (!fields.empty()) {
    const std::uint64_t tag = TakeVarint(fields);
    if ((tag & 7) == 0) {
      const std::uint64_t number = TakeVarint(fields);
      if (tag >> 3 == 1) message.number = number;
    } else {
      const std::string_view bytes = TakeBytes(fields);
      if (tag >> 3 == 3) message.payload = bytes;
    }
  }
  return message;
}

}  // namespace andiron::fault
