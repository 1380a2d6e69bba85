#include "tests/config/loading.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tools/andiron/flags.h"

namespace andiron {

ConfigResult LoadText(std::string_view text, ConfigSources sources) {
  std::string path = testing::TempDir() + "andiron-config-XXXXXX";
  const int descriptor = mkstemp(path.data());
  EXPECT_GE(descriptor, 0);
  close(descriptor);
  std::ofstream(path, std::ios::binary) << text;
  sources.file = path;
  ConfigResult result = Load(sources);
  std::remove(path.c_str());
  for (ConfigError& error : result.errors) {
    if (error.origin.name == path) error.origin.name = "c.yaml";
  }
  for (auto& [key, origin] : result.config.origins) {
    if (origin.name == path) origin.name = "c.yaml";
  }
  return result;
}

std::vector<std::string> ErrorLines(const ConfigResult& result) {
  std::vector<std::string> lines;
  lines.reserve(result.errors.size());
  for (const ConfigError& error : result.errors) lines.push_back(ToString(error));
  return lines;
}

std::vector<std::string> ErrorsOf(std::string_view text, const ConfigSources& sources) {
  return ErrorLines(LoadText(text, sources));
}

std::string OnePool(std::string_view lines) { return "pools:\n  p:\n    command: [true]\n" + std::string(lines); }

Assignment Flag(std::string_view written) {
  const std::string argument(written);
  const char* argv[] = {"andiron", argument.c_str()};
  const CommandLine line = SplitCommandLine(2, argv);
  if (!line.pool_flags.empty()) return line.pool_flags.front();
  const std::size_t equals = argument.find('=');
  return {"", argument.substr(2, equals - 2), argument.substr(equals + 1), argument.substr(0, equals)};
}

}  // namespace andiron
