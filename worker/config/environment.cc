#include "worker/config/environment.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "worker/config/text.h"

namespace andiron {
namespace {

constexpr std::string_view kPrefix = "ANDIRON_";
constexpr std::string_view kPoolPrefix = "ANDIRON_POOL_";

// Variables of that prefix with a meaning of their own: the worker's to its children, and the tests'.
const std::set<std::string_view> OwnVariables() {
  return {"ANDIRON_CHILD", "ANDIRON_CHANNEL_FD", "ANDIRON_MAX_RESULT", "ANDIRON_BIN_DIR", "ANDIRON_SOURCE_DIR"};
}

std::string InCapitals(std::string_view name) {
  std::string capitals = Upper(name);
  std::replace(capitals.begin(), capitals.end(), '-', '_');
  return capitals;
}

std::string DidYouMean(const std::string& nearest) { return nearest.empty() ? "" : ": did you mean " + nearest + "?"; }

void ApplyPoolVariable(const std::string& variable, const std::string& value, Draft& draft) {
  const Origin origin{Origin::Kind::kEnvironment, variable, 0, 0};
  std::vector<std::string> known;
  std::vector<std::pair<int, const Setting*>> fitting;
  for (const std::string& name : draft.PoolNames()) {
    for (const Setting& setting : draft.table().pool) {
      known.push_back(std::string(kPoolPrefix) + InCapitals(name) + "_" + InCapitals(setting.key));
      if (known.back() == variable) fitting.emplace_back(draft.FindPool(name), &setting);
    }
  }
  if (fitting.size() > 1) {
    draft.Fail(origin, "fits more than one pool: rename one of them");
  } else if (fitting.empty()) {
    draft.Fail(origin, "no pool has this setting" + DidYouMean(NearestName(variable, known)));
  } else {
    draft.Set(fitting.front().first, *fitting.front().second, value, origin);
  }
}

void ApplyWorkerVariable(const std::string& variable, const std::string& value, Draft& draft) {
  const Origin origin{Origin::Kind::kEnvironment, variable, 0, 0};
  std::vector<std::string> known;
  for (const Setting& setting : draft.table().worker) {
    known.push_back(std::string(kPrefix) + InCapitals(setting.key));
    if (known.back() == variable) return draft.Set(setting, value, origin);
  }
  // The prefix is common to all: what follows it must be near. Very near: others may have variables of that prefix.
  for (std::string& name : known) name.erase(0, kPrefix.size());
  const std::string nearest = AlmostName(std::string_view(variable).substr(kPrefix.size()), known);
  if (!nearest.empty()) draft.Fail(origin, "unknown" + DidYouMean(std::string(kPrefix) + nearest));
}

// Known by these names to every program that speaks to a LiveKit server.
void ApplyLiveKitVariables(const EnvironmentMap& environment, Draft& draft) {
  constexpr std::pair<std::string_view, std::string_view> kVariables[] = {
      {"LIVEKIT_URL", "url"}, {"LIVEKIT_API_KEY", "key"}, {"LIVEKIT_API_SECRET", "secret"}};
  for (const auto& [variable, key] : kVariables) {
    const auto found = environment.find(variable);
    if (found == environment.end() || found->second.empty()) continue;
    const Origin origin{Origin::Kind::kEnvironment, std::string(variable), 0, 0};
    draft.SetLiveKit(*FindSetting(draft.table().livekit, key), found->second, origin);
  }
}

}  // namespace

void ApplyEnvironment(const EnvironmentMap& environment, Draft& draft) {
  if (draft.uses_livekit()) ApplyLiveKitVariables(environment, draft);
  const std::set<std::string_view> own = OwnVariables();
  for (auto at = environment.lower_bound(kPrefix); at != environment.end() && at->first.starts_with(kPrefix); ++at) {
    if (own.contains(at->first) || at->second.empty()) continue;
    if (at->first.starts_with(kPoolPrefix)) {
      ApplyPoolVariable(at->first, at->second, draft);
    } else {
      ApplyWorkerVariable(at->first, at->second, draft);
    }
  }
}

std::vector<std::string> Environment() {
  std::vector<std::string> environment;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace andiron
