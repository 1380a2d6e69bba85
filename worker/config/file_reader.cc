#include "worker/config/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "jobs/settings_rules.h"
#include "worker/config/text.h"
#include "worker/config/yaml_document.h"
#include "worker/livekit/settings_rules.h"

namespace andiron {
namespace {

// Aliases make a small file look large: this bounds what is looked at.
constexpr std::size_t kVisitsMax = 2 * kYamlNodesMax;

class FileReader {
 public:
  FileReader(const std::string& name, const EnvironmentMap& environment, Draft& draft)
      : name_(name), environment_(environment), draft_(draft) {}

  void Read(const YamlNode& root) {
    for (const auto& [key, value] : Entries(root, "a configuration")) WorkerEntry(*key, *value);
  }

  Origin At(YamlPlace place) const { return {Origin::Kind::kFile, name_, place.line, place.column}; }

 private:
  using EntryList = std::vector<std::pair<const YamlNode*, const YamlNode*>>;

  void Fail(const YamlNode& node, std::string text) { draft_.Fail(At(node.place), std::move(text)); }

  bool Exhausted(const YamlNode& node) {
    if (visits_ == kVisitsMax) Fail(node, "aliases make the file too large");
    return visits_++ >= kVisitsMax;
  }

  // The entries of a map whose keys are texts and differ; what `<<` merges comes last and yields to the rest.
  EntryList Entries(const YamlNode& map, const std::string& what) {
    EntryList entries;
    if (map.kind != YamlNode::Kind::kMap) {
      Fail(map, "expected " + what + " as a map (KEY: VALUE)");
      return entries;
    }
    std::map<std::string_view, const YamlNode*> seen;
    std::vector<const YamlNode*> merged;
    for (const auto& [key, value] : map.entries) {
      if (Exhausted(*key)) return entries;
      if (key->kind != YamlNode::Kind::kScalar) {
        Fail(*key, "expected a name here, and ':' after it");
      } else if (key->text == "<<") {
        merged.push_back(value);
      } else if (const auto [there, added] = seen.emplace(key->text, key); !added) {
        Fail(*key, Shown(key->text) + " is set twice: first on line " + std::to_string(there->second->place.line));
      } else {
        entries.emplace_back(key, value);
      }
    }
    for (const YamlNode* value : merged) Merge(*value, seen, entries);
    return entries;
  }

  // One level: a `<<` within what is merged is not followed.
  void Merge(const YamlNode& value, std::map<std::string_view, const YamlNode*>& seen, EntryList& entries) {
    if (value.kind != YamlNode::Kind::kMap) {
      Fail(value, "'<<' merges one map (*NAME), and this is none");
      return;
    }
    for (const auto& [key, merged] : value.entries) {
      if (Exhausted(*key)) return;
      const bool setting = key->kind == YamlNode::Kind::kScalar && key->text != "<<";
      if (setting && seen.emplace(key->text, key).second) entries.emplace_back(key, merged);
    }
  }

  void WorkerEntry(const YamlNode& key, const YamlNode& value) {
    if (key.text == "pools") {
      if (value.kind == YamlNode::Kind::kNull) return;
      for (const auto& [name, pool] : Entries(value, "pools")) Pool(*name, *pool);
    } else if (key.text == "sources") {
      if (value.kind == YamlNode::Kind::kNull) return;
      for (const auto& [name, source] : Entries(value, "sources")) Source(*name, *source);
    } else if (const Setting* setting = FindSetting(draft_.table().worker, key.text)) {
      if (auto written = Read(*setting, key, value)) draft_.Set(*setting, *written, At(value.place));
    } else if (FindSetting(draft_.table().pool, key.text) != nullptr) {
      Fail(key, key.text + " is a setting of a pool: write it below pools: NAME:");
    } else if (!key.text.starts_with("x-")) {
      std::vector<std::string> known = Keys(draft_.table().worker);
      known.insert(known.end(), {"pools", "sources"});
      Unknown(key, known);
    }
  }

  void Pool(const YamlNode& name, const YamlNode& value) {
    if (!IsName(name.text)) {
      Fail(name, "a pool's name is 1 to 64 of A-Z a-z 0-9 _ -, beginning without a dash, not " + Shown(name.text));
      return;
    }
    if (draft_.settings().pools.size() == kPoolsMax) {
      Fail(name, "more than " + std::to_string(kPoolsMax) + " pools");
      return;
    }
    const int pool = draft_.AddPool(name.text, At(name.place));
    if (value.kind == YamlNode::Kind::kNull) return;
    for (const auto& [key, setting] : Entries(value, "the settings of pool " + name.text))
      PoolEntry(pool, *key, *setting);
  }

  void PoolEntry(int pool, const YamlNode& key, const YamlNode& value) {
    if (const Setting* setting = FindSetting(draft_.table().pool, key.text)) {
      if (auto written = Read(*setting, key, value)) draft_.Set(pool, *setting, *written, At(value.place));
    } else if (FindSetting(draft_.table().worker, key.text) != nullptr) {
      Fail(key, key.text + " is a setting of the worker: write it at the top, outside of pools");
    } else {
      Unknown(key, Keys(draft_.table().pool));
    }
  }

  void Source(const YamlNode& name, const YamlNode& value) {
    if (name.text != "livekit") return Unknown(name, {"livekit"});
    draft_.UseLiveKit(At(name.place));
    for (const auto& [key, setting] : Entries(value, "the settings of livekit")) LiveKitEntry(*key, *setting);
  }

  void LiveKitEntry(const YamlNode& key, const YamlNode& value) {
    if (key.text == "agents") {
      if (value.kind != YamlNode::Kind::kList) return Fail(value, "expected a list of agents (- name: NAME)");
      for (const YamlNode* agent : value.items) Agent(*agent);
    } else if (const Setting* setting = FindSetting(draft_.table().livekit, key.text)) {
      if (auto written = Read(*setting, key, value)) draft_.SetLiveKit(*setting, *written, At(value.place));
    } else {
      std::vector<std::string> known = Keys(draft_.table().livekit);
      known.emplace_back("agents");
      Unknown(key, known);
    }
  }

  void Agent(const YamlNode& value) {
    if (draft_.agents() > livekit::kAgentsMax || Exhausted(value)) return;  // one too many is told at the end
    const int agent = draft_.AddAgent(At(value.place));
    for (const auto& [key, node] : Entries(value, "an agent")) {
      if (const Setting* setting = FindSetting(draft_.table().agent, key->text)) {
        if (auto written = Read(*setting, *key, *node)) draft_.SetAgent(agent, *setting, *written, At(node->place));
      } else {
        Unknown(*key, Keys(draft_.table().agent));
      }
    }
  }

  void Unknown(const YamlNode& key, const std::vector<std::string>& known) {
    const std::string nearest = NearestName(key.text, known);
    Fail(key, "unknown setting " + Shown(key.text) + (nearest.empty() ? "" : ": did you mean '" + nearest + "'?"));
  }

  std::optional<Written> Read(const Setting& setting, const YamlNode& key, const YamlNode& value) {
    switch (value.kind) {
      case YamlNode::Kind::kNull:
        Fail(key, key.text + " has no value: write one, or remove the line");
        return std::nullopt;
      case YamlNode::Kind::kScalar:
        return Text(setting, value);
      case YamlNode::Kind::kList:
        return List(setting, value);
      case YamlNode::Kind::kMap:
        return Map(setting, value);
    }
    return std::nullopt;
  }

  std::optional<std::string> Text(const Setting& setting, const YamlNode& value) {
    if (Exhausted(value)) return std::nullopt;
    if (value.kind != YamlNode::Kind::kScalar) {
      Fail(value, setting.key + ": expected a text here (in quotes if it is empty or reads null)");
      return std::nullopt;
    }
    Substituted text = Substitute(value.text, environment_);
    if (text.error.empty()) return std::move(text.text);
    Fail(value, setting.key + ": " + text.error);
    return std::nullopt;
  }

  std::optional<Written> List(const Setting& setting, const YamlNode& value) {
    std::vector<std::string> list;
    for (const YamlNode* item : value.items) {
      auto text = Text(setting, *item);
      if (!text) return std::nullopt;
      list.push_back(*std::move(text));
    }
    return list;
  }

  std::optional<Written> Map(const Setting& setting, const YamlNode& value) {
    Variables map;
    if (setting.kind != Kind::kVariables) return map;
    for (const auto& [name, item] : Entries(value, setting.key)) {
      auto text = Text(setting, *item);
      if (!text) return std::nullopt;
      map.emplace_back(name->text, *std::move(text));
    }
    return map;
  }

  const std::string& name_;
  const EnvironmentMap& environment_;
  Draft& draft_;
  std::size_t visits_ = 0;
};

std::string FileProblem(int descriptor, std::string& text) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "not a regular file";
  char buffer[1 << 14];
  while (text.size() <= kConfigBytesMax) {
    const ssize_t got = read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::strerror(errno);
    if (got == 0) return {};
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return "larger than 1MiB";
}

}  // namespace

void ReadConfigFile(const std::string& path, const EnvironmentMap& environment, Draft& draft) {
  // Without O_NONBLOCK a named pipe would have us wait for its writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  std::string text;
  const std::string problem = descriptor < 0 ? std::strerror(errno) : FileProblem(descriptor, text);
  if (descriptor >= 0) close(descriptor);
  if (!problem.empty()) {
    draft.Fail({Origin::Kind::kFile, path, 0, 0}, "can't be read: " + problem);
    return;
  }
  ReadConfigText(path, text, environment, draft);
}

void ReadConfigText(const std::string& name, std::string_view text, const EnvironmentMap& environment, Draft& draft) {
  FileReader reader(name, environment, draft);
  draft.SetFile({Origin::Kind::kFile, name, 1, 1});
  const YamlDocument document = ParseYaml(text);
  for (const YamlProblem& problem : document.problems) draft.Fail(reader.At(problem.place), problem.text);
  if (!document.problems.empty() || document.root == nullptr) return;
  if (document.root->kind != YamlNode::Kind::kNull) reader.Read(*document.root);
}

}  // namespace andiron
