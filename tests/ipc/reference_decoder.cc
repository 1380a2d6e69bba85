#include "tests/ipc/reference_decoder.h"

#include <algorithm>
#include <utility>

namespace andiron {
namespace {

std::uint64_t ByteAt(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

struct Varint {
  std::uint64_t value = 0;
  std::size_t size = 0;  // 0 = cut, or longer than `most`
  bool endless = false;  // `most` bytes, and none of them the last
};

Varint VarintAt(std::string_view text, std::size_t at, std::size_t most) {
  Varint varint;
  for (std::size_t i = 0; i < most; ++i) {
    if (at + i >= text.size()) return {};
    const std::uint64_t byte = ByteAt(text, at + i);
    if (i * 7 < 64) varint.value += (byte % 128) << (i * 7);
    if (byte < 128) {
      varint.size = i + 1;
      return varint;
    }
  }
  return {0, 0, true};
}

// The last varint of a number, the last bytes of a number: as in protobuf, the last one counts.
std::uint64_t NumberOf(const std::vector<ReferenceField>& fields, std::uint64_t number) {
  std::uint64_t value = 0;
  for (const ReferenceField& field : fields) {
    if (field.number == number && field.wire_type == 0) value = field.value;
  }
  return value;
}

std::string BytesOf(const std::vector<ReferenceField>& fields, std::uint64_t number) {
  std::string bytes;
  for (const ReferenceField& field : fields) {
    if (field.number == number && field.wire_type == 2) bytes = field.bytes;
  }
  return bytes;
}

// Whether it holds for all bytes of a number, also for those that others replace.
template <typename Rule>
bool AllBytesOf(const std::vector<ReferenceField>& fields, std::uint64_t number, Rule rule) {
  return std::all_of(fields.begin(), fields.end(), [&](const ReferenceField& field) {
    return field.number != number || field.wire_type != 2 || rule(field.bytes);
  });
}

bool GoodSdkText(const std::string& text) {
  return text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string HelloError(const std::vector<ReferenceField>& fields) {
  const std::string name = BytesOf(fields, 2);
  const std::string version = BytesOf(fields, 3);
  if (!AllBytesOf(fields, 2, GoodSdkText) || !AllBytesOf(fields, 3, GoodSdkText)) {
    return "a Hello whose SDK name or version isn't printable ASCII of at most 64 bytes";
  }
  const auto spoken = static_cast<std::uint32_t>(NumberOf(fields, 1));
  if (spoken == 1) return {};
  return "child speaks protocol " + std::to_string(spoken) + " (SDK " +
         (name.empty() ? "unnamed" : name + " " + version) + "), this worker speaks 1";
}

std::string ResultError(const std::vector<ReferenceField>& fields, std::size_t max_result) {
  const std::string which = "Result of job " + std::to_string(NumberOf(fields, 1));
  const std::string output = BytesOf(fields, 3);
  std::size_t error_bytes = 0;
  for (const ReferenceField& field : fields) {
    if (field.number == 4 && field.wire_type == 2) error_bytes += field.bytes.size();
  }
  if (output.size() > max_result) {
    return which + " with an output of " + std::to_string(output.size()) + " bytes, max_result is " +
           std::to_string(max_result);
  }
  if (error_bytes > 65536) {
    return which + " with an error text of " + std::to_string(error_bytes) + " bytes, it may have 65536";
  }
  if (!AllBytesOf(fields, 4, Utf8ByTheRules)) return "a Result that can't be read";
  const auto end = static_cast<std::uint32_t>(NumberOf(fields, 2));
  if (end == 0) return which + " without an end";
  if (end > 3) return which + " with the unknown end " + std::to_string(end);
  return {};
}

std::string NamesOf(const FrameLimits& limits) {
  std::string names;
  for (const FrameLimit& limit : limits) {
    if (limit.max > 0) names += (names.empty() ? "" : ", ") + std::string(limit.name);
  }
  return names;
}

}  // namespace

ReferenceReading ReadByTheRules(std::string_view stream, const FrameLimits& limits) {
  ReferenceReading reading;
  const FrameLimit* largest = &limits[0];
  for (const FrameLimit& limit : limits) {
    if (limit.max > largest->max) largest = &limit;
  }
  std::size_t at = 0;
  const auto ends = [&reading](FrameError error, std::string text) {
    reading.error = error;
    reading.text = std::move(text);
    return reading;
  };
  const auto too_large = [&ends](std::uint64_t size, const FrameLimit& limit) {
    return ends(FrameError::kTooLarge, "frame of " + std::to_string(size) + " bytes, " + std::string(limit.name) +
                                           " may have " + std::to_string(limit.max));
  };
  while (at < stream.size()) {
    const Varint length = VarintAt(stream, at, 5);
    if (length.endless) return ends(FrameError::kLengthTooLong, "a frame's length of more than 5 bytes");
    reading.half = length.size == 0;
    if (reading.half) return reading;
    if (length.value == 0) return ends(FrameError::kEmpty, "a frame of 0 bytes");
    if (length.value > largest->max) return too_large(length.value, *largest);
    const std::size_t body = at + length.size;
    reading.half = body == stream.size();
    if (reading.half) return reading;
    const std::uint64_t tag = ByteAt(stream, body);
    const std::uint64_t type = tag / 8;
    if (tag % 8 != 2 || type == 0 || type > 15 || limits[type].max == 0) {
      return ends(FrameError::kUnknownType,
                  "a frame that begins with byte " + std::to_string(tag) + ", which is none of " + NamesOf(limits));
    }
    if (length.value > limits[type].max) return too_large(length.value, limits[type]);
    reading.half = body + length.value > stream.size();
    if (reading.half) return reading;
    reading.frames.push_back({static_cast<int>(type), std::string(stream.substr(body, length.value))});
    at = body + length.value;
  }
  return reading;
}

std::optional<std::vector<ReferenceField>> FieldsByTheRules(std::string_view message) {
  std::vector<ReferenceField> fields;
  std::size_t at = 0;
  while (at < message.size()) {
    const Varint tag = VarintAt(message, at, 5);
    if (tag.size == 0 || tag.value > 0xffffffff || tag.value / 8 == 0) return std::nullopt;
    at += tag.size;
    ReferenceField field{tag.value / 8, static_cast<int>(tag.value % 8), 0, {}};
    if (field.wire_type == 0) {
      const Varint value = VarintAt(message, at, 10);
      if (value.size == 0) return std::nullopt;
      field.value = value.value;
      at += value.size;
    } else if (field.wire_type == 2) {
      const Varint length = VarintAt(message, at, 5);
      if (length.size == 0 || length.value > message.size() - at - length.size) return std::nullopt;
      field.bytes = message.substr(at + length.size, length.value);
      at += length.size + length.value;
    } else if (field.wire_type == 1 || field.wire_type == 5) {
      const std::size_t size = field.wire_type == 1 ? 8 : 4;
      if (message.size() - at < size) return std::nullopt;
      at += size;
    } else {
      return std::nullopt;
    }
    fields.push_back(std::move(field));
    if (fields.size() > 1000) return std::nullopt;
  }
  return fields;
}

std::string ErrorByTheRules(std::string_view body, std::size_t max_result) {
  constexpr const char* kUnreadable = "a message that can't be read";
  const auto outer = FieldsByTheRules(body);
  if (!outer || outer->empty()) return kUnreadable;
  const ReferenceField& kind = outer->front();
  if (kind.number > 5 || kind.wire_type != 2) return kUnreadable;
  if (std::count_if(outer->begin(), outer->end(), [](const auto& field) { return field.number <= 5; }) != 1) {
    return kUnreadable;
  }
  constexpr const char* kNames[] = {"", "Progress", "Hello", "Ack", "Result", "Pong"};
  const auto fields = FieldsByTheRules(kind.bytes);
  const bool good_text = kind.number != 1 || !fields || AllBytesOf(*fields, 2, Utf8ByTheRules);
  if (!fields || !good_text) return "a " + std::string(kNames[kind.number]) + " that can't be read";
  if (kind.number == 2) return HelloError(*fields);
  if (kind.number == 4) return ResultError(*fields, max_result);
  return {};
}

bool Utf8ByTheRules(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::uint64_t first = ByteAt(text, at);
    const std::size_t size = first < 0x80   ? 1
                             : first < 0xc0 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf8 ? 4
                                            : 0;
    if (size == 0 || at + size > text.size()) return false;
    std::uint64_t code = size == 1 ? first : first % (std::uint64_t{1} << (7 - size));
    for (std::size_t i = 1; i < size; ++i) {
      if (ByteAt(text, at + i) / 64 != 2) return false;
      code = code * 64 + ByteAt(text, at + i) % 64;
    }
    // The least that needs so many bytes; nothing of UTF-16's halves, nothing past the last plane.
    constexpr std::uint64_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return false;
    at += size;
  }
  return true;
}

}  // namespace andiron
