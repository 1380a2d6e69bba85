#include "worker/config/config.h"

#include <algorithm>
#include <optional>
#include <set>

#include "worker/config/draft.h"
#include "worker/config/environment.h"
#include "worker/config/file_reader.h"
#include "worker/config/substitution.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

// Names the origin of what stands after "--".
constexpr const char* kCommandLine = "command line";

Origin FromFlag(const std::string& name) { return {Origin::Kind::kFlag, name, 0, 0}; }

// A value on the command line: one variable each, everything else as in a file.
Written WrittenValue(const Setting& setting, const Assignment& flag) {
  const std::size_t equals = flag.value.find('=');
  if (setting.kind != Kind::kVariables || equals == std::string::npos) return flag.value;
  return Variables{{flag.value.substr(0, equals), flag.value.substr(equals + 1)}};
}

// Layers over a draft that holds the file.
class Layers {
 public:
  Layers(const ConfigSources& sources, Draft& draft) : sources_(sources), draft_(draft) {}

  void Apply(const EnvironmentMap& environment) {
    MakePools();
    for (const Assignment& wish : sources_.verb_defaults) ApplyWish(wish);
    ApplyEnvironment(environment, draft_);
    for (const Assignment& flag : sources_.flags) ApplyFlag(flag);
    ApplyCommand();
  }

 private:
  bool IsPoolSetting(const Assignment& flag) const { return FindSetting(draft_.table().pool, flag.key) != nullptr; }

  // Without pools in a file, flags make them: those that they name, or the only one.
  void MakePools() {
    if (!draft_.settings().pools.empty()) return;
    bool unnamed = sources_.file.empty() || !sources_.command.empty();
    for (const Assignment& flag : sources_.flags) {
      if (flag.pool.empty()) {
        unnamed = unnamed || IsPoolSetting(flag);
      } else if (draft_.FindPool(flag.pool) < 0 && draft_.settings().pools.size() < kPoolsMax) {
        draft_.AddPool(flag.pool, FromFlag(flag.name));
      }
    }
    if (draft_.settings().pools.empty() && unnamed) draft_.AddPool("default", FromFlag(kCommandLine));
  }

  void ApplyWish(const Assignment& wish) {
    const Origin origin{Origin::Kind::kVerb, sources_.verb, 0, 0};
    if (const Setting* setting = FindSetting(draft_.table().worker, wish.key)) draft_.Set(*setting, wish.value, origin);
    const Setting* setting = FindSetting(draft_.table().pool, wish.key);
    for (std::size_t i = 0; setting != nullptr && i < draft_.settings().pools.size(); ++i) {
      draft_.Set(static_cast<int>(i), *setting, WrittenValue(*setting, wish), origin);
    }
  }

  void ApplyFlag(const Assignment& flag) {
    const Setting* worker_setting = FindSetting(draft_.table().worker, flag.key);
    const Setting* pool_setting = FindSetting(draft_.table().pool, flag.key);
    if (flag.pool.empty() && worker_setting != nullptr) {
      draft_.Set(*worker_setting, flag.value, FromFlag(flag.name));
    } else if (pool_setting == nullptr) {
      const std::string nearest = NearestName(flag.key, Keys(draft_.table().pool));
      draft_.Fail(FromFlag(flag.name),
                  "unknown setting " + Shown(flag.key) + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?"));
    } else if (const std::optional<int> pool = PoolOf(flag.pool, flag.name, "--pool.NAME." + flag.key)) {
      draft_.Set(*pool, *pool_setting, WrittenValue(*pool_setting, flag), FromFlag(flag.name));
    }
  }

  void ApplyCommand() {
    if (sources_.command.empty()) return;
    for (const Assignment& flag : sources_.flags) {
      if (flag.key == "command" && flag.pool.empty()) {
        return draft_.Fail(FromFlag(flag.name), "the command is given twice: here and after --");
      }
    }
    const Setting& command = *FindSetting(draft_.table().pool, "command");
    if (const std::optional<int> pool = PoolOf("", kCommandLine, "--pool.NAME.command")) {
      draft_.Set(*pool, command, sources_.command, FromFlag(kCommandLine));
    }
  }

  // "" = the only pool.
  std::optional<int> PoolOf(const std::string& name, const std::string& flag, const std::string& remedy) {
    const std::size_t count = draft_.settings().pools.size();
    if (name.empty() && count == 1) return 0;
    if (name.empty()) {
      // Without any pool the file has failed, and has said why.
      if (count > 1) draft_.Fail(FromFlag(flag), "there are " + std::to_string(count) + " pools: use " + remedy);
      return std::nullopt;
    }
    const int pool = draft_.FindPool(name);
    if (pool >= 0) return pool;
    const std::string nearest = NearestName(name, draft_.PoolNames());
    draft_.Fail(FromFlag(flag),
                "there is no pool " + Shown(name) + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?"));
    return std::nullopt;
  }

  const ConfigSources& sources_;
  Draft& draft_;
};

std::string Place(const Origin& origin) {
  std::string place = origin.name;
  if (origin.line > 0) place += ":" + std::to_string(origin.line) + ":" + std::to_string(origin.column);
  return place;
}

// What differs between two sets of settings under one prefix.
template <typename Settings>
void Compare(const std::vector<Setting>& table, const std::string& prefix, Settings before, Settings after,
             std::vector<std::string>& differences) {
  for (const Setting& setting : table) {
    const Field old_field = FieldOf(before, setting.key);
    const bool same = std::visit(
        [&old_field](auto now) {
          const auto old = std::get<decltype(now)>(old_field);
          if constexpr (std::is_same_v<decltype(now), std::monostate>) {
            return true;
          } else if constexpr (std::is_same_v<decltype(now), EnvInherit*>) {
            return old->kind == now->kind && old->names == now->names;
          } else {
            return *old == *now;
          }
        },
        FieldOf(after, setting.key));
    if (!same) differences.push_back(prefix + setting.key);
  }
}

}  // namespace

std::string ToString(const Origin& origin) {
  switch (origin.kind) {
    case Origin::Kind::kDefault:
      return "default";
    case Origin::Kind::kVerb:
      return origin.name;
    case Origin::Kind::kFile:
      return origin.name + ":" + std::to_string(origin.line);
    case Origin::Kind::kEnvironment:
      return "environment " + origin.name;
    case Origin::Kind::kFlag:
      return origin.name == kCommandLine ? origin.name : "flag " + origin.name;
  }
  return "?";
}

std::string ToString(const ConfigError& error) {
  const std::string place = Place(error.origin);
  return place.empty() ? error.text : place + ": " + error.text;
}

ConfigResult Load(const ConfigSources& sources) {
  const EnvironmentMap environment = MakeEnvironmentMap(sources.environment);
  Draft draft;
  if (!sources.file.empty()) ReadConfigFile(sources.file, environment, draft);
  // A file that gave no pools because of its errors would make every mention of a pool an error too.
  const bool readable = !draft.failed() || !draft.settings().pools.empty();
  if (readable) Layers(sources, draft).Apply(environment);
  return draft.Finish(sources.cpus);
}

int ExitCode(const ConfigResult& result) {
  if (result.ok()) return 0;
  const bool usage = std::all_of(result.errors.begin(), result.errors.end(),
                                 [](const ConfigError& error) { return error.origin.kind == Origin::Kind::kFlag; });
  return usage ? 64 : 78;
}

std::string ErrorText(const ConfigResult& result) {
  std::string text;
  for (const ConfigError& error : result.errors) text += ToString(error) + "\n";
  return text;
}

std::vector<std::string> Differences(const WorkerSettings& before, const WorkerSettings& after) {
  const SettingsTable table = MakeSettingsTable();
  std::vector<std::string> differences;
  Compare(table.worker, "", before, after, differences);
  std::set<std::string> compared;
  for (const PoolSettings& old : before.pools) {
    const auto now = std::find_if(after.pools.begin(), after.pools.end(),
                                  [&old](const PoolSettings& pool) { return pool.name == old.name; });
    compared.insert(old.name);
    if (now == after.pools.end()) {
      differences.push_back("pools." + old.name);
    } else {
      Compare(table.pool, "pools." + old.name + ".", old, *now, differences);
    }
  }
  for (const PoolSettings& now : after.pools) {
    if (!compared.contains(now.name)) differences.push_back("pools." + now.name);
  }
  return differences;
}

}  // namespace andiron
