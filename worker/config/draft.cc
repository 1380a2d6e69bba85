#include "worker/config/draft.h"

#include <utility>

#include "jobs/settings_rules.h"
#include "worker/livekit/settings_rules.h"

namespace andiron {
namespace {

// A flag or a variable names its setting itself.
std::string Prefix(const Setting& setting, const Origin& origin) {
  const bool named = origin.kind == Origin::Kind::kFlag || origin.kind == Origin::Kind::kEnvironment;
  return named ? "" : setting.key + ": ";
}

}  // namespace

Draft::Draft() : table_(MakeSettingsTable()) {
  for (const Setting& setting : table_.worker) origins_[setting.key];
}

int Draft::FindPool(std::string_view name) const {
  for (std::size_t i = 0; i < settings_.pools.size(); ++i) {
    if (settings_.pools[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int Draft::AddPool(std::string name, const Origin& origin) {
  origins_["pools." + name] = origin;
  for (const Setting& setting : table_.pool) origins_[PoolPath(name, setting.key)];
  settings_.pools.emplace_back().name = std::move(name);
  return static_cast<int>(settings_.pools.size()) - 1;
}

std::vector<std::string> Draft::PoolNames() const {
  std::vector<std::string> names;
  names.reserve(settings_.pools.size());
  for (const PoolSettings& pool : settings_.pools) names.push_back(pool.name);
  return names;
}

void Draft::Set(const Setting& setting, const Written& written, const Origin& origin) {
  Assign(setting.key, setting, written, FieldOf(settings_, setting.key), origin);
}

void Draft::Set(int pool, const Setting& setting, const Written& written, const Origin& origin) {
  PoolSettings& settings = settings_.pools[static_cast<std::size_t>(pool)];
  const std::string path = PoolPath(settings.name, setting.key);
  const Field field = FieldOf(settings, setting.key);
  if (setting.kind == Kind::kVariables) {
    AssignVariables(path, setting, written, field, origin);
  } else {
    Assign(path, setting, written, field, origin);
  }
}

void Draft::UseLiveKit(const Origin& origin) {
  uses_livekit_ = true;
  origins_[LiveKitPath("")] = origin;
  for (const Setting& setting : table_.livekit) origins_[LiveKitPath(setting.key)];
}

int Draft::AddAgent(const Origin& origin) {
  const std::size_t agent = livekit_.agents.size();
  livekit_.agents.emplace_back();
  origins_[AgentPath(agent, "")] = origin;
  for (const Setting& setting : table_.agent) origins_[AgentPath(agent, setting.key)];
  return static_cast<int>(agent);
}

void Draft::SetLiveKit(const Setting& setting, const Written& written, const Origin& origin) {
  Assign(LiveKitPath(setting.key), setting, written, FieldOf(livekit_, setting.key), origin);
}

void Draft::SetAgent(int agent, const Setting& setting, const Written& written, const Origin& origin) {
  const auto number = static_cast<std::size_t>(agent);
  Assign(AgentPath(number, setting.key), setting, written, FieldOf(livekit_.agents[number], setting.key), origin);
}

bool Draft::Outranks(const std::string& path, const Origin& origin) const {
  const auto there = origins_.find(path);
  return there != origins_.end() && there->second.kind > origin.kind;
}

void Draft::Assign(const std::string& path, const Setting& setting, const Written& written, Field field,
                   const Origin& origin) {
  if (Outranks(path, origin)) return;
  const std::string error = andiron::Assign(setting, written, field);
  if (error.empty()) {
    origins_[path] = origin;
  } else {
    Fail(origin, Prefix(setting, origin) + error);
  }
}

// Each variable has an origin of its own.
void Draft::AssignVariables(const std::string& path, const Setting& setting, const Written& written, Field field,
                            const Origin& origin) {
  Variables read;
  const std::string error = andiron::Assign(setting, written, &read);
  if (!error.empty()) Fail(origin, Prefix(setting, origin) + error);
  for (auto& variable : read) {
    const std::string variable_path = path + "." + variable.first;
    if (Outranks(variable_path, origin)) continue;
    origins_[variable_path] = origin;
    andiron::Assign(setting, Variables{std::move(variable)}, field);
  }
  if (!Outranks(path, origin)) origins_[path] = origin;
}

// Placed where the highest of the origins is, or at the pool if all are defaults.
void Draft::Contradict(const std::string& pool, const std::vector<std::string>& keys, const std::string& text) {
  std::vector<std::string> paths;
  for (const std::string& key : keys) paths.push_back(pool.empty() ? key : PoolPath(pool, key));
  FailAtHighest(paths, "pools." + pool, pool.empty() ? text : "pool " + pool + ": " + text);
}

void Draft::FailAtHighest(const std::vector<std::string>& paths, const std::string& whole, std::string text) {
  Origin place;
  for (const std::string& path : paths) {
    const auto found = origins_.find(path);
    if (found != origins_.end() && found->second.kind > place.kind) place = found->second;
  }
  const auto around = origins_.find(whole);
  if (place.kind == Origin::Kind::kDefault) place = around == origins_.end() ? file_ : around->second;
  Fail(place, std::move(text));
}

void Draft::JudgeLiveKit() {
  for (livekit::AgentSettings& agent : livekit_.agents) {
    if (agent.pool.empty() && settings_.pools.size() == 1) agent.pool = settings_.pools.front().name;
  }
  for (const livekit::Problem& one : livekit::FindProblems(livekit_, settings_.pools)) {
    if (one.agent < 0) {
      FailAtHighest({LiveKitPath(one.key), LiveKitPath(one.other)}, LiveKitPath(""), "sources.livekit: " + one.text);
    } else {
      const auto number = static_cast<std::size_t>(one.agent);
      FailAtHighest({AgentPath(number, one.key)}, AgentPath(number, ""), "sources.livekit: agent: " + one.text);
    }
  }
}

void Draft::Fail(const Origin& origin, std::string text) {
  errors_.emplace(std::tuple(origin.kind, origin.line, origin.column), ConfigError{origin, std::move(text)});
}

ConfigResult Draft::Finish(int cpus) {
  for (PoolSettings& pool : settings_.pools) ResolveDefaults(pool, cpus);
  if (!failed()) {
    for (const Contradiction& one : FindContradictions(settings_)) Contradict(one.pool, {one.key, one.other}, one.text);
    // A host may wait for a child and then submit; who has a configuration only can't.
    for (const PoolSettings& pool : settings_.pools) {
      if (pool.warm > 0 || pool.queue_limit > 0) continue;
      Contradict(pool.name, {"queue_limit", "warm"},
                 "queue_limit is 0 and warm is 0: a job neither finds a child ready nor waits for one, and starts "
                 "none: raise one of them");
    }
    if (uses_livekit_) JudgeLiveKit();
  }
  return {{std::move(settings_), std::move(livekit_), std::move(origins_)}, TakeErrors()};
}

std::vector<ConfigError> Draft::TakeErrors() {
  std::vector<ConfigError> errors;
  for (auto& [place, error] : errors_) {
    if (errors.size() == kErrorsMax) {
      // Of the flags if all that is left is theirs: flags come last.
      const Origin& last = errors.back().origin;
      errors.push_back({last.kind == Origin::Kind::kFlag ? last : Origin{},
                        "and " + std::to_string(errors_.size() - kErrorsMax) + " more"});
      break;
    }
    errors.push_back(std::move(error));
  }
  return errors;
}

std::string PoolPath(std::string_view pool, std::string_view key) {
  return "pools." + std::string(pool) + "." + std::string(key);
}

std::string LiveKitPath(std::string_view key) {
  return "sources.livekit" + (key.empty() ? "" : "." + std::string(key));
}

std::string AgentPath(std::size_t agent, std::string_view key) {
  return LiveKitPath("agents") + "." + std::to_string(agent) + (key.empty() ? "" : "." + std::string(key));
}

}  // namespace andiron
