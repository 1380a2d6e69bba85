// Settings while they are being collected: what was set, by whom, and what was wrong.
//
// A value counts if nothing of a higher origin (see Origin::Kind) was there before, so the order of calls is free.
#ifndef ANDIRON_WORKER_CONFIG_DRAFT_H_
#define ANDIRON_WORKER_CONFIG_DRAFT_H_

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "worker/config/config.h"
#include "worker/config/settings_table.h"

namespace andiron {

class Draft {
 public:
  Draft();

  const SettingsTable& table() const { return table_; }
  const WorkerSettings& settings() const { return settings_; }
  bool failed() const { return !errors_.empty(); }

  // The first of the name; an index of pools, or -1.
  int FindPool(std::string_view name) const;
  // Where mistakes are reported that have no place of their own, such as a lack of pools: the beginning of the file.
  void SetFile(const Origin& file) { file_ = file; }
  int AddPool(std::string name, const Origin& origin);
  std::vector<std::string> PoolNames() const;

  bool uses_livekit() const { return uses_livekit_; }
  void UseLiveKit(const Origin& origin);
  int AddAgent(const Origin& origin);
  std::size_t agents() const { return livekit_.agents.size(); }

  void Set(const Setting& setting, const Written& written, const Origin& origin);            // the worker's
  void Set(int pool, const Setting& setting, const Written& written, const Origin& origin);  // a pool's
  void SetLiveKit(const Setting& setting, const Written& written, const Origin& origin);
  void SetAgent(int agent, const Setting& setting, const Written& written, const Origin& origin);

  void Fail(const Origin& origin, std::string text);

  // Resolves the defaults and looks for contradictions, if there is no error yet.
  ConfigResult Finish(int cpus);

 private:
  void Assign(const std::string& path, const Setting& setting, const Written& written, Field field,
              const Origin& origin);
  void AssignVariables(const std::string& path, const Setting& setting, const Written& written, Field field,
                       const Origin& origin);
  bool Outranks(const std::string& path, const Origin& origin) const;
  std::vector<ConfigError> TakeErrors();
  void Contradict(const std::string& pool, const std::vector<std::string>& keys, const std::string& text);
  void JudgeLiveKit();
  void FailAtHighest(const std::vector<std::string>& paths, const std::string& whole, std::string text);

  SettingsTable table_;
  WorkerSettings settings_;
  livekit::Settings livekit_;
  bool uses_livekit_ = false;
  Origins origins_;
  Origin file_;
  std::multimap<std::tuple<Origin::Kind, int, int>, ConfigError> errors_;  // by origin, line and column
};

// "pools.spell.warm"
std::string PoolPath(std::string_view pool, std::string_view key);
// "sources.livekit.url"
std::string LiveKitPath(std::string_view key);
// "sources.livekit.agents.0.name"
std::string AgentPath(std::size_t agent, std::string_view key);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_DRAFT_H_
