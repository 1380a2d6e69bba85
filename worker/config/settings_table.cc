#include "worker/config/settings_table.h"

#include <google/protobuf/descriptor.h>

#include "config.pb.h"
#include "jobs/settings_rules.h"
#include "worker/config/text.h"
#include "worker/livekit/settings_rules.h"

namespace andiron {
namespace {

using google::protobuf::FieldDescriptor;

Kind KindOf(const FieldDescriptor& field, config::Setting::Form form) {
  if (field.is_map()) return Kind::kVariables;
  if (field.type() == FieldDescriptor::TYPE_ENUM) return field.is_repeated() ? Kind::kChoices : Kind::kChoice;
  if (field.type() == FieldDescriptor::TYPE_INT32) return Kind::kInteger;
  if (form == config::Setting::INHERIT) return Kind::kInherit;
  if (field.is_repeated()) return Kind::kWords;
  if (form == config::Setting::DURATION) return Kind::kDuration;
  if (form == config::Setting::SIZE) return Kind::kSize;
  if (form == config::Setting::RATE) return Kind::kRate;
  return form == config::Setting::SIGNAL ? Kind::kSignal : Kind::kText;
}

Setting MakeSetting(const FieldDescriptor& field) {
  const config::Setting& option = field.options().GetExtension(config::setting);
  Setting setting;
  setting.key = field.name();
  setting.kind = KindOf(field, option.form());
  setting.help = option.help();
  setting.zero = option.zero();
  setting.default_words = option.default_value();
  setting.secret = option.secret();
  if (setting.kind == Kind::kChoice || setting.kind == Kind::kChoices) {
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      setting.choices.push_back(Lower(field.enum_type()->value(i)->name()));
    }
  }
  return setting;
}

// The settings of one message; what holds messages of its own is no setting.
template <typename Rules>
std::vector<Setting> MakeSettings(const google::protobuf::Descriptor& message, const Rules& rules) {
  std::vector<Setting> settings;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const bool holds_messages = field.type() == FieldDescriptor::TYPE_MESSAGE;
    if (holds_messages && !(field.is_map() && field.message_type()->field(1)->type() == FieldDescriptor::TYPE_STRING))
      continue;
    Setting setting = MakeSetting(field);
    for (const auto& rule : rules) {
      if (rule.key != setting.key) continue;
      setting.min = rule.min;
      setting.max = rule.max;
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

struct Range {
  std::string_view key;
  std::int64_t min;
  std::int64_t max;
};

}  // namespace

SettingsTable MakeSettingsTable() {
  const Range worker_ranges[] = {{"drain_timeout", 0, kDrainTimeoutMax.count()}};
  const Range agent_ranges[] = {{"min_ready", 0, kChildrenMax}};
  SettingsTable table;
  table.worker = MakeSettings(*config::Worker::descriptor(), worker_ranges);
  table.pool = MakeSettings(*config::Pool::descriptor(), NumberRules());
  table.livekit = MakeSettings(*config::LiveKit::descriptor(), livekit::NumberRules());
  table.agent = MakeSettings(*config::Agent::descriptor(), agent_ranges);
  return table;
}

const Setting* FindSetting(const std::vector<Setting>& settings, std::string_view key) {
  for (const Setting& setting : settings) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

std::vector<std::string> Keys(const std::vector<Setting>& settings) {
  std::vector<std::string> keys;
  keys.reserve(settings.size());
  for (const Setting& setting : settings) keys.push_back(setting.key);
  return keys;
}

Field FieldOf(WorkerSettings& worker, std::string_view key) {
  if (key == "name") return &worker.name;
  if (key == "socket") return &worker.socket;
  if (key == "drain_timeout") return &worker.drain_timeout;
  if (key == "log_level") return &worker.log_level;
  if (key == "log_format") return &worker.log_format;
  return std::monostate();
}

Field FieldOf(PoolSettings& pool, std::string_view key) {
  for (const NumberRule& rule : NumberRules()) {
    if (rule.key != key) continue;
    return std::visit([&pool](auto member) -> Field { return &(pool.*member); }, rule.member);
  }
  if (key == "command") return &pool.command;
  if (key == "cwd") return &pool.cwd;
  if (key == "user") return &pool.user;
  if (key == "env") return &pool.env;
  if (key == "env_inherit") return &pool.env_inherit;
  if (key == "stop_signal") return &pool.stop_signal;
  if (key == "stop_command") return &pool.stop_command;
  return std::monostate();
}

Field FieldOf(livekit::Settings& livekit, std::string_view key) {
  for (const livekit::NumberRule& rule : livekit::NumberRules()) {
    if (rule.key != key) continue;
    return std::visit([&livekit](auto member) -> Field { return &(livekit.*member); }, rule.member);
  }
  if (key == "url") return &livekit.url;
  if (key == "key") return &livekit.key;
  if (key == "secret") return &livekit.secret;
  if (key == "ca_file") return &livekit.ca_file;
  return std::monostate();
}

Field FieldOf(livekit::AgentSettings& agent, std::string_view key) {
  if (key == "name") return &agent.name;
  if (key == "type") return &agent.type;
  if (key == "pool") return &agent.pool;
  if (key == "permissions") return &agent.permissions;
  if (key == "min_ready") return &agent.min_ready;
  if (key == "simulate") return &agent.simulate;
  return std::monostate();
}

}  // namespace andiron
