#include "worker/config/substitution.h"

#include <algorithm>

#include "worker/config/config.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

bool IsVariableName(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Of what stands between ${ and }.
Substituted ValueOf(std::string_view inside, const EnvironmentMap& environment) {
  const std::size_t dash = inside.find(":-");
  const std::string_view name = inside.substr(0, dash);
  if (!IsVariableName(name)) {
    return {
        {},
        "${" + std::string(inside.substr(0, 40)) + "} is not ${NAME} or ${NAME:-default} (write $${ for a plain ${)"};
  }
  const auto found = environment.find(name);
  if (dash != std::string_view::npos && (found == environment.end() || found->second.empty())) {
    return {std::string(inside.substr(dash + 2)), {}};
  }
  if (found != environment.end()) return {found->second, {}};
  return {{},
          "the environment has no variable " + std::string(name) + ": set it, or write ${" + std::string(name) +
              ":-default}"};
}

}  // namespace

EnvironmentMap MakeEnvironmentMap(const std::vector<std::string>& environment) {
  EnvironmentMap map;
  for (const std::string& variable : environment) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos) map.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return map;
}

Substituted Substitute(std::string_view text, const EnvironmentMap& environment) {
  std::string result;
  while (true) {
    const std::size_t begin = text.find("${");
    result += text.substr(0, begin);
    if (begin == std::string_view::npos) return {std::move(result), {}};
    if (begin > 0 && text[begin - 1] == '$') {
      result += '{';  // the first dollar is there already
      text.remove_prefix(begin + 2);
      continue;
    }
    const std::size_t end = text.find('}', begin);
    if (end == std::string_view::npos) return {{}, "${ without its } (write $${ for a plain ${)"};
    Substituted value = ValueOf(text.substr(begin + 2, end - begin - 2), environment);
    if (!value.error.empty()) return value;
    result += value.text;
    if (result.size() > kConfigBytesMax) return {{}, "the variables make this longer than 1MiB"};
    text.remove_prefix(end + 1);
  }
}

std::string EscapeSubstitution(std::string_view text) {
  std::string escaped;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at).starts_with("${")) escaped += '$';
    escaped += text[at];
  }
  return escaped;
}

}  // namespace andiron
