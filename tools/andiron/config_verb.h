// `andiron config check | show | schema`: what a configuration means, without starting anything.
//
//     andiron::ConfigVerb config(app);  // adds the verb
//     ... parse ...
//     if (config.chosen()) return config.Run(line, std::cout, std::cerr);
#ifndef ANDIRON_TOOLS_ANDIRON_CONFIG_VERB_H_
#define ANDIRON_TOOLS_ANDIRON_CONFIG_VERB_H_

#include <iosfwd>
#include <memory>
#include <string>

#include "tools/andiron/flags.h"

namespace andiron {

class ConfigVerb {
 public:
  explicit ConfigVerb(CLI::App& app);
  ~ConfigVerb();
  ConfigVerb(const ConfigVerb&) = delete;
  ConfigVerb& operator=(const ConfigVerb&) = delete;

  // After the parse: whether the command line names this verb.
  bool chosen() const;

  // check: "OK" or every error, 78 (64 for flags). show: YAML, or JSON with -o json. schema: JSON schema, but 64 with a
  // command. Else 0.
  int Run(const CommandLine& line, std::ostream& out, std::ostream& err) const;

 private:
  CLI::App* verb_ = nullptr;
  CLI::App* check_ = nullptr;
  CLI::App* show_ = nullptr;
  CLI::App* schema_ = nullptr;
  std::string file_;
  std::string output_ = "text";
  std::unique_ptr<SettingsFlags> check_flags_;
  std::unique_ptr<SettingsFlags> show_flags_;
};

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_CONFIG_VERB_H_
