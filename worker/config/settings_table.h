// The settings of a worker and of a pool: made from the descriptors of proto/config.proto, in their order.
//
// A key of the table has a Field in the settings, and nothing else has: a test compares.
#ifndef ANDIRON_WORKER_CONFIG_SETTINGS_TABLE_H_
#define ANDIRON_WORKER_CONFIG_SETTINGS_TABLE_H_

#include <andiron/settings.h>

#include <string_view>
#include <vector>

#include "worker/config/values.h"

namespace andiron {

struct SettingsTable {
  std::vector<Setting> worker;  // without `pools` and `sources`
  std::vector<Setting> pool;
  std::vector<Setting> livekit;  // without `agents`
  std::vector<Setting> agent;
};
SettingsTable MakeSettingsTable();

const Setting* FindSetting(const std::vector<Setting>& settings, std::string_view key);  // nullptr = there is none
std::vector<std::string> Keys(const std::vector<Setting>& settings);

// monostate = there is none.
Field FieldOf(WorkerSettings& worker, std::string_view key);
Field FieldOf(PoolSettings& pool, std::string_view key);
Field FieldOf(livekit::Settings& livekit, std::string_view key);
Field FieldOf(livekit::AgentSettings& agent, std::string_view key);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_SETTINGS_TABLE_H_
