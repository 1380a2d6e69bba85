#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "worker/base/json.h"
#include "worker/config/config.h"
#include "worker/config/draft.h"
#include "worker/config/settings_table.h"
#include "worker/config/substitution.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

constexpr std::size_t kCommentColumn = 40;

// Texts that YAML reads as themselves, without quotes.
bool IsPlain(std::string_view text) {
  if (text.empty() || text == "null" || text == "Null" || text == "NULL") return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
           c == '.';
  });
}

std::string Scalar(std::string_view text) {
  return IsPlain(text) ? std::string(text) : JsonQuoted(EscapeSubstitution(text));
}

std::string List(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + JsonQuoted(EscapeSubstitution(word));
  return "[" + list + "]";
}

std::string Value(const Setting& setting, const Field& field) {
  // Whoever loads what is printed has the secret in the environment.
  if (setting.secret) return JsonQuoted("${LIVEKIT_API_SECRET}");
  if (auto* permissions = std::get_if<livekit::Permissions*>(&field))
    return List(PermissionNames(setting, **permissions));
  if (auto* words = std::get_if<std::vector<std::string>*>(&field)) return List(**words);
  if (auto* inherit = std::get_if<EnvInherit*>(&field); inherit && (*inherit)->kind == EnvInherit::Kind::kNames) {
    return List((*inherit)->names);
  }
  return Scalar(Format(setting, field));
}

// What a list of settings is printed through: the same walk for YAML and JSON.
class Printer {
 public:
  explicit Printer(const LoadedConfig& config)
      : config_(config), settings_(config.settings), livekit_(config.livekit) {}

  std::string Yaml() {
    for (const Setting& setting : table_.worker)
      YamlLine("", setting.key, Value(setting, FieldOf(settings_, setting.key)), setting.key);
    text_ += "pools:\n";
    for (PoolSettings& pool : settings_.pools) {
      text_ += "  " + Scalar(pool.name) + ":\n";
      for (const Setting& setting : table_.pool) YamlSetting(pool, setting);
    }
    if (livekit_.enabled()) YamlLiveKit();
    return std::move(text_);
  }

  std::string Json() {
    json_.BeginObject();
    json_.Key("settings");
    json_.BeginArray();
    for (const Setting& setting : table_.worker)
      JsonItem(setting.key, Format(setting, FieldOf(settings_, setting.key)));
    for (PoolSettings& pool : settings_.pools) {
      for (const Setting& setting : table_.pool) JsonSetting(pool, setting);
    }
    if (livekit_.enabled()) JsonLiveKit();
    json_.EndArray();
    json_.EndObject();
    return json_.Take() + "\n";
  }

 private:
  std::string OriginOf(const std::string& path) const {
    const auto found = config_.origins.find(path);
    return ToString(found == config_.origins.end() ? Origin{} : found->second);
  }

  void YamlLine(std::string_view indent, std::string_view key, const std::string& value, const std::string& path) {
    std::string line = std::string(indent) + std::string(key) + ": " + value;
    if (line.size() < kCommentColumn) line.resize(kCommentColumn, ' ');
    text_ += line + "  # " + Comment(OriginOf(path)) + "\n";
  }

  // The name of a file may hold anything.
  static std::string Comment(std::string_view origin) {
    std::string comment = JsonQuoted(origin);
    return comment.substr(1, comment.size() - 2);
  }

  void YamlSetting(PoolSettings& pool, const Setting& setting) {
    const std::string path = PoolPath(pool.name, setting.key);
    if (setting.kind != Kind::kVariables || pool.env.empty()) {
      const bool variables = setting.kind == Kind::kVariables;
      return YamlLine("    ", setting.key, variables ? "{}" : Value(setting, FieldOf(pool, setting.key)), path);
    }
    text_ += "    " + setting.key + ":\n";
    for (const auto& [name, value] : pool.env) YamlLine("      ", JsonQuoted(name), Scalar(value), path + "." + name);
  }

  void YamlLiveKit() {
    text_ += "sources:\n  livekit:\n";
    for (const Setting& setting : table_.livekit)
      YamlLine("    ", setting.key, Value(setting, FieldOf(livekit_, setting.key)), LiveKitPath(setting.key));
    text_ += "    agents:\n";
    for (std::size_t i = 0; i < livekit_.agents.size(); ++i) {
      std::string_view indent = "      - ";
      for (const Setting& setting : table_.agent) {
        YamlLine(std::exchange(indent, "        "), setting.key,
                 Value(setting, FieldOf(livekit_.agents[i], setting.key)), AgentPath(i, setting.key));
      }
    }
  }

  void JsonLiveKit() {
    for (const Setting& setting : table_.livekit) {
      const std::string value = setting.secret ? "(not shown)" : Format(setting, FieldOf(livekit_, setting.key));
      JsonItem(LiveKitPath(setting.key), value);
    }
    for (std::size_t i = 0; i < livekit_.agents.size(); ++i) {
      for (const Setting& setting : table_.agent)
        JsonItem(AgentPath(i, setting.key), Format(setting, FieldOf(livekit_.agents[i], setting.key)));
    }
  }

  void JsonSetting(PoolSettings& pool, const Setting& setting) {
    const std::string path = PoolPath(pool.name, setting.key);
    if (setting.kind == Kind::kVariables) {
      for (const auto& [name, value] : pool.env) JsonItem(path + "." + name, value);
    } else if (auto field = FieldOf(pool, setting.key); std::holds_alternative<std::vector<std::string>*>(field)) {
      JsonItem(path, *std::get<std::vector<std::string>*>(field));
    } else {
      JsonItem(path, Format(setting, field));
    }
  }

  void JsonItem(const std::string& path, const std::string& value) {
    JsonBegin(path);
    json_.Value(value);
    JsonEnd(path);
  }

  void JsonItem(const std::string& path, const std::vector<std::string>& words) {
    JsonBegin(path);
    json_.BeginArray();
    for (const std::string& word : words) json_.Value(word);
    json_.EndArray();
    JsonEnd(path);
  }

  void JsonBegin(const std::string& path) {
    json_.BeginObject();
    json_.Member("key", path);
    json_.Key("value");
  }

  void JsonEnd(const std::string& path) {
    json_.Member("origin", OriginOf(path));
    json_.EndObject();
  }

  const LoadedConfig& config_;
  WorkerSettings settings_;  // copies: fields are reached through pointers
  livekit::Settings livekit_;
  const SettingsTable table_ = MakeSettingsTable();
  std::string text_;
  JsonWriter json_;
};

}  // namespace

std::string ConfigYaml(const LoadedConfig& config) { return Printer(config).Yaml(); }
std::string ConfigJson(const LoadedConfig& config) { return Printer(config).Json(); }

}  // namespace andiron
