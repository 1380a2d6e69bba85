// Default < verb < file < environment < flag, and that each value knows where it came from.
#include <gmock/gmock.h>

#include "tests/config/loading.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string OriginOf(const ConfigResult& result, std::string_view path) {
  const auto found = result.config.origins.find(path);
  return found == result.config.origins.end() ? "?" : ToString(found->second);
}

TEST(Precedence, LetsTheLaterSourceWin) {
  ConfigSources sources;
  sources.verb = "andiron run";
  sources.verb_defaults = {{"", "run_for", "0", ""}, {"", "start_by", "9h", ""}, {"", "log_level", "warn", ""}};
  sources.environment = {"ANDIRON_POOL_P_WARM=2", "ANDIRON_POOL_P_RUN_FOR=2s", "ANDIRON_LOG_LEVEL=debug"};
  sources.flags = {Flag("--run_for=3s"), Flag("--queue_limit=7")};
  sources.cpus = 4;
  const ConfigResult result = LoadText(OnePool("    run_for: 1s\n    warm: 1\n    cwd: /tmp\n"), sources);
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  const PoolSettings& pool = result.config.settings.pools[0];
  EXPECT_EQ(pool.run_for, 3s);
  EXPECT_EQ(OriginOf(result, "pools.p.run_for"), "flag --run_for");
  EXPECT_EQ(pool.warm, 2);
  EXPECT_EQ(OriginOf(result, "pools.p.warm"), "environment ANDIRON_POOL_P_WARM");
  EXPECT_EQ(pool.cwd, "/tmp");
  EXPECT_EQ(OriginOf(result, "pools.p.cwd"), "c.yaml:6");
  EXPECT_EQ(pool.start_by, 9h);
  EXPECT_EQ(OriginOf(result, "pools.p.start_by"), "andiron run");
  EXPECT_EQ(result.config.settings.log_level, LogLevel::kDebug);
  EXPECT_EQ(OriginOf(result, "pools.p.max_children"), "default");
  EXPECT_EQ(pool.max_children, 8);
}

TEST(Precedence, IsDecidedForEachVariableOfAChild) {
  ConfigSources sources;
  sources.environment = {"ANDIRON_POOL_P_ENV=B=env C=env"};
  sources.flags = {Flag("--env=C=a flag"), Flag("--env=D=x=y")};
  const ConfigResult result = LoadText(OnePool("    env: {A: file, B: file}\n"), sources);
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_THAT(result.config.settings.pools[0].env,
              ElementsAre(Pair("A", "file"), Pair("B", "env"), Pair("C", "a flag"), Pair("D", "x=y")));
  EXPECT_EQ(OriginOf(result, "pools.p.env.A"), "c.yaml:4");
  EXPECT_EQ(OriginOf(result, "pools.p.env.B"), "environment ANDIRON_POOL_P_ENV");
  EXPECT_EQ(OriginOf(result, "pools.p.env.C"), "flag --env");
}

TEST(Precedence, LetsTheCommandAfterTheDashesWin) {
  ConfigSources sources;
  sources.command = {"other", "a b"};
  const ConfigResult result = LoadText(OnePool(""), sources);
  EXPECT_THAT(result.config.settings.pools[0].command, ElementsAre("other", "a b"));
  EXPECT_EQ(OriginOf(result, "pools.p.command"), "command line");
}

TEST(Environment, KnowsPoolsWithDashes) {
  ConfigSources sources;
  sources.environment = {"ANDIRON_POOL_GPU_1_WARM=1"};
  const ConfigResult result = LoadText("pools:\n  gpu-1: {command: x}\n", sources);
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_EQ(result.config.settings.pools[0].warm, 1);
}

TEST(Environment, DoesNotGuess) {
  ConfigSources sources;
  sources.environment = {"ANDIRON_POOL_A_1_WARM=1"};
  EXPECT_THAT(ErrorsOf("pools:\n  a-1: {command: x}\n  a_1: {command: x}\n", sources),
              ElementsAre("ANDIRON_POOL_A_1_WARM: fits more than one pool: rename one of them"));
}

TEST(Environment, TellsSlipsAndLeavesOthersAlone) {
  ConfigSources sources;
  sources.environment = {
      "ANDIRON_POOL_P_WRAM=1", "ANDIRON_LOG_LEVL=info",    "ANDIRON_DRAIN_TIMEOUT=5", "ANDIRON_CHANNEL_FD=3",
      "ANDIRON_CHILD=a/1.1",   "ANDIRON_SOMETHING_ELSE=x", "andiron_log_level=x",     "NOEQUALS",
      "ANDIRON_LOG_FORMAT=",   "ANDIRON_POOL_P_X=",        "ANDIRON_HOME=/opt/x",     "ANDIRON_SECRET=x",
      "ANDIRON_BUCKET=x",      "ANDIRON_NODE=x",           "ANDIRON_DATE=x",          "ANDIRON_SOKET=x"};
  EXPECT_THAT(ErrorsOf(OnePool(""), sources),
              ElementsAre("ANDIRON_DRAIN_TIMEOUT: expected a duration with a unit (500ms, 10s, 1h30m), not '5'",
                          "ANDIRON_LOG_LEVL: unknown: did you mean ANDIRON_LOG_LEVEL?",
                          "ANDIRON_POOL_P_WRAM: no pool has this setting: did you mean ANDIRON_POOL_P_WARM?",
                          "ANDIRON_SOKET: unknown: did you mean ANDIRON_SOCKET?"));
}

TEST(Environment, IsAConfigurationError) {
  ConfigSources sources;
  sources.environment = {"ANDIRON_LOG_LEVEL=loud"};
  EXPECT_EQ(ExitCode(LoadText(OnePool(""), sources)), 78);
}

TEST(Flags, MakeTheOnlyPoolWithoutAFile) {
  ConfigSources sources;
  sources.flags = {Flag("--warm=3"), Flag("--name=shop")};
  sources.command = {"./child"};
  sources.cpus = 5;
  const ConfigResult result = Load(sources);
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_EQ(result.config.settings.name, "shop");
  ASSERT_EQ(result.config.settings.pools.size(), 1u);
  EXPECT_EQ(result.config.settings.pools[0].name, "default");
  EXPECT_EQ(result.config.settings.pools[0].warm, 3);
  EXPECT_EQ(result.config.settings.pools[0].max_children, 10);
}

TEST(Flags, MakeThePoolsThatTheyNameWithoutAFile) {
  ConfigSources sources;
  sources.flags = {Flag("--pool.a.command=x"), Flag("--pool.b.command=y"), Flag("--pool.a.warm=0")};
  const ConfigResult result = Load(sources);
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  ASSERT_EQ(result.config.settings.pools.size(), 2u);
  EXPECT_EQ(result.config.settings.pools[0].warm, 0);
}

TEST(Flags, HaveErrorsThatAreUsageErrors) {
  ConfigSources sources;
  sources.flags = {Flag("--warm=x"), Flag("--pool.q.warm=1"), Flag("--pool.p.wram=1"), Flag("--log_level=loud")};
  const ConfigResult result = LoadText(OnePool(""), sources);
  EXPECT_THAT(ErrorLines(result),
              ElementsAre("--warm: expected a whole number, not 'x'", "--pool.q.warm: there is no pool 'q'",
                          "--pool.p.wram: unknown setting 'wram': did you mean 'warm'?",
                          "--log_level: expected one of debug, info, warn, error, not 'loud'"));
  EXPECT_EQ(ExitCode(result), 64);
}

TEST(Flags, OfAPoolMustSayWhichOfSeveral) {
  ConfigSources sources;
  sources.flags = {Flag("--warm=1")};
  sources.command = {"x"};
  EXPECT_THAT(ErrorsOf("pools:\n  a: {command: x}\n  b: {command: x}\n", sources),
              ElementsAre("--warm: there are 2 pools: use --pool.NAME.warm",
                          "command line: there are 2 pools: use --pool.NAME.command"));
}

TEST(Flags, AreBlamedForAContradictionThatTheyCause) {
  ConfigSources sources;
  sources.flags = {Flag("--max_children=2")};
  const ConfigResult result = LoadText(OnePool("    warm: 3\n"), sources);
  EXPECT_THAT(ErrorLines(result), ElementsAre(HasSubstr("--max_children: pool p: warm (3) is more than")));
  EXPECT_EQ(ExitCode(result), 64);
}

TEST(Flags, GiveTheCommandOnce) {
  ConfigSources sources;
  sources.flags = {Flag("--command=x")};
  sources.command = {"y"};
  EXPECT_THAT(ErrorLines(Load(sources)), ElementsAre("--command: the command is given twice: here and after --"));
}

TEST(Flags, WithoutAnythingAskForACommand) {
  const ConfigResult result = Load({});
  EXPECT_THAT(ErrorLines(result), ElementsAre("command line: pool default: command is empty: give the program that a "
                                              "child runs, and its arguments"));
  EXPECT_EQ(ExitCode(result), 64);
}

TEST(Flags, AreNotBlamedWhenTheFileIsBroken) {
  ConfigSources sources;
  sources.environment = {"ANDIRON_POOL_P_WARM=2"};
  sources.flags = {Flag("--pool.p.warm=1")};
  EXPECT_THAT(ErrorsOf("pools: [", sources), ElementsAre(HasSubstr("c.yaml:1:")));
}

}  // namespace
}  // namespace andiron
