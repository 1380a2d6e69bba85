// The files of tests/scenarios say what the core answers; `andiron-simulate --scenario FILE --rewrite` updates one.
#include "tests/sim/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace andiron::sim {
namespace {

std::vector<std::string> Scenarios() {
  const char* root = std::getenv("ANDIRON_SOURCE_DIR");
  std::vector<std::string> paths;
  if (root == nullptr) return paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(root) + "/tests/scenarios")) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(Scenario, FilesGetTheAnswersThatTheySay) {
  const std::vector<std::string> paths = Scenarios();
  EXPECT_GE(paths.size(), 15U);
  for (const std::string& path : paths) {
    std::ifstream in(path);
    const std::string script((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const std::string answered = RunScenario(script);
    EXPECT_EQ(answered, script) << path;
    EXPECT_EQ(answered.find("\n!"), std::string::npos) << path;
  }
}

TEST(Scenario, AScriptThatCannotBeUnderstoodSaysWhere) {
  EXPECT_EQ(RunScenario("pool p warm=1 max_children=1\nturn 0\ndance\n"),
            "pool p warm=1 max_children=1\nturn 0\ndance\n! line 3: unknown word 'dance'\n");
  EXPECT_EQ(RunScenario("pool p wram=1\n"), "pool p wram=1\n! line 1: unknown setting 'wram'\n");
}

TEST(Scenario, WrongAnswersAreWrittenAnew) {
  const std::string right = "pool p warm=1 max_children=1\nturn 0\n> start p/0.1\n";
  EXPECT_EQ(RunScenario("pool p warm=1 max_children=1\nturn 0\n> start p/7.9\n"), right);
  EXPECT_EQ(RunScenario(right), right);
}

}  // namespace
}  // namespace andiron::sim
