// protobuf's wire format, as far as our own messages need it: numbers and length-delimited fields.
//
// Reading and writing these few messages by hand keeps protobuf's library, its start-up and its memory out of small
// children, and copies off the hot path. Tests compare both directions with protobuf.
// Nothing here allocates but the growth of `out`.
//
// A message has a bound of fields, known or not: kFieldsMax, since none of ours has a repeated one, or what its reader
// is told. Without one, 4 MiB of empty fields that nobody knows would hold up the loop for tens of milliseconds.
#ifndef ANDIRON_IPC_WIRE_H_
#define ANDIRON_IPC_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace andiron {

inline constexpr std::size_t kFieldsMax = 1000;

// Walks over the fields of one message. Fixed-width fields are passed as kOther; groups, which proto3 doesn't have, and
// a field more than `fields_max` are malformed.
class FieldReader {
 public:
  enum class Kind { kNumber, kBytes, kOther };

  explicit FieldReader(std::string_view message, std::size_t fields_max = kFieldsMax)
      : rest_(message), fields_max_(fields_max) {}

  // On to the next field; false at the end, and where the bytes are malformed.
  bool Next();
  bool malformed() const { return malformed_; }

  // The field, valid until Next(). `bytes` points into the message.
  std::uint32_t field() const { return field_; }
  Kind kind() const { return kind_; }
  std::uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }

  bool IsNumber(std::uint32_t field) const { return field_ == field && kind_ == Kind::kNumber; }
  bool IsBytes(std::uint32_t field) const { return field_ == field && kind_ == Kind::kBytes; }

 private:
  std::optional<std::uint64_t> TakeVarint(int bytes_max);
  bool Skip(std::uint64_t count);
  bool Malformed();

  std::string_view rest_;
  const std::size_t fields_max_;
  std::size_t fields_ = 0;  // so far
  std::uint32_t field_ = 0;
  Kind kind_ = Kind::kOther;
  std::uint64_t number_ = 0;
  std::string_view bytes_;
  bool malformed_ = false;
};

// Fields 1 to 15. As in proto3, 0 and "" are not written.
std::size_t NumberFieldSize(std::uint64_t value);
std::size_t BytesFieldSize(std::string_view bytes);
void AppendNumberField(std::string& out, std::uint32_t field, std::uint64_t value);
void AppendBytesField(std::string& out, std::uint32_t field, std::string_view bytes);

// Appends a frame's length, and the tag and length of the one message in it: `size` bytes of fields must follow.
void AppendFrameHead(std::string& out, std::uint32_t type, std::size_t size);

}  // namespace andiron

#endif  // ANDIRON_IPC_WIRE_H_
