#include "worker/config/settings_table.h"

#include <google/protobuf/descriptor.h>

#include "config.pb.h"
#include "jobs/settings_rules.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

using google::protobuf::FieldDescriptor;

Kind KindOf(const FieldDescriptor& field, config::Setting::Form form) {
  if (field.is_map()) return Kind::kVariables;
  if (field.type() == FieldDescriptor::TYPE_ENUM) return Kind::kChoice;
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
  if (setting.kind == Kind::kChoice) {
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      setting.choices.push_back(Lower(field.enum_type()->value(i)->name()));
    }
  }
  return setting;
}

}  // namespace

SettingsTable MakeSettingsTable() {
  SettingsTable table;
  const google::protobuf::Descriptor& worker = *config::Worker::descriptor();
  for (int i = 0; i < worker.field_count(); ++i) {
    if (worker.field(i)->is_map()) continue;
    table.worker.push_back(MakeSetting(*worker.field(i)));
    if (table.worker.back().key == "drain_timeout") table.worker.back().max = kDrainTimeoutMax.count();
  }
  const google::protobuf::Descriptor& pool = *config::Pool::descriptor();
  for (int i = 0; i < pool.field_count(); ++i) {
    Setting setting = MakeSetting(*pool.field(i));
    for (const NumberRule& rule : NumberRules()) {
      if (rule.key != setting.key) continue;
      setting.min = rule.min;
      setting.max = rule.max;
    }
    table.pool.push_back(std::move(setting));
  }
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

}  // namespace andiron
