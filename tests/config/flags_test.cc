// The command line: what is split off, what CLI11 gets, and what is said about slips.
#include "tools/andiron/flags.h"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <sstream>

#include "tools/andiron/config_verb.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

CommandLine Split(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "andiron");
  return SplitCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

// A program with the verbs start (which prints the configuration) and config.
Ran RunVerb(const std::vector<const char*>& arguments) {
  const CommandLine line = Split(arguments);
  CLI::App app("holds children warm", "andiron");
  app.require_subcommand(1);
  CLI::App* start = app.add_subcommand("start", "the worker");
  const SettingsFlags flags(*start);
  const ConfigVerb config(app);
  std::ostringstream out;
  std::ostringstream err;
  Ran ran;
  try {
    line.Parse(app);
    if (config.chosen()) {
      ran.code = config.Run(line, out, err);
    } else {
      const ConfigResult result = Load(flags.Sources(line));
      ran.code = ExitCode(result);
      (result.ok() ? out : err) << (result.ok() ? ConfigYaml(result.config) : ErrorText(result));
    }
  } catch (const CLI::ParseError& error) {
    ran.code = ReportParseError(app, error, out, err);
  }
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

TEST(SplitCommandLine, KeepsTheCommandOutOfTheFlags) {
  const CommandLine line = Split({"start", "--warm", "2", "--", "child", "--warm", "--pool.a.warm=1", "--"});
  EXPECT_THAT(line.arguments, ElementsAre("start", "--warm", "2"));
  EXPECT_TRUE(line.has_command);
  EXPECT_THAT(line.command, ElementsAre("child", "--warm", "--pool.a.warm=1", "--"));
  EXPECT_THAT(line.pool_flags, IsEmpty());
}

TEST(SplitCommandLine, TakesTheFlagsOfPools) {
  const CommandLine line = Split({"--pool.a.warm", "1", "x", "--pool.b-1.init-timeout=5s=", "--pool.c.cwd", "-"});
  EXPECT_THAT(line.arguments, ElementsAre("x"));
  EXPECT_FALSE(line.has_command);
  ASSERT_THAT(line.pool_flags, SizeIs(3));
  EXPECT_EQ(line.pool_flags[0].pool, "a");
  EXPECT_EQ(line.pool_flags[0].value, "1");
  EXPECT_EQ(line.pool_flags[1].pool, "b-1");
  EXPECT_EQ(line.pool_flags[1].key, "init_timeout");
  EXPECT_EQ(line.pool_flags[1].value, "5s=");
  EXPECT_EQ(line.pool_flags[2].value, "-");
}

TEST(SplitCommandLine, TellsWhatAPoolFlagLacks) {
  for (const char* flag : {"--pool.", "--pool.a", "--pool.a.", "--pool..warm", "--pool.a=1"}) {
    EXPECT_THAT(Split({flag, "1"}).error, HasSubstr(": expected --pool.NAME.KEY")) << flag;
  }
  EXPECT_EQ(Split({"--pool.a.warm"}).error, "--pool.a.warm needs a value");
  EXPECT_EQ(Split({"--pool.a.warm", "--name=x"}).error, "--pool.a.warm needs a value");
  EXPECT_EQ(Split({"--pool.a.warm", "--", "1"}).error, "--pool.a.warm needs a value");
  EXPECT_EQ(Split({}).error, "");
}

TEST(SplitCommandLine, ReadsDashesInSettingsAsUnderscoresAndOthersAsTheyAre) {
  EXPECT_THAT(Split({"--init-timeout=1s", "--run-for", "--no-such-flag", "-o", "a-b"}).arguments,
              ElementsAre("--init_timeout=1s", "--run_for", "--no-such-flag", "-o", "a-b"));
}

TEST(SplitCommandLine, NeedsNoProgramName) { EXPECT_THAT(SplitCommandLine(0, nullptr).arguments, IsEmpty()); }

TEST(SettingsFlags, ReachTheSettings) {
  const Ran ran = RunVerb({"start", "--warm=1", "--warm", "2", "--env", "A=1", "--env", "B=2 3", "--run-for", "5m",
                           "--name", "shop", "--", "child", "--flag"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("name: shop "));
  EXPECT_THAT(ran.out, HasSubstr("command: [\"child\", \"--flag\"] "));
  EXPECT_THAT(ran.out, HasSubstr("warm: 2 "));
  EXPECT_THAT(ran.out, HasSubstr("\"A\": 1 "));
  EXPECT_THAT(ran.out, HasSubstr("\"B\": \"2 3\" "));
  EXPECT_THAT(ran.out, HasSubstr("run_for: 5m "));
}

TEST(SettingsFlags, ReachPoolsByName) {
  const Ran ran = RunVerb({"start", "--pool.a.command", "x", "--pool.b.command=y", "--pool.b.warm", "0"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("  b:\n    command: [\"y\"]"));
}

TEST(SettingsFlags, AreAllInTheHelpWithTheirDefaults) {
  const Ran ran = RunVerb({"start", "--help"});
  EXPECT_EQ(ran.code, 0);
  for (const SettingDescription& setting : DescribePoolSettings()) EXPECT_THAT(ran.out, HasSubstr("--" + setting.key));
  EXPECT_THAT(ran.out, HasSubstr("--init_timeout DURATION     from the spawn to the child's first message (10s)\n"));
}

TEST(Slips, AreToldWithTheNearestName) {
  const auto slip = [](const std::vector<const char*>& arguments) {
    const Ran ran = RunVerb(arguments);
    EXPECT_EQ(ran.code, 64);
    EXPECT_EQ(ran.out, "");
    return ran.err;
  };
  EXPECT_EQ(slip({"stat"}), "andiron: unknown verb 'stat': did you mean 'start'?\nSee andiron --help.\n");
  EXPECT_EQ(slip({"start", "--wram", "3", "--", "x"}),
            "andiron start: unknown flag '--wram': did you mean '--warm'?\nSee andiron start --help.\n");
  EXPECT_EQ(slip({"config", "check", "--init-timout=3"}),
            "andiron config check: unknown flag '--init-timout': did you mean '--init_timeout'?\n"
            "See andiron config check --help.\n");
  EXPECT_EQ(slip({"start", "--warm"}), "andiron start: --warm needs a value\nSee andiron start --help.\n");
  EXPECT_EQ(slip({"config"}), "andiron config: expected a verb: check, show, schema\nSee andiron config --help.\n");
  EXPECT_EQ(slip({}), "andiron: expected a verb: start, config\nSee andiron --help.\n");
  EXPECT_EQ(slip({"start", "extra", "--", "x"}),
            "andiron start: unexpected argument 'extra'\nSee andiron start --help.\n");
  EXPECT_EQ(slip({"start", "--pool.a", "--", "x"}),
            "andiron: --pool.a: expected --pool.NAME.KEY\nSee andiron --help.\n");
  EXPECT_EQ(slip({"config", "schema", "--pool.a.warm", "3"}),
            "andiron config schema: unknown flag '--pool.a.warm'\nSee andiron config schema --help.\n");
  EXPECT_EQ(slip({"config", "schema", "--", "x"}),
            "andiron: the schema depends on no child: leave out `--` and what follows\n");
  EXPECT_EQ(slip({"start", "--warm", "x", "--", "x"}), "--warm: expected a whole number, not 'x'\n");
  EXPECT_EQ(slip({"start", "--warm", "99999999999999999999", "--", "x"}),
            "--warm: 99999999999999999999 is out of range: use 0 to 10000\n");
  EXPECT_EQ(slip({"start", "--run_for", "9999999h", "--", "x"}),
            "--run_for: 9999999h is out of range: use 0s to 8760h (0 = unlimited)\n");
  EXPECT_EQ(slip({"start", "--env", "A", "--", "x"}),
            "--env: expected names with values (NAME: VALUE, or NAME=VALUE), not 'A'\n");
}

TEST(ConfigVerb, ChecksFlagsAndFiles) {
  EXPECT_EQ(RunVerb({"config", "check", "--", "true"}).out, "OK\n");
  EXPECT_EQ(RunVerb({"config", "check", "--pool.a.command", "true"}).out, "OK\n");
  const Ran missing = RunVerb({"config", "check", "/no/such.yaml"});
  EXPECT_EQ(missing.code, 78);
  EXPECT_EQ(missing.err, "/no/such.yaml: can't be read: No such file or directory\n");
  const Ran json = RunVerb({"config", "check", "-o", "json", "--warm", "x", "--", "true"});
  EXPECT_EQ(json.code, 64);
  EXPECT_EQ(
      json.out,
      "{\"ok\":false,\"errors\":[{\"source\":\"--warm\",\"line\":0,\"column\":0,\"text\":\"expected a whole number, "
      "not 'x'\"}]}\n");
}

TEST(ConfigVerb, ShowsAndDescribes) {
  EXPECT_THAT(RunVerb({"config", "show", "--", "true"}).out, HasSubstr("command: [\"true\"] "));
  EXPECT_THAT(RunVerb({"config", "show", "-o", "json", "--", "true"}).out,
              HasSubstr("{\"key\":\"pools.default.command\""));
  EXPECT_EQ(RunVerb({"config", "schema"}).out, ConfigSchema());
  EXPECT_EQ(RunVerb({"config", "show", "--warm", "x", "--", "true"}).code, 64);
}

}  // namespace
}  // namespace andiron
