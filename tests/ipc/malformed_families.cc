#include "tests/ipc/malformed_families.h"

#include <array>
#include <utility>

#include "ipc/limits.h"
#include "tests/ipc/reference_decoder.h"

namespace andiron {
namespace {

constexpr std::array<const char*, 6> kNames = {"", "Progress", "Hello", "Ack", "Result", "Pong"};
constexpr std::array<std::size_t, 6> kCaps = {0, 4096, 4096, 64, 65536 + 4096, 64};
constexpr const char* kUnreadable = "a message that can't be read";

// ---- bytes, written by hand ----

std::string Varint(std::uint64_t value, std::size_t size = 0) {
  std::string out;
  do {
    out.push_back(static_cast<char>(value % 128 + 128));
    value /= 128;
  } while (value > 0 || out.size() < size);
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) - 128);
  return out;
}
std::string Tag(std::uint64_t field, unsigned wire_type) { return Varint(field * 8 + wire_type); }
std::string Number(std::uint64_t field, std::uint64_t value) { return Tag(field, 0) + Varint(value); }
std::string Bytes(std::uint64_t field, std::string_view bytes) {
  return Tag(field, 2) + Varint(bytes.size()) + std::string(bytes);
}
std::string Frame(std::string_view body) { return Varint(body.size()) + std::string(body); }
std::string Message(std::uint64_t kind, std::string_view fields) { return Frame(Bytes(kind, fields)); }
std::string Zero() { return std::string(1, '\0'); }

std::string GoodHello() { return Message(2, Number(1, 1) + Bytes(2, "cpp") + Bytes(3, "0.1.0") + Number(4, 4711)); }

// One of each message, and the ways to write it.
std::vector<std::string> GoodMessages() {
  return {Message(1, Number(1, 50) + Bytes(2, "loading")),
          Message(1, ""),
          GoodHello(),
          Message(2, Number(1, 1)),
          Message(3, Number(1, 7)),
          Message(3, ""),
          Message(3, Number(1, UINT64_MAX)),
          Message(3, Number(1, 7) + Number(15, 1) + Bytes(16, "new")),
          Message(4, Number(1, 300) + Number(2, 1) + Bytes(3, "output")),
          Message(4, Number(1, 7) + Number(2, 2) + Bytes(4, "er\xc3\xb6r")),
          Message(4, Number(2, 3)),
          Message(5, Number(1, 1)),
          Frame(Bytes(5, Number(1, 1)) + Number(31, 5))};
}

class Families {
 public:
  std::vector<MalformedCase> Make() {
    LengthForms();
    LengthValues();
    Zeros();
    FirstBytes();
    CutStreams();
    CutBodies();
    CutFields();
    ChangedBytes();
    WireTypes();
    FieldNumbers();
    FieldForms();
    FieldCounts();
    TwoKinds();
    Versions();
    SdkTexts();
    Ends();
    Sizes();
    BadText();
    TextPairs();
    Positions();
    return std::move(cases_);
  }

 private:
  void Add(std::string stream, Verdict expected) {
    cases_.push_back({family_, std::move(stream), std::move(expected)});
  }
  void AddGood(std::string stream, std::size_t good = 1) { Add(std::move(stream), {.good = good, .text = {}}); }
  void AddBad(std::string stream, std::string text) { Add(std::move(stream), {.text = std::move(text)}); }
  void AddBroken(std::string stream, FrameError error, std::string text, std::size_t good = 0) {
    Add(std::move(stream), {.good = good, .frame = error, .text = std::move(text)});
  }
  void AddByTheRules(const std::string& stream) {
    const ReferenceReading reading = ReadByTheRules(stream, LimitsForWorker(kMalformedMaxResult));
    Verdict expected{.frame = reading.error, .text = reading.text, .half = reading.half};
    for (const ReferenceFrame& frame : reading.frames) {
      std::string error = ErrorByTheRules(frame.body, kMalformedMaxResult);
      if (error.empty()) {
        ++expected.good;
        continue;
      }
      // A message that breaks the contract ends the stream: what follows is never looked at.
      expected = {.good = expected.good, .text = std::move(error)};
      break;
    }
    Add(stream, std::move(expected));
  }
  // The message alone, and behind good ones.
  void AddEverywhere(const std::string& stream, FrameError error, const std::string& text) {
    for (std::size_t good = 0; good < 4; ++good) {
      std::string before;
      for (std::size_t i = 0; i < good; ++i) before += GoodMessages()[3 * i];
      AddBroken(before + stream, error, text, good);
    }
  }
  static std::string TooLarge(std::uint64_t size, std::size_t kind) {
    return "frame of " + std::to_string(size) + " bytes, " + kNames[kind] + " may have " + std::to_string(kCaps[kind]);
  }
  static std::string CannotRead(std::size_t kind) { return "a " + std::string(kNames[kind]) + " that can't be read"; }

  // Each way to write a length that fits: one to five bytes are read, six to ten are not.
  void LengthForms() {
    family_ = "length_forms";
    for (std::size_t filler = 0; filler <= 56; ++filler) {
      const std::string body = Bytes(3, Number(1, 7) + Bytes(15, std::string(filler, 'x')));
      for (std::size_t size = 1; size <= 10; ++size) {
        const std::string stream = Varint(body.size(), size) + body;
        if (size <= 5) {
          AddGood(stream);
        } else {
          AddBroken(stream, FrameError::kLengthTooLong, "a frame's length of more than 5 bytes");
        }
      }
    }
  }

  // The header is enough to refuse it.
  void LengthValues() {
    family_ = "length_values";
    for (std::size_t kind = 1; kind <= 5; ++kind) {
      const std::string tag = Tag(kind, 2);
      Add(Varint(kCaps[kind]) + tag, {.text = {}, .half = true});
      for (const std::uint64_t over : {1U, 2U, 3U, 64U, 1000U}) {
        const std::uint64_t size = kCaps[kind] + over;
        AddEverywhere(Varint(size) + tag, FrameError::kTooLarge, TooLarge(size, size > kCaps[4] ? 4 : kind));
      }
      for (const unsigned bits : {17u, 20u, 24u, 28u, 31u, 32u, 34u, 35u}) {
        const std::uint64_t size = (std::uint64_t{1} << bits) - 1;
        AddEverywhere(Varint(size) + tag, FrameError::kTooLarge, TooLarge(size, 4));
      }
      for (const unsigned bits : {36u, 42u, 49u, 56u, 63u}) {
        AddEverywhere(Varint(std::uint64_t{1} << bits) + tag, FrameError::kLengthTooLong,
                      "a frame's length of more than 5 bytes");
      }
      AddEverywhere(Varint(UINT64_MAX) + tag, FrameError::kLengthTooLong, "a frame's length of more than 5 bytes");
    }
  }

  void Zeros() {
    family_ = "zero_lengths";
    for (std::size_t size = 1; size <= 5; ++size)
      AddEverywhere(Varint(0, size), FrameError::kEmpty, "a frame of 0 bytes");
  }

  void FirstBytes() {
    family_ = "first_bytes";
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::string body{static_cast<char>(byte), '\0'};
      const std::size_t kind = byte / 8;
      if (byte % 8 != 2 || kind == 0 || kind > 5) {
        AddEverywhere(Frame(body), FrameError::kUnknownType,
                      "a frame that begins with byte " + std::to_string(byte) +
                          ", which is none of Progress, Hello, Ack, Result, Pong");
      } else if (kind == 2) {
        AddBad(Frame(body), "child speaks protocol 0 (SDK unnamed), this worker speaks 1");
      } else if (kind == 4) {
        AddBad(Frame(body), "Result of job 0 without an end");
      } else {
        AddGood(Frame(body));
      }
    }
  }

  // A stream that ends anywhere: no fault, but half a frame.
  void CutStreams() {
    family_ = "cut_streams";
    const std::vector<std::string> messages = GoodMessages();
    for (std::size_t before = 0; before < 3; ++before) {
      std::string stream;
      for (std::size_t i = 0; i < before; ++i) stream += messages[4 + i];
      for (const std::string& message : messages) {
        for (std::size_t size = 0; size < message.size(); ++size)
          Add(stream + message.substr(0, size), {.good = before, .text = {}, .half = size > 0});
      }
    }
  }

  // A whole frame around a message that is cut: its kind's length says more than there is.
  void CutBodies() {
    family_ = "cut_bodies";
    for (const std::string& message : GoodMessages()) {
      const std::string body = message.substr(1);
      // The last one has a field of its own behind the message, without which it is whole.
      const std::size_t whole = 2 + static_cast<unsigned char>(body[1]);
      for (std::size_t size = 1; size < whole; ++size) AddBad(Frame(body.substr(0, size)), kUnreadable);
    }
  }

  void CutFields() {
    family_ = "cut_fields";
    for (const std::string& message : GoodMessages()) {
      const std::size_t kind = static_cast<unsigned char>(message[1]) / 8;
      const std::string fields = message.substr(3, static_cast<unsigned char>(message[2]));
      for (std::size_t size = 0; size < fields.size(); ++size) AddByTheRules(Message(kind, fields.substr(0, size)));
    }
  }

  // Every byte of every message, replaced by every other.
  void ChangedBytes() {
    family_ = "changed_bytes";
    for (const std::string& message : GoodMessages()) {
      for (std::size_t at = 0; at < message.size(); ++at) {
        for (unsigned value = 0; value < 256; ++value) {
          std::string changed = message;
          changed[at] = static_cast<char>(value);
          AddByTheRules(changed + GoodMessages()[4]);
        }
      }
    }
  }

  // A field that comes in another wire type is none that is known; groups and what doesn't exist can't be read.
  void WireTypes() {
    family_ = "wire_types";
    const std::array<std::string, 6> values = {Varint(5), std::string(8, 'x'), Frame("xy"), "",
                                               "",        std::string(4, 'x')};
    for (std::size_t kind = 1; kind <= 5; ++kind) {
      const std::string needed = kind == 2 ? Number(1, 1) : kind == 4 ? Number(2, 1) : "";
      for (std::uint64_t field = 5; field <= 20; ++field) {
        for (const unsigned wire_type : {0u, 1u, 2u, 5u})
          AddGood(Message(kind, needed + Tag(field, wire_type) + values[wire_type]));
        for (const unsigned wire_type : {3u, 4u, 6u, 7u})
          AddBad(Message(kind, needed + Tag(field, wire_type)), CannotRead(kind));
      }
      for (std::uint64_t field = 1; field <= 4; ++field) {
        for (const unsigned wire_type : {1u, 5u})
          AddGood(Message(kind, needed + Tag(field, wire_type) + values[wire_type]));
        for (const unsigned wire_type : {1u, 2u, 5u})
          AddBad(Message(kind, needed + Tag(field, wire_type) + (wire_type == 2 ? Varint(3) : "xyz")),
                 CannotRead(kind));
      }
    }
    AddBad(Message(2, Bytes(1, "x")), "child speaks protocol 0 (SDK unnamed), this worker speaks 1");
    AddBad(Message(4, Number(1, 9) + Bytes(2, "x")), "Result of job 9 without an end");
    AddGood(Message(3, Bytes(1, "seven")));
  }

  void FieldNumbers() {
    family_ = "field_numbers";
    for (std::size_t kind = 1; kind <= 5; ++kind) {
      const std::string needed = kind == 2 ? Number(1, 1) : kind == 4 ? Number(2, 1) : "";
      for (unsigned wire_type = 0; wire_type < 8; ++wire_type)
        AddBad(Message(kind, needed + Tag(0, wire_type) + std::string(8, '\0')), CannotRead(kind));
      for (const std::uint64_t most : {(std::uint64_t{1} << 28) - 1, (std::uint64_t{1} << 29) - 1})
        AddGood(Message(kind, needed + Number(most, 1)));
      for (const unsigned bits : {29u, 30u, 40u, 60u})
        AddBad(Message(kind, needed + Number(std::uint64_t{1} << bits, 1)), CannotRead(kind));
      AddBad(Message(kind, needed + std::string(11, '\x80') + Zero()), CannotRead(kind));
    }
  }

  // Each way to write what is within a message: tags and lengths take five bytes at most, numbers ten.
  void FieldForms() {
    family_ = "field_forms";
    for (std::size_t kind = 1; kind <= 5; ++kind) {
      const std::string needed = kind == 2 ? Number(1, 1) : kind == 4 ? Number(2, 1) : "";
      for (std::size_t size = 1; size <= 12; ++size) {
        const std::string tag = needed + Varint(15ULL * 8, size) + Varint(1);
        const std::string length = needed + Tag(15, 2) + Varint(2, size) + "xy";
        const std::string number = needed + Tag(15, 0) + Varint(1, size);
        size <= 5 ? AddGood(Message(kind, tag)) : AddBad(Message(kind, tag), CannotRead(kind));
        size <= 5 ? AddGood(Message(kind, length)) : AddBad(Message(kind, length), CannotRead(kind));
        size <= 10 ? AddGood(Message(kind, number)) : AddBad(Message(kind, number), CannotRead(kind));
        const std::string outer = Tag(kind, 2) + Varint(needed.size(), size) + needed;
        size <= 5 ? AddGood(Frame(outer)) : AddBad(Frame(outer), kUnreadable);
      }
    }
  }

  // A message may have 1000 fields, whoever they are; only Progress, Hello and Result have room for more.
  void FieldCounts() {
    family_ = "field_counts";
    for (const std::size_t kind : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
      const std::string needed = kind == 2 ? Number(1, 1) : Number(2, 1);
      for (const std::string& field : {Number(1, 1), Number(9, 0), Bytes(9, ""), Bytes(3, "")}) {
        for (std::size_t count = 980; count <= 1020; ++count) {
          std::string fields = needed;
          for (std::size_t i = 1; i < count; ++i) fields += field;
          count <= 1000 ? AddGood(Message(kind, fields)) : AddBad(Message(kind, fields), CannotRead(kind));
        }
      }
    }
    for (std::size_t count = 990; count <= 1010; ++count) {
      std::string body = Bytes(4, Number(2, 1));
      for (std::size_t i = 1; i < count; ++i) body += Number(9, 0);
      count <= 1000 ? AddGood(Frame(body)) : AddBad(Frame(body), kUnreadable);
    }
  }

  // One frame, one message: a second one of any kind, and the kind's number in any other place.
  void TwoKinds() {
    family_ = "two_kinds";
    for (const std::string& first : GoodMessages()) {
      for (const std::string& second : GoodMessages()) AddBad(Frame(first.substr(1) + second.substr(1)), kUnreadable);
      for (std::uint64_t kind = 1; kind <= 5; ++kind) AddBad(Frame(first.substr(1) + Number(kind, 1)), kUnreadable);
    }
  }

  void Versions() {
    family_ = "versions";
    for (std::uint64_t version = 0; version <= 300; ++version) {
      if (version == 1) continue;
      const std::string speaks = "child speaks protocol " + std::to_string(version);
      AddBad(Message(2, Number(1, version)), speaks + " (SDK unnamed), this worker speaks 1");
      AddBad(Message(2, Bytes(3, "3") + Bytes(2, "py") + Number(1, version)),
             speaks + " (SDK py 3), this worker speaks 1");
      AddBad(Message(2, Number(1, 1) + Number(1, version)), speaks + " (SDK unnamed), this worker speaks 1");
    }
    // 32 bits count, as in protobuf.
    AddGood(Message(2, Number(1, (std::uint64_t{7} << 32) + 1)));
    AddBad(Message(2, Number(1, std::uint64_t{1} << 32)),
           "child speaks protocol 0 (SDK unnamed), this worker speaks 1");
  }

  // Printable ASCII of at most 64 bytes; nothing at all is allowed.
  void SdkTexts() {
    family_ = "sdk_texts";
    const std::string bad = "a Hello whose SDK name or version isn't printable ASCII of at most 64 bytes";
    for (const std::uint64_t field : {2U, 3U}) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        const std::string stream =
            Message(2, Number(1, 1) + Bytes(field, "a" + std::string(1, static_cast<char>(byte))));
        byte >= 0x20 && byte < 0x7f ? AddGood(stream) : AddBad(stream, bad);
      }
      for (std::size_t size = 0; size < 130; ++size) {
        const std::string stream = Message(2, Number(1, 1) + Bytes(field, std::string(size, 'n')));
        size <= 64 ? AddGood(stream) : AddBad(stream, bad);
      }
    }
  }

  void Ends() {
    family_ = "ends";
    for (std::uint64_t end = 0; end <= 300; ++end) {
      const std::string stream = Message(4, Number(1, end) + Number(2, end));
      const std::string which = "Result of job " + std::to_string(end);
      if (end >= 1 && end <= 3) {
        AddGood(stream);
      } else {
        AddBad(stream, which + (end == 0 ? " without an end" : " with the unknown end " + std::to_string(end)));
      }
    }
    AddBad(Message(4, Number(1, UINT64_MAX)), "Result of job 18446744073709551615 without an end");
    AddBad(Message(4, Number(2, UINT64_MAX)), "Result of job 0 with the unknown end 4294967295");
    AddGood(Message(4, Number(2, (std::uint64_t{1} << 32) + 3)));
  }

  // Outputs and error texts around their limits, whatever their end.
  void Sizes() {
    family_ = "sizes";
    for (std::size_t size = kMalformedMaxResult - 20; size <= kMalformedMaxResult + 20; ++size) {
      for (const std::uint64_t end : {1U, 2U, 3U}) {
        const std::string stream = Message(4, Number(1, 7) + Number(2, end) + Bytes(3, std::string(size, '\xff')));
        size <= kMalformedMaxResult ? AddGood(stream)
                                    : AddBad(stream, "Result of job 7 with an output of " + std::to_string(size) +
                                                         " bytes, max_result is 1000");
      }
    }
    for (std::size_t size = 65530; size <= 65542; ++size) {
      const std::string stream = Message(4, Number(1, 7) + Number(2, 2) + Bytes(4, std::string(size, 'e')));
      size <= 65536 ? AddGood(stream)
                    : AddBad(stream, "Result of job 7 with an error text of " + std::to_string(size) +
                                         " bytes, it may have 65536");
    }
  }

  void BadText() {
    family_ = "bad_text";
    const std::string_view bad[] = {"\x80",
                                    "\xbf",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xc2",
                                    "\xe0\x80\x80",
                                    "\xe0\x9f\xbf",
                                    "\xed\xa0\x80",
                                    "\xed\xbf\xbf",
                                    "\xe2\x82",
                                    "\xf0\x80\x80\x80",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xf8\x88\x80\x80\x80",
                                    "\xfe",
                                    "\xff",
                                    "\xc3\x28",
                                    "\xf0\x9f\x98"};
    for (const std::string_view piece : bad) {
      for (std::size_t before = 0; before <= 8; ++before) {
        for (const std::string_view after : {"", "z", "\xc3\xb6"}) {
          const std::string text = std::string(before, 'a') + std::string(piece) + std::string(after);
          AddBad(Message(1, Bytes(2, text)), CannotRead(1));
          AddBad(Message(4, Number(1, 7) + Number(2, 2) + Bytes(4, text)), CannotRead(4));
          AddGood(Message(4, Number(2, 1) + Bytes(3, text)));  // an output is bytes
        }
      }
    }
  }

  void TextPairs() {
    family_ = "text_pairs";
    for (unsigned first = 0; first < 256; ++first) {
      for (const unsigned second : {0x00u, 0x7fu, 0x80u, 0x8fu, 0x90u, 0x9fu, 0xa0u, 0xbfu, 0xc0u, 0xffu}) {
        for (const std::string_view rest : {"", "\x80", "\x80\x80"}) {
          AddByTheRules(Message(
              1, Bytes(2, std::string{static_cast<char>(first), static_cast<char>(second)} + std::string(rest))));
        }
      }
    }
  }

  // Several good messages, and the fault in each place among them.
  void Positions() {
    family_ = "positions";
    const std::pair<std::string, std::string> faults[] = {
        {Message(1, Bytes(2, "\xff")), CannotRead(1)},
        {Message(2, ""), "child speaks protocol 0 (SDK unnamed), this worker speaks 1"},
        {Message(3, Zero()), CannotRead(3)},
        {Message(4, Number(1, 9)), "Result of job 9 without an end"},
        {Message(5, Tag(1, 3)), CannotRead(5)},
        {Frame(Bytes(3, "") + Bytes(3, "")), kUnreadable},
    };
    for (std::size_t place = 0; place < 40; ++place) {
      std::string before;
      for (std::size_t i = 0; i < place; ++i) before += GoodMessages()[i % GoodMessages().size()];
      for (const auto& [fault, text] : faults)
        Add(before + fault + Zero() + GoodHello(), {.good = place, .text = text});
      AddBroken(before + Zero() + GoodHello(), FrameError::kEmpty, "a frame of 0 bytes", place);
    }
  }

  std::string family_;
  std::vector<MalformedCase> cases_;
};

}  // namespace

std::vector<MalformedCase> MalformedCases() { return Families().Make(); }

}  // namespace andiron
