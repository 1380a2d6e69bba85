#include "worker/config/values.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <iterator>

#include "jobs/settings_rules.h"
#include "worker/config/config.h"
#include "worker/config/quantities.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

// By the numbers of config.proto's Permission.
constexpr bool livekit::Permissions::* kPermissions[] = {
    &livekit::Permissions::can_subscribe, &livekit::Permissions::can_publish, &livekit::Permissions::can_publish_data,
    &livekit::Permissions::can_update_metadata, &livekit::Permissions::hidden};

std::string Joined(const std::vector<std::string>& words, std::string_view between = " ") {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : std::string(between)) + word;
  return joined;
}

std::string NumberText(Kind kind, std::int64_t value) {
  if (kind == Kind::kDuration) return FormatDuration(value);
  if (kind == Kind::kSize) return FormatSize(value);
  if (kind == Kind::kRate) return FormatSize(value) + "/s";
  return std::to_string(value);
}

std::string Expected(const Setting& setting, const std::string& written) {
  std::string what;
  switch (setting.kind) {
    case Kind::kInteger:
      what = "a whole number";
      break;
    case Kind::kDuration:
      what = "a duration with a unit (500ms, 10s, 1h30m)";
      break;
    case Kind::kSize:
      what = "a size with a unit (512B, 16KiB, 4MiB)";
      break;
    case Kind::kRate:
      what = "bytes per second with a unit (16KiB/s, 1MiB/s)";
      break;
    case Kind::kSignal:
      what = "one of " + StopSignalNames();
      break;
    case Kind::kWords:
      what = "a list of texts, or one text with its quotes closed";
      break;
    case Kind::kVariables:
      what = "names with values (NAME: VALUE, or NAME=VALUE)";
      break;
    case Kind::kInherit:
      what = "all, none, or a list of names";
      break;
    case Kind::kChoices:
      what = "a list of " + Joined(setting.choices, ", ");
      break;
    case Kind::kText:
    case Kind::kChoice:
      what = "a text";
      break;
  }
  if (!setting.zero.empty()) what += " or '" + setting.zero + "'";
  return "expected " + what + ", not " + written;
}

std::string WrittenText(const Written& written) {
  if (auto* text = std::get_if<std::string>(&written)) return text->empty() ? "an empty text" : Shown(*text);
  return std::holds_alternative<Variables>(written) ? "a map" : "a list";
}

std::optional<std::int64_t> ParseNumber(const Setting& setting, const std::string& text) {
  if (!setting.zero.empty() && Lower(text) == setting.zero) return 0;
  if (setting.kind == Kind::kDuration) return ParseDuration(text);
  if (setting.kind == Kind::kSize) return ParseSize(text);
  if (setting.kind == Kind::kRate) return ParseRate(text);
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc::invalid_argument || parsed.ptr != text.data() + text.size()) return std::nullopt;
  // What doesn't fit is beyond the range of every setting.
  if (parsed.ec == std::errc::result_out_of_range) return text.starts_with('-') ? INT64_MIN : INT64_MAX;
  return number;
}

std::string AssignNumber(const Setting& setting, const Written& written, const Field& field) {
  const auto* text = std::get_if<std::string>(&written);
  const std::optional<std::int64_t> number = text ? ParseNumber(setting, *text) : std::nullopt;
  if (!number) return Expected(setting, WrittenText(written));
  if (*number < setting.min || *number > setting.max) {
    return *text + " is out of range: use " + NumberText(setting.kind, setting.min) + " to " +
           NumberText(setting.kind, setting.max) + (setting.zero.empty() ? "" : " (0 = " + setting.zero + ")");
  }
  if (auto* count = std::get_if<int*>(&field)) **count = static_cast<int>(*number);
  if (auto* bytes = std::get_if<std::int64_t*>(&field)) **bytes = *number;
  if (auto* duration = std::get_if<Duration*>(&field)) **duration = Duration(*number);
  return {};
}

std::string AssignChoice(const Setting& setting, const std::string& text, const Field& field) {
  const auto found = std::find(setting.choices.begin(), setting.choices.end(), Lower(text));
  if (found == setting.choices.end()) {
    std::string message = "expected one of ";
    for (const std::string& choice : setting.choices) message += choice + ", ";
    const std::string nearest = NearestName(text, setting.choices);
    return message + "not " + Shown(text) + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?");
  }
  const auto number = found - setting.choices.begin();
  if (auto* level = std::get_if<LogLevel*>(&field)) **level = static_cast<LogLevel>(number);
  if (auto* format = std::get_if<LogFormat*>(&field)) **format = static_cast<LogFormat>(number);
  if (auto* type = std::get_if<livekit::JobType*>(&field)) **type = static_cast<livekit::JobType>(number);
  return {};
}

std::string AssignText(const Setting& setting, const std::string& text, std::string& field) {
  if (setting.kind != Kind::kSignal) {
    field = text;
    return {};
  }
  std::string signal = Upper(text);
  if (StopSignalNumber(signal) == 0) return Expected(setting, WrittenText(text));
  if (signal.starts_with("SIG")) signal.erase(0, 3);
  field = std::move(signal);
  return {};
}

std::optional<std::vector<std::string>> Words(const Written& written) {
  if (auto* text = std::get_if<std::string>(&written)) return SplitWords(*text);
  if (auto* list = std::get_if<std::vector<std::string>>(&written)) return *list;
  return std::nullopt;
}

// What isn't named isn't permitted.
std::string AssignChoices(const Setting& setting, const Written& written, livekit::Permissions& field) {
  const auto words = Words(written);
  if (!words) return Expected(setting, WrittenText(written));
  livekit::Permissions permissions = livekit::kNoPermissions;
  for (const std::string& word : *words) {
    const auto found = std::find(setting.choices.begin(), setting.choices.end(), Lower(word));
    if (found == setting.choices.end()) {
      const std::string nearest = NearestName(word, setting.choices);
      return Expected(setting, Shown(word)) + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?");
    }
    permissions.*kPermissions[static_cast<std::size_t>(found - setting.choices.begin())] = true;
  }
  field = permissions;
  return {};
}

std::string AssignVariables(const Setting& setting, const Written& written, Variables& field) {
  Variables added;
  if (auto* map = std::get_if<Variables>(&written)) {
    added = *map;
  } else {
    const auto words = Words(written);
    if (!words) return Expected(setting, WrittenText(written));
    for (const std::string& word : *words) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) return Expected(setting, Shown(word));
      added.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  for (auto& [name, value] : added) {
    if (name.empty() || name.find('=') != std::string::npos)
      return "expected the name of a variable, not " + Shown(name);
    const auto same = std::find_if(field.begin(), field.end(), [&name](const auto& one) { return one.first == name; });
    if (same != field.end()) field.erase(same);
    field.emplace_back(name, value);
  }
  return {};
}

// A number or a whole assignment is a mistake; else the kernel takes any name.
bool IsVariableName(std::string_view name) {
  return !name.empty() && name.find('=') == name.npos && std::isdigit(static_cast<unsigned char>(name.front())) == 0;
}

// `all` and `none` mean the same in a list, where they must stand alone.
std::string InheritNames(const Setting& setting, const std::vector<std::string>& names, EnvInherit& field) {
  const auto word = std::find_if(names.begin(), names.end(),
                                 [](const std::string& name) { return Lower(name) == "all" || Lower(name) == "none"; });
  if (word == names.end()) {
    field = {names.empty() ? EnvInherit::Kind::kNone : EnvInherit::Kind::kNames, names};
    return {};
  }
  if (names.size() > 1) return Expected(setting, Shown(*word) + " among names");
  field = {Lower(*word) == "all" ? EnvInherit::Kind::kAll : EnvInherit::Kind::kNone, {}};
  return {};
}

std::string AssignInherit(const Setting& setting, const Written& written, EnvInherit& field) {
  if (auto* text = std::get_if<std::string>(&written)) {
    std::string blanks = *text;
    std::replace(blanks.begin(), blanks.end(), ',', ' ');
    const auto words = SplitWords(blanks);
    if (!words || words->empty() || !std::all_of(words->begin(), words->end(), IsVariableName)) {
      return Expected(setting, WrittenText(written));
    }
    return InheritNames(setting, *words, field);
  }
  const auto* names = std::get_if<std::vector<std::string>>(&written);
  if (!names) return Expected(setting, WrittenText(written));
  const auto wrong = std::find_if_not(names->begin(), names->end(), IsVariableName);
  if (wrong != names->end()) return Expected(setting, Shown(*wrong));
  return InheritNames(setting, *names, field);
}

bool HasNul(const Written& written) {
  const auto nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (auto* text = std::get_if<std::string>(&written)) return nul(*text);
  if (auto* list = std::get_if<std::vector<std::string>>(&written)) return std::any_of(list->begin(), list->end(), nul);
  const Variables& map = std::get<Variables>(written);
  return std::any_of(map.begin(), map.end(), [&nul](const auto& one) { return nul(one.first) || nul(one.second); });
}

}  // namespace

std::string Assign(const Setting& setting, const Written& written, Field field) {
  if (HasNul(written)) return "a NUL byte is not possible here";
  const auto* text = std::get_if<std::string>(&written);
  switch (setting.kind) {
    case Kind::kInteger:
    case Kind::kDuration:
    case Kind::kSize:
    case Kind::kRate:
      return AssignNumber(setting, written, field);
    case Kind::kVariables:
      return AssignVariables(setting, written, *std::get<Variables*>(field));
    case Kind::kInherit:
      return AssignInherit(setting, written, *std::get<EnvInherit*>(field));
    case Kind::kWords: {
      auto words = Words(written);
      if (!words) return Expected(setting, WrittenText(written));
      *std::get<std::vector<std::string>*>(field) = *std::move(words);
      return {};
    }
    case Kind::kChoices:
      return AssignChoices(setting, written, *std::get<livekit::Permissions*>(field));
    case Kind::kChoice:
      return text ? AssignChoice(setting, *text, field) : Expected(setting, WrittenText(written));
    case Kind::kText:
    case Kind::kSignal:
      return text ? AssignText(setting, *text, *std::get<std::string*>(field))
                  : Expected(setting, WrittenText(written));
  }
  return "?";
}

std::vector<std::string> PermissionNames(const Setting& setting, const livekit::Permissions& permissions) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size(kPermissions); ++i) {
    if (permissions.*kPermissions[i]) names.push_back(setting.choices[i]);
  }
  return names;
}

std::string Format(const Setting& setting, const Field& field) {
  const auto number = [&setting](std::int64_t value) {
    return value == 0 && !setting.zero.empty() ? setting.zero : NumberText(setting.kind, value);
  };
  if (auto* count = std::get_if<int*>(&field)) return number(**count);
  if (auto* bytes = std::get_if<std::int64_t*>(&field)) return number(**bytes);
  if (auto* duration = std::get_if<Duration*>(&field)) return number((*duration)->count());
  if (auto* text = std::get_if<std::string*>(&field)) return **text;
  if (auto* words = std::get_if<std::vector<std::string>*>(&field)) return Joined(**words);
  if (auto* level = std::get_if<LogLevel*>(&field)) return setting.choices[static_cast<std::size_t>(**level)];
  if (auto* format = std::get_if<LogFormat*>(&field)) return setting.choices[static_cast<std::size_t>(**format)];
  if (auto* type = std::get_if<livekit::JobType*>(&field)) return setting.choices[static_cast<std::size_t>(**type)];
  if (auto* permissions = std::get_if<livekit::Permissions*>(&field))
    return Joined(PermissionNames(setting, **permissions));
  if (auto* inherit = std::get_if<EnvInherit*>(&field)) {
    if ((*inherit)->kind == EnvInherit::Kind::kAll) return "all";
    return (*inherit)->kind == EnvInherit::Kind::kNone ? "none" : Joined((*inherit)->names);
  }
  std::string joined;
  if (auto* variables = std::get_if<Variables*>(&field)) {
    for (const auto& [name, value] : **variables) joined += (joined.empty() ? "" : " ") + name + "=" + value;
  }
  return joined;
}

std::optional<std::vector<std::string>> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      if (c == '\\' && quote != '\'' && at + 1 < text.size()) c = text[++at];
      words.back() += c;
    }
  }
  if (quote != 0) return std::nullopt;
  return words;
}

}  // namespace andiron
