// Writes JSON: numbers as numbers (64 bits too), zeros included, keys in the order of the calls.
//
//     JsonWriter json;
//     json.BeginObject();
//     json.Member("pid", 4711);
//     json.Key("pools"); json.BeginArray(); ... json.EndArray();
//     json.EndObject();
//     std::string text = json.Take();
//
// The caller pairs Begin and End and gives each member of an object its key; nothing is checked. Strings may be any
// bytes: what isn't UTF-8 becomes U+FFFD.
#ifndef ANDIRON_WORKER_BASE_JSON_H_
#define ANDIRON_WORKER_BASE_JSON_H_

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include "worker/base/escape.h"

namespace andiron {

class JsonWriter {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }

  void Key(std::string_view key) {
    Separate();
    AppendJson(text_, key);
    text_ += ':';
    first_ = true;
  }

  void Value(std::string_view value) {
    Separate();
    AppendJson(text_, value);
  }
  void Value(const char* value) { Value(std::string_view(value)); }
  void Value(bool value) {
    Separate();
    text_ += value ? "true" : "false";
  }
  void Value(std::integral auto value) {
    Separate();
    text_ += std::to_string(value);
  }
  // With three digits after the point; JSON has no infinities: 0.
  void Value(double value) {
    Separate();
    char digits[64];
    const bool fits = std::isfinite(value) && std::abs(value) < 1e15;
    const auto end = std::to_chars(digits, digits + sizeof digits, fits ? value : 0.0, std::chars_format::fixed, 3);
    text_.append(digits, end.ptr);
  }

  template <typename T>
  void Member(std::string_view key, T value) {
    Key(key);
    Value(value);
  }

  std::string Take() { return std::move(text_); }

 private:
  void Separate() {
    if (!first_) text_ += ',';
    first_ = false;
  }
  void Open(char bracket) {
    Separate();
    text_ += bracket;
    first_ = true;
  }
  void Close(char bracket) {
    text_ += bracket;
    first_ = false;
  }

  std::string text_;
  bool first_ = true;  // nothing stands before the next value that a comma would part it from
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_BASE_JSON_H_
