// A YAML text as a tree with positions: the only code that knows yaml-cpp.
//
// Stricter than the library: one document, UTF-8 without control characters, no tags, quotes closed on their line.
// Aliases refer to one node, never copy it, so what a text costs is bounded by its size; the tree may have cycles.
// Nothing is thrown. The document owns the nodes.
#ifndef ANDIRON_WORKER_CONFIG_YAML_DOCUMENT_H_
#define ANDIRON_WORKER_CONFIG_YAML_DOCUMENT_H_

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace andiron {

inline constexpr std::size_t kYamlNodesMax = 100'000;

struct YamlPlace {
  int line = 0;    // from 1
  int column = 0;  // from 1, in bytes
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  YamlPlace place;
  std::string text;                                      // kScalar
  std::vector<YamlNode*> items;                          // kList
  std::vector<std::pair<YamlNode*, YamlNode*>> entries;  // kMap, in the order of the text; keys may repeat
};

struct YamlProblem {
  YamlPlace place;
  std::string text;
};

struct YamlDocument {
  std::deque<YamlNode> nodes;
  YamlNode* root = nullptr;  // nullptr = the text is empty
  std::vector<YamlProblem> problems;
};

// With problems, the tree is not to be used.
YamlDocument ParseYaml(std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_YAML_DOCUMENT_H_
