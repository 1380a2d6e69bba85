// ${NAME} and ${NAME:-default} in the texts of a configuration file; $${ stands for ${.
#ifndef ANDIRON_WORKER_CONFIG_SUBSTITUTION_H_
#define ANDIRON_WORKER_CONFIG_SUBSTITUTION_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace andiron {

using EnvironmentMap = std::map<std::string, std::string, std::less<>>;

// Of "NAME=VALUE" strings; the first of a name counts, as in getenv.
EnvironmentMap MakeEnvironmentMap(const std::vector<std::string>& environment);

struct Substituted {
  std::string text;
  std::string error;  // "" or what is wrong
};

// What is put in is text, never looked at again. A variable that is unset and has no default is an error; the default
// also counts for an empty one, as in a shell. The default ends at the first '}'.
Substituted Substitute(std::string_view text, const EnvironmentMap& environment);

// The opposite: a text that Substitute makes into `text`.
std::string EscapeSubstitution(std::string_view text);

}  // namespace andiron

#endif  // ANDIRON_WORKER_CONFIG_SUBSTITUTION_H_
