// Values of settings: from what people write to typed fields, and back.
//
// The type is the field's, never the text's: NO is a string where a string is wanted. Pure; never throws.
#ifndef ANDIRON_WORKER_CONFIG_VALUES_H_
#define ANDIRON_WORKER_CONFIG_VALUES_H_

#include <andiron/settings.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "worker/livekit/settings.h"

namespace andiron {

enum class Kind {
  kText,
  kInteger,
  kDuration,
  kSize,
  kRate,
  kSignal,
  kWords,
  kVariables,
  kInherit,
  kChoice,
  kChoices,
};

// One setting, whatever it belongs to.
struct Setting {
  std::string key;
  Kind kind = Kind::kText;
  std::string help;
  std::string zero;                  // the word for zero; "" = there is none
  std::string default_words;         // a default that is computed, in words; "" = the field's own
  std::vector<std::string> choices;  // for kChoice and kChoices, by number
  bool secret = false;               // its value is never shown
  std::int64_t min = 0;              // of numbers: counts, nanoseconds or bytes
  std::int64_t max = 0;
};

using Variables = std::vector<std::pair<std::string, std::string>>;

// The member of a settings struct that a Setting is about.
using Field = std::variant<std::monostate, int*, std::int64_t*, Duration*, std::string*, std::vector<std::string>*,
                           Variables*, EnvInherit*, LogLevel*, LogFormat*, livekit::JobType*, livekit::Permissions*>;

// What somebody wrote: one text, a list of texts, or names with texts.
using Written = std::variant<std::string, std::vector<std::string>, Variables>;

// Reads `written` into `field`; variables are added, those of the same name replaced. Returns "" or what is wrong and
// what was expected; the field is then unchanged.
std::string Assign(const Setting& setting, const Written& written, Field field);

// As it is written on one line, without quotes: "10s", "4MiB", "unlimited". Lists are separated by blanks.
std::string Format(const Setting& setting, const Field& field);

// Those that are given, by their names in the setting.
std::vector<std::string> PermissionNames(const Setting& setting, const livekit::Permissions& permissions);

// Words as a shell splits them: quotes and backslashes, and nothing else. Nothing if a quote isn't closed.
std::optional<std::vector<std::string>> SplitWords(std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_VALUES_H_
