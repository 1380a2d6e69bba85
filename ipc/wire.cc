#include "ipc/wire.h"

#include "ipc/frame.h"

namespace andiron {
namespace {

// Wire types of protobuf.
constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kFixed64 = 1;
constexpr std::uint64_t kLength = 2;
constexpr std::uint64_t kFixed32 = 5;

constexpr std::uint64_t kTagMax = 0xffffffff;
// Bytes of a varint: of a number of 64 bits, and, as in protobuf, of a tag or a length, which have 32.
constexpr int kNumberBytesMax = 10;
constexpr int kShortBytesMax = 5;

char Tag(std::uint32_t field, std::uint64_t wire_type) { return static_cast<char>(field << 3 | wire_type); }

}  // namespace

bool FieldReader::Next() {
  if (rest_.empty() || malformed_) return false;
  if (++fields_ > fields_max_) return Malformed();
  const std::optional<std::uint64_t> tag = TakeVarint(kShortBytesMax);
  if (!tag || *tag > kTagMax || *tag >> 3 == 0) return Malformed();
  field_ = static_cast<std::uint32_t>(*tag >> 3);
  kind_ = Kind::kOther;
  switch (*tag & 7) {
    case kVarint: {
      const std::optional<std::uint64_t> value = TakeVarint(kNumberBytesMax);
      if (!value) return Malformed();
      kind_ = Kind::kNumber;
      number_ = *value;
      return true;
    }
    case kLength: {
      const std::optional<std::uint64_t> length = TakeVarint(kShortBytesMax);
      if (!length) return Malformed();
      kind_ = Kind::kBytes;
      bytes_ = rest_.substr(0, *length);
      return Skip(*length);
    }
    case kFixed64:
      return Skip(8);
    case kFixed32:
      return Skip(4);
    default:
      return Malformed();
  }
}

std::optional<std::uint64_t> FieldReader::TakeVarint(int bytes_max) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 7 * bytes_max && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

bool FieldReader::Skip(std::uint64_t count) {
  if (count > rest_.size()) return Malformed();
  rest_.remove_prefix(count);
  return true;
}

bool FieldReader::Malformed() {
  malformed_ = true;
  return false;
}

std::size_t NumberFieldSize(std::uint64_t value) { return value == 0 ? 0 : 1 + VarintSize(value); }

std::size_t BytesFieldSize(std::string_view bytes) {
  return bytes.empty() ? 0 : 1 + VarintSize(bytes.size()) + bytes.size();
}

void AppendNumberField(std::string& out, std::uint32_t field, std::uint64_t value) {
  if (value == 0) return;
  out.push_back(Tag(field, kVarint));
  AppendVarint(out, value);
}

void AppendBytesField(std::string& out, std::uint32_t field, std::string_view bytes) {
  if (bytes.empty()) return;
  out.push_back(Tag(field, kLength));
  AppendVarint(out, bytes.size());
  out.append(bytes);
}

void AppendFrameHead(std::string& out, std::uint32_t type, std::size_t size) {
  const std::size_t body = 1 + VarintSize(size) + size;
  out.reserve(out.size() + kLengthBytesMax + body);
  AppendVarint(out, body);
  out.push_back(Tag(type, kLength));
  AppendVarint(out, size);
}

}  // namespace andiron
