// Loads a configuration from a text, as tests want it: through a real file, its path told as "c.yaml".
#ifndef ANDIRON_TESTS_CONFIG_LOADING_H_
#define ANDIRON_TESTS_CONFIG_LOADING_H_

#include <string>
#include <string_view>
#include <vector>

#include "worker/config/config.h"

namespace andiron {

// `sources.file` is filled in.
ConfigResult LoadText(std::string_view text, ConfigSources sources = {});

// The errors of LoadText as lines.
std::vector<std::string> ErrorsOf(std::string_view text, const ConfigSources& sources = {});
std::vector<std::string> ErrorLines(const ConfigResult& result);

// A pool `p` that runs `true` and has `lines` of settings, each indented by four blanks.
std::string OnePool(std::string_view lines);

// "--KEY=VALUE" and "--pool.NAME.KEY=VALUE".
Assignment Flag(std::string_view written);

}  // namespace andiron

#endif  // ANDIRON_TESTS_CONFIG_LOADING_H_
