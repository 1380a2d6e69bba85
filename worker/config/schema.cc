#include <string>
#include <string_view>

#include "worker/config/config.h"
#include "worker/config/settings_table.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

constexpr std::string_view kDurationPattern = "^([0-9]+([.][0-9]{1,3})?(d|h|m|s|ms|us|ns))+$";
constexpr std::string_view kSizePattern = "^[0-9]+([.][0-9]{1,3})?([KMGT]iB|[kKMGT]?B)$";
constexpr std::string_view kRatePattern = "^[0-9]+([.][0-9]{1,3})?([KMGT]iB|[kKMGT]?B)(/s)?$";
// What an environment variable puts in is not known here.
constexpr std::string_view kVariable = R"({"type":"string","pattern":"[$][{]"})";
constexpr std::string_view kTexts = R"("type":"array","items":{"type":["string","number","boolean"]})";

std::string FormOf(const Setting& setting) {
  switch (setting.kind) {
    case Kind::kText:
      return "TEXT";
    case Kind::kInteger:
      return "N";
    case Kind::kDuration:
      return "DURATION";
    case Kind::kSize:
      return "SIZE";
    case Kind::kRate:
      return "SIZE/s";
    case Kind::kSignal:
      return "SIGNAL";
    case Kind::kWords:
      return "WORDS";
    case Kind::kVariables:
      return "NAME=VALUE";
    case Kind::kInherit:
      return "all|none|NAMES";
    case Kind::kChoices:
      return "NAMES";
    case Kind::kChoice:
      break;
  }
  std::string form;
  for (const std::string& choice : setting.choices) form += (form.empty() ? "" : "|") + choice;
  return form;
}

std::string LimitsOf(const Setting& setting) {
  if (setting.max == 0) return {};
  std::int64_t bytes = setting.min;
  Setting bare = setting;
  bare.zero.clear();
  std::string limits = Format(bare, &bytes);
  bytes = setting.max;
  return limits + " to " + Format(bare, &bytes);
}

template <typename Settings>
std::vector<SettingDescription> Describe(const std::vector<Setting>& table) {
  Settings defaults;
  std::vector<SettingDescription> descriptions;
  for (const Setting& setting : table) {
    std::string value = setting.default_words;
    if (value.empty()) value = Format(setting, FieldOf(defaults, setting.key));
    descriptions.push_back(
        {setting.key, setting.help, FormOf(setting), value, LimitsOf(setting), setting.kind == Kind::kVariables});
  }
  return descriptions;
}

std::string Pattern(std::string_view pattern, const Setting& setting) {
  std::string any = R"({"type":"string","pattern":)" + JsonQuoted(pattern) + R"(},{"const":0})";
  if (!setting.zero.empty()) any += R"(,{"const":)" + JsonQuoted(setting.zero) + "}";
  return R"("anyOf":[)" + any + "," + std::string(kVariable) + "]";
}

std::string TypeOf(const Setting& setting) {
  switch (setting.kind) {
    case Kind::kText:
    case Kind::kSignal:
      return R"("type":"string")";
    case Kind::kDuration:
      return Pattern(kDurationPattern, setting);
    case Kind::kSize:
      return Pattern(kSizePattern, setting);
    case Kind::kRate:
      return Pattern(kRatePattern, setting);
    case Kind::kWords:
      return R"("anyOf":[{"type":"string"},{)" + std::string(kTexts) + "}]";
    case Kind::kInherit:
      return R"("anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}])";
    case Kind::kVariables:
      return R"("type":"object","additionalProperties":{"type":["string","number","boolean"]})";
    case Kind::kInteger: {
      std::string number = R"({"type":"integer","minimum":)" + std::to_string(setting.min) + R"(,"maximum":)" +
                           std::to_string(setting.max) + "}," + std::string(kVariable);
      if (!setting.zero.empty()) number += R"(,{"const":)" + JsonQuoted(setting.zero) + "}";
      return R"("anyOf":[)" + number + "]";
    }
    case Kind::kChoice:
    case Kind::kChoices:
      break;
  }
  std::string choices;
  for (const std::string& choice : setting.choices) choices += (choices.empty() ? "" : ",") + JsonQuoted(choice);
  const std::string choice = R"("anyOf":[{"enum":[)" + choices + "]}," + std::string(kVariable) + "]";
  return setting.kind == Kind::kChoices ? R"("type":"array","items":{)" + choice + "}" : choice;
}

std::string Properties(const std::vector<Setting>& table, const std::vector<SettingDescription>& descriptions,
                       std::string_view indent) {
  std::string properties;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::string text = table[i].help + " (default: " + descriptions[i].default_value + ")";
    properties += std::string(i == 0 ? "\n" : ",\n") + std::string(indent) + JsonQuoted(table[i].key) + ":{" +
                  TypeOf(table[i]) + R"(,"description":)" + JsonQuoted(text) + "}";
  }
  return properties;
}

}  // namespace

std::vector<SettingDescription> DescribeWorkerSettings() {
  return Describe<WorkerSettings>(MakeSettingsTable().worker);
}

std::vector<SettingDescription> DescribePoolSettings() { return Describe<PoolSettings>(MakeSettingsTable().pool); }

std::vector<SettingDescription> DescribeLiveKitSettings() {
  return Describe<livekit::Settings>(MakeSettingsTable().livekit);
}

std::vector<SettingDescription> DescribeAgentSettings() {
  return Describe<livekit::AgentSettings>(MakeSettingsTable().agent);
}

std::string ConfigSchema() {
  const SettingsTable table = MakeSettingsTable();
  return R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Andiron's configuration",)"
         R"("type":"object","additionalProperties":false,"patternProperties":{"^x-":{}},"properties":{)" +
         Properties(table.worker, DescribeWorkerSettings(), "  ") +
         R"(,
  "pools":{"type":"object","description":"by name","propertyNames":{"pattern":"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"},)"
         R"("additionalProperties":{"$ref":"#/$defs/pool"}},
  "sources":{"type":["object","null"],"additionalProperties":false,"properties":{
    "livekit":{"$ref":"#/$defs/livekit"}}}
},"$defs":{"pool":{"type":["object","null"],"additionalProperties":false,"properties":{)" +
         Properties(table.pool, DescribePoolSettings(), "    ") +
         "\n}},\n"
         R"("livekit":{"type":"object","additionalProperties":false,"properties":{)" +
         Properties(table.livekit, DescribeLiveKitSettings(), "    ") +
         R"(,
    "agents":{"type":"array","items":{"type":"object","additionalProperties":false,"properties":{)" +
         Properties(table.agent, DescribeAgentSettings(), "      ") + "\n}}}}}}}\n";
}

}  // namespace andiron
