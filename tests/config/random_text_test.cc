// Files that nobody wrote: mutated good ones, with a fixed seed. Whatever they hold, loading ends with settings or with
// errors, and settings that came out are free of contradictions and survive being shown.
#include <gmock/gmock.h>

#include <random>

#include "jobs/settings_rules.h"
#include "tests/config/loading.h"
#include "worker/config/draft.h"
#include "worker/config/file_reader.h"

namespace andiron {
namespace {

using testing::IsEmpty;

constexpr std::string_view kSeed = R"(name: shop
drain_timeout: 1m30s
x-common: &common {warm: 2, command: [a, "b c", 'd']}
pools:
  spell:
    <<: *common
    env: {A: "${HOME}", B: "${NONE:-x}"}
    init_timeout: 500ms
    memory_limit: 512MiB # much
    stop_command: |
      kill -TERM 1
  other: *common
)";

constexpr std::string_view kPieces[] = {
    "\"",           "'",      "[",       "]",         "{",   "}",    ":",       "- ",   "? ",
    "&a ",          "*a",     "*common", "\n",        "\t",  "  ",   "#",       "|\n",  ">\n",
    "!!str ",       "<<: ",   "${",      "${A}",      "$${", "\\",   "\\u0000", "\xff", "\xc3",
    "\xef\xbb\xbf", "---\n",  "...\n",   "%YAML 9\n", "~",   "null", "0",       "-1",   "99999999999999999999",
    "1h",           "pools:", "warm: "};

using Random = std::mt19937_64;

std::size_t Pick(Random& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

std::string Mutated(Random& random) {
  std::string text(kSeed);
  for (std::size_t i = Pick(random, 8) + 1; i > 0 && !text.empty(); --i) {
    const std::size_t at = Pick(random, text.size());
    const std::size_t count = Pick(random, 12);
    const std::size_t way = Pick(random, 4);
    if (way == 0) text.erase(at, count);
    if (way == 1) text.insert(at, kPieces[Pick(random, std::size(kPieces))]);
    if (way == 2) text[at] = static_cast<char>(Pick(random, 256));
    if (way == 3) text.insert(at, text.substr(Pick(random, text.size()), 4 * count));
  }
  return text;
}

ConfigResult LoadInMemory(const std::string& text) {
  Draft draft;
  ReadConfigText("c.yaml", text, {{"HOME", "/root"}}, draft);
  return draft.Finish(2);
}

TEST(RandomText, NeverCrashesTheReader) {
  Random random(20260101);
  int good = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = Mutated(random);
    const ConfigResult result = LoadInMemory(text);
    ASSERT_LE(result.errors.size(), kErrorsMax + 1) << text;
    if (!result.ok()) continue;
    ++good;
    ASSERT_THAT(Contradictions(result.config.settings), IsEmpty()) << text;
    const ConfigResult again = LoadInMemory(ConfigYaml(result.config));
    ASSERT_THAT(ErrorLines(again), IsEmpty()) << text;
    ASSERT_THAT(Differences(result.config.settings, again.config.settings), IsEmpty()) << text;
  }
  // The mutations leave some files whole; else this would only test the parser.
  EXPECT_GT(good, 100);
}

TEST(RandomText, OfPiecesOnlyIsRefusedInTime) {
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    const std::string_view piece = kPieces[Pick(random, std::size(kPieces))];
    const std::string_view other = kPieces[Pick(random, std::size(kPieces))];
    while (text.size() < 20'000) text.append(piece).append(other);
    LoadInMemory(text);
  }
}

TEST(RandomText, InFlagsAndVariablesNeverCrashes) {
  Random random(11);
  std::vector<std::string> keys;
  for (const SettingDescription& setting : DescribePoolSettings()) keys.push_back(setting.key);
  for (int i = 0; i < 3000; ++i) {
    ConfigSources sources;
    std::string value;
    for (std::size_t j = Pick(random, 4); j > 0; --j) value += kPieces[Pick(random, std::size(kPieces))];
    sources.flags = {{"", keys[Pick(random, keys.size())], value, "--flag"}};
    sources.environment = {"ANDIRON_POOL_DEFAULT_WARM=" + value, "ANDIRON_" + value + "=x"};
    sources.command = {"x"};
    const ConfigResult result = Load(sources);
    ASSERT_LE(result.errors.size(), 4u) << value;
  }
}

}  // namespace
}  // namespace andiron
