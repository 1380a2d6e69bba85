// What a configuration file may say, and what is said about one that is wrong: the whole text, with its place.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/config/loading.h"
#include "tests/support/shows.h"
#include "worker/config/yaml_document.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Wrong {
  const char* name;
  std::string text;
  std::string error;
};

void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class WrongDocument : public testing::TestWithParam<Wrong> {};

TEST_P(WrongDocument, IsToldWithItsPlaceAndTheRemedy) {
  Shows("R99");
  const ConfigResult result = LoadText(GetParam().text);
  EXPECT_THAT(ErrorLines(result), ElementsAre(GetParam().error));
  EXPECT_EQ(ExitCode(result), 78);
}

const Wrong kWrong[] = {
    {"MisspeltPoolSetting", OnePool("    init_timout: 5s\n"),
     "c.yaml:4:5: unknown setting 'init_timout': did you mean 'init_timeout'?"},
    {"UnknownPoolSetting", OnePool("    colour: red\n"), "c.yaml:4:5: unknown setting 'colour'"},
    {"MisspeltWorkerSetting", OnePool("log_levle: info\n"),
     "c.yaml:4:1: unknown setting 'log_levle': did you mean 'log_level'?"},
    {"MisspeltPools", "pool:\n  a: {}\n", "c.yaml:1:1: unknown setting 'pool': did you mean 'pools'?"},
    {"PoolSettingAtTheTop", OnePool("warm: 3\n"),
     "c.yaml:4:1: warm is a setting of a pool: write it below pools: NAME:"},
    {"WorkerSettingInAPool", OnePool("    log_level: info\n"),
     "c.yaml:4:5: log_level is a setting of the worker: write it at the top, outside of pools"},
    {"DurationWithoutUnit", OnePool("    init_timeout: 10\n"),
     "c.yaml:4:19: init_timeout: expected a duration with a unit (500ms, 10s, 1h30m), not '10'"},
    {"SetTwice", OnePool("    warm: 1\n    run_for: 1h\n    warm: 2\n"),
     "c.yaml:6:5: 'warm' is set twice: first on line 4"},
    {"PoolTwice", "pools:\n  a: {command: [x]}\n  a: {command: [y]}\n",
     "c.yaml:3:3: 'a' is set twice: first on line 2"},
    {"NoValue", OnePool("    warm:\n    run_for: 1h\n"),
     "c.yaml:4:5: warm has no value: write one, or remove the line"},
    {"NullValue", OnePool("    user: null\n"), "c.yaml:4:5: user has no value: write one, or remove the line"},
    {"ListForANumber", OnePool("    warm: [1]\n"), "c.yaml:4:11: warm: expected a whole number, not a list"},
    {"MapForAText", OnePool("    cwd: {a: b}\n"), "c.yaml:4:10: cwd: expected a text, not a map"},
    {"MapInAList", OnePool("    stop_command: [a, {b: c}]\n"),
     "c.yaml:4:23: stop_command: expected a text here (in quotes if it is empty or reads null)"},
    {"OpenDoubleQuote", "name: \"shop\nlog_level: \"info\"\npools: {}\n",
     "c.yaml:1:7: this quote is not closed on its line (a text of several lines is written with '|')"},
    {"OpenDoubleQuoteAtTheEnd", OnePool("name: \"shop\n"),
     "c.yaml:4:7: this quote is not closed on its line (a text of several lines is written with '|')"},
    {"OpenSingleQuote", OnePool("name: 'it''s\nlog_level: info\n"),
     "c.yaml:4:7: this quote is not closed on its line (a text of several lines is written with '|')"},
    {"OpenQuoteAfterOtherLetters", OnePool("# \xc3\xbc \xf0\x9f\x94\xa5\nname: \"\xc3\xa4\n"),
     "c.yaml:5:7: this quote is not closed on its line (a text of several lines is written with '|')"},
    {"OpenQuoteAfterAnchor", OnePool("name: &n \"shop\n"),
     "c.yaml:4:7: this quote is not closed on its line (a text of several lines is written with '|')"},
    {"TextAfterAQuote", "name: \"shop\"s\n",
     "c.yaml:1:13: this doesn't belong to the map above: check the indentation and the quotes"},
    {"TabAsIndentation", "pools:\n\tp:\n\t\tcommand: [x]\n",
     "c.yaml:2:3: a tab is not possible here: indent with spaces"},
    {"DeeperByOne", OnePool("     warm: 1\n"),
     "c.yaml:4:6: this doesn't belong to the map above: check the indentation and the quotes"},
    {"ColonInAText", OnePool("    cwd: a: b\n"),
     "c.yaml:4:11: a ':' is not possible here: check the indentation, or quote the text"},
    {"OpenList", "pools:\n  p:\n    command: [a, b\n    warm: 1\n", "c.yaml:4:9: ',' or ']' expected here"},
    {"OpenMap", "pools: {p: {command: [a]}\n", "c.yaml:2:1: ',' or '}' expected here"},
    {"TwoDocuments", "---\nname: a\n---\nname: b\n",
     "c.yaml:3:1: a second document begins here: a configuration is one (check the indentation)"},
    {"Tag", OnePool("name: !!str 5\n"), "c.yaml:4:7: tags ('!') have no meaning here: the setting decides the type"},
    {"UnknownAlias", OnePool("name: *n\n"), "c.yaml:4:7: no '&' names what this '*' refers to"},
    {"MergedText", "pools:\n  p:\n    <<: x\n    command: [x]\n",
     "c.yaml:3:9: '<<' merges one map (*NAME), and this is none"},
    {"NotAMap", "- a\n- b\n", "c.yaml:1:1: expected a configuration as a map (KEY: VALUE)"},
    {"OnlyAText", "warm 4\n", "c.yaml:1:1: expected a configuration as a map (KEY: VALUE)"},
    {"PoolsAsAList", "pools: [a]\n", "c.yaml:1:8: expected pools as a map (KEY: VALUE)"},
    {"PoolAsAText", "pools:\n  p: x\n", "c.yaml:2:6: expected the settings of pool p as a map (KEY: VALUE)"},
    {"PoolNameWithADot", "pools:\n  a.b: {command: [x]}\n",
     "c.yaml:2:3: a pool's name is 1 to 64 of A-Z a-z 0-9 _ -, beginning without a dash, not 'a.b'"},
    {"ListAsAKey", "pools:\n  [a]: {command: [x]}\n", "c.yaml:2:3: expected a name here, and ':' after it"},
    {"NotUtf8", "name: caf\xe9\n", "c.yaml:1:10: the file is not UTF-8 here"},
    {"Utf16", std::string("\xff\xfen\0a\0", 6), "c.yaml:1:1: the file is not UTF-8 here"},
    {"ControlCharacter", "name: a\n# \x1b[2J\n", "c.yaml:2:3: a control character is not possible here"},
    {"NulByte", std::string("name: a\0b\n", 10), "c.yaml:1:8: a control character is not possible here"},
    {"EscapedNul", OnePool("    cwd: \"a\\0b\"\n"), "c.yaml:4:10: cwd: a NUL byte is not possible here"},
    {"MissingVariable", OnePool("    user: ${WHO}\n"),
     "c.yaml:4:11: user: the environment has no variable WHO: set it, or write ${WHO:-default}"},
    {"VariableInAList", "pools:\n  p:\n    command: [a, '${WHO}']\n",
     "c.yaml:3:18: command: the environment has no variable WHO: set it, or write ${WHO:-default}"},
    {"MisspeltLevel", OnePool("log_level: wran\n"),
     "c.yaml:4:12: log_level: expected one of debug, info, warn, error, not 'wran': did you mean 'warn'?"},
    {"UnknownFormat", OnePool("log_format: xml\n"), "c.yaml:4:13: log_format: expected one of text, json, not 'xml'"},
    {"OpenQuoteInACommand", "pools:\n  p:\n    command: sh -c 'a\n",
     "c.yaml:3:14: command: expected a list of texts, or one text with its quotes closed, not 'sh -c 'a'"},
    {"NoPool", "name: a\n", "c.yaml:1:1: there is no pool: name at least one, with its command"},
    {"EmptyFile", "", "c.yaml:1:1: there is no pool: name at least one, with its command"},
    {"InheritedNumber", OnePool("    env_inherit: 3\n"),
     "c.yaml:4:18: env_inherit: expected all, none, or a list of names, not '3'"},
    {"InheritedValue", OnePool("    env_inherit: [HOME, PATH=/bin]\n"),
     "c.yaml:4:18: env_inherit: expected all, none, or a list of names, not 'PATH=/bin'"},
    {"NoCommand", "pools:\n  spell:\n    warm: 1\n",
     "c.yaml:2:3: pool spell: command is empty: give the program that a child runs, and its arguments"},
    {"WarmAboveSlots", OnePool("    max_children: 3\n    warm: 4\n"),
     "c.yaml:5:11: pool p: warm (4) is more than max_children (3): lower warm or raise max_children"},
    {"NoPlaceForAnyJob", OnePool("    queue_limit: 0\n    warm: 0\n"),
     "c.yaml:4:18: pool p: queue_limit is 0 and warm is 0: a job neither finds a child ready nor waits for one, and "
     "starts none: raise one of them"},
    {"ShortBackoffMax", OnePool("    backoff_max: 50ms\n"),
     "c.yaml:4:18: pool p: backoff_min (100ms) is more than backoff_max (50ms): lower backoff_min or raise "
     "backoff_max"},
    {"BadWorkerName", OnePool("name: a/b\n"),
     "c.yaml:4:7: the worker's name 'a/b' is not 1 to 64 of A-Z a-z 0-9 _ -, beginning without a dash: choose another"},
};

INSTANTIATE_TEST_SUITE_P(Kinds, WrongDocument, testing::ValuesIn(kWrong),
                         [](const auto& instance) { return std::string(instance.param.name); });

struct Edge {
  const char* key;
  const char* good;
  const char* bad;
  const char* error;
};

TEST(Values, AreTakenAtTheirLimitAndRefusedOnePast) {
  Shows("R99");
  constexpr Edge kEdges[] = {
      {"warm", "8", "-1", "-1 is out of range: use 0 to 10000"},
      {"max_children", "10000", "10001", "10001 is out of range: use 1 to 10000"},
      {"queue_limit", "10000000", "10000001", "10000001 is out of range: use 0 to 10000000"},
      {"max_jobs_per_child", "unlimited", "2147483648",
       "2147483648 is out of range: use 0 to 1000000000 (0 = unlimited)"},
      {"init_timeout", "1ms", "999us", "999us is out of range: use 1ms to 8760h"},
      {"init_timeout", "365d", "365d1ns", "365d1ns is out of range: use 1ms to 8760h"},
      {"run_for", "0", "8761h", "8761h is out of range: use 0s to 8760h (0 = unlimited)"},
      {"max_payload", "1GiB", "1073741825B", "1073741825B is out of range: use 1B to 1GiB"},
      {"max_payload", "1B", "0", "0 is out of range: use 1B to 1GiB"},
      {"log_rate_limit", "1KiB/s", "1023B/s", "1023B/s is out of range: use 1KiB/s to 1GiB/s"},
      {"stop_signal", "sigint", "SEGV",
       "expected one of TERM, INT, QUIT, HUP, USR1, USR2, ABRT, ALRM, KILL, not 'SEGV'"},
      {"memory_limit", "off", "never", "expected a size with a unit (512B, 16KiB, 4MiB) or 'off', not 'never'"},
      {"ping_interval", "OFF", "on", "expected a duration with a unit (500ms, 10s, 1h30m) or 'off', not 'on'"},
      {"queue_limit", "0", "1.0", "expected a whole number, not '1.0'"},
      {"queue_limit", "007", "0x7", "expected a whole number, not '0x7'"},
      {"env_inherit", "none", "''", "expected all, none, or a list of names, not an empty text"},
      {"env_inherit", "[all]", "[PATH, All]", "expected all, none, or a list of names, not 'All' among names"},
      {"env_inherit", "[None]", "none, PATH", "expected all, none, or a list of names, not 'none' among names"},
      {"env", "A=1 'B=2 3'", "A=1 B", "expected names with values (NAME: VALUE, or NAME=VALUE), not 'B'"},
      {"env", "{A: ''}", "{'': x}", "expected the name of a variable, not ''"},
  };
  for (const Edge& edge : kEdges) {
    const std::string begin = std::string("    ") + edge.key + ": ";
    EXPECT_THAT(ErrorsOf(OnePool(begin + edge.good + "\n")), IsEmpty()) << edge.key;
    const std::string place = "c.yaml:4:" + std::to_string(begin.size() + 1) + ": " + edge.key + ": ";
    EXPECT_THAT(ErrorsOf(OnePool(begin + edge.bad + "\n")), ElementsAre(place + edge.error));
  }
}

TEST(Document, GivesTheSettingsThatItNames) {
  const ConfigResult result = LoadText(R"(name: shop
drain_timeout: 1m
log_level: WARN
log_format: json
pools:
  spell:
    command: [./spell, --lang, en]
    env: {COUNTRY: NO, VERSION: 1.10, EMPTY: ""}
    env_inherit: [PATH, HOME]
    warm: 2
    memory_limit: 512MiB
    user: "null"
  other:
    command: python3 'my child.py'
    env_inherit: PATH, HOME
)");
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  const WorkerSettings& settings = result.config.settings;
  EXPECT_EQ(settings.drain_timeout, 1min);
  EXPECT_EQ(settings.log_level, LogLevel::kWarn);
  EXPECT_EQ(settings.log_format, LogFormat::kJson);
  ASSERT_THAT(settings.pools, SizeIs(2));
  const PoolSettings& spell = settings.pools[0];
  EXPECT_THAT(spell.command, ElementsAre("./spell", "--lang", "en"));
  EXPECT_THAT(spell.env, ElementsAre(testing::Pair("COUNTRY", "NO"), testing::Pair("VERSION", "1.10"),
                                     testing::Pair("EMPTY", "")));
  EXPECT_THAT(spell.env_inherit.names, ElementsAre("PATH", "HOME"));
  EXPECT_EQ(spell.memory_limit, 512 << 20);
  EXPECT_EQ(spell.user, "null");
  EXPECT_THAT(settings.pools[1].command, ElementsAre("python3", "my child.py"));
  EXPECT_THAT(settings.pools[1].env_inherit.names, ElementsAre("PATH", "HOME"));
}

// It doesn't mean a variable of that name.
TEST(Document, AllAndNoneMeanTheSameInAList) {
  const auto inherited = [](const std::string& value) {
    const ConfigResult result = LoadText(OnePool("    env_inherit: " + value + "\n"));
    EXPECT_THAT(ErrorLines(result), IsEmpty());
    const EnvInherit& inherit = result.config.settings.pools.at(0).env_inherit;
    EXPECT_THAT(inherit.names, IsEmpty());
    return inherit.kind;
  };
  EXPECT_EQ(inherited("[all]"), EnvInherit::Kind::kAll);
  EXPECT_EQ(inherited("[None]"), EnvInherit::Kind::kNone);
  EXPECT_EQ(inherited("[]"), EnvInherit::Kind::kNone);
}

TEST(Document, MayBeJsonAndHaveAByteOrderMark) {
  EXPECT_THAT(ErrorsOf("\xef\xbb\xbf{\"name\": \"a\", \"pools\": {\"p\": {\"command\": [\"x\"], \"warm\": 1}}}"),
              IsEmpty());
}

TEST(Document, MayHaveLettersOfAllLanguages) {
  const ConfigResult result =
      LoadText(OnePool("    env: {\"\xc3\xbc\": \"\xf0\x9f\x94\xa5\", 'a': \"b\"}\n    cwd: \"/\xc3\xa4\"\n"));
  EXPECT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_EQ(result.config.settings.pools[0].cwd, "/\xc3\xa4");
}

TEST(Document, MayHaveWindowsLineEnds) { EXPECT_THAT(ErrorsOf("pools:\r\n  p:\r\n    command: \"x\"\r\n"), IsEmpty()); }

TEST(Document, MergesWhatPoolsHaveInCommon) {
  const ConfigResult result = LoadText(
      "x-common: &common\n  warm: 2\n  command: [a]\n"
      "pools:\n  p:\n    <<: *common\n    warm: 3\n  q: *common\n");
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_EQ(result.config.settings.pools[0].warm, 3);
  EXPECT_THAT(result.config.settings.pools[0].command, ElementsAre("a"));
  EXPECT_EQ(result.config.settings.pools[1].warm, 2);
}

TEST(Document, SubstitutesVariablesInValues) {
  ConfigSources sources;
  sources.environment = {"WHO=ada: x", "N=3"};
  const ConfigResult result =
      LoadText("pools:\n  p:\n    command: ['${WHO}', \"$${WHO}\"]\n    warm: ${N}\n    run_for: ${T:-5m}\n", sources);
  ASSERT_THAT(ErrorLines(result), IsEmpty());
  EXPECT_THAT(result.config.settings.pools[0].command, ElementsAre("ada: x", "${WHO}"));
  EXPECT_EQ(result.config.settings.pools[0].warm, 3);
  EXPECT_EQ(result.config.settings.pools[0].run_for, 5min);
}

TEST(Document, HasAllItsErrorsToldUpToTwenty) {
  std::string text = OnePool("");
  for (int i = 0; i < 20; ++i) text += "    bad" + std::to_string(i) + ": x\n";
  EXPECT_THAT(ErrorsOf(text), SizeIs(kErrorsMax));
  const std::vector<std::string> errors = ErrorsOf(text + "    worse: x\n");
  ASSERT_THAT(errors, SizeIs(kErrorsMax + 1));
  EXPECT_EQ(errors[0], "c.yaml:4:5: unknown setting 'bad0'");
  EXPECT_EQ(errors.back(), "and 1 more");
}

TEST(Document, IsBoundedInBytes) {
  std::string text = OnePool("# ");
  text.append(kConfigBytesMax - text.size(), 'x');
  EXPECT_THAT(ErrorsOf(text), IsEmpty());
  EXPECT_THAT(ErrorsOf(text + "x"), ElementsAre("c.yaml: can't be read: larger than 1MiB"));
}

TEST(Document, IsBoundedInPools) {
  std::string text = "pools:\n";
  for (std::size_t i = 0; i < kPoolsMax; ++i) text += "  p" + std::to_string(i) + ": {command: x}\n";
  EXPECT_THAT(ErrorsOf(text), IsEmpty());
  EXPECT_THAT(ErrorsOf(text + "  more: {command: x}\n"), ElementsAre("c.yaml:1002:3: more than 1000 pools"));
}

TEST(Document, IsBoundedInValues) {
  std::string text = "x-a: [";  // the map, its key and the list are three
  for (std::size_t i = 0; i < kYamlNodesMax - 3; ++i) text += "a,";
  EXPECT_THAT(ParseYaml(text + "]").problems, IsEmpty());
  const YamlDocument more = ParseYaml(text + "a]");
  ASSERT_THAT(more.problems, SizeIs(1));
  EXPECT_EQ(more.problems[0].text, "the file holds more than 100000 values");
}

TEST(Document, IsBoundedInDepth) {
  EXPECT_THAT(ErrorsOf(std::string(500'000, '[')), ElementsAre(HasSubstr("nested too deeply")));
  EXPECT_THAT(ErrorsOf(std::string(500'000, '{')), ElementsAre(HasSubstr("nested too deeply")));
}

TEST(Document, IsNotBlownUpByAliases) {
  std::string text = "x-a: &a [";
  for (int i = 0; i < 1000; ++i) text += "x,";
  text += "]\npools:\n";
  for (int i = 0; i < 900; ++i) text += "  p" + std::to_string(i) + ": {command: *a}\n";
  EXPECT_THAT(ErrorsOf(text), ElementsAre(HasSubstr("aliases make the file too large")));
}

TEST(Document, MayReferToItselfWithoutEnd) {
  EXPECT_THAT(ErrorsOf("pools: &p\n  a: *p\n"), testing::Not(IsEmpty()));
  EXPECT_THAT(ErrorsOf("pools:\n  a: &a\n    <<: *a\n    command: [x]\n"), IsEmpty());
  EXPECT_THAT(ErrorsOf("pools:\n  a:\n    command: &c [x, *c]\n"), ElementsAre(HasSubstr("expected a text here")));
}

TEST(File, MustBeReadableAndRegular) {
  ConfigSources sources;
  sources.file = testing::TempDir() + "no-such-file.yaml";
  EXPECT_EQ(ErrorText(Load(sources)), sources.file + ": can't be read: No such file or directory\n");
  sources.file = testing::TempDir();
  EXPECT_THAT(ErrorText(Load(sources)), HasSubstr("can't be read: not a regular file"));
}

TEST(File, MayBeAPipeWithoutAWriterAndNobodyWaits) {
  ConfigSources sources;
  sources.file = testing::TempDir() + "config-pipe-" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(sources.file.c_str(), 0600), 0);
  EXPECT_THAT(ErrorText(Load(sources)), HasSubstr("not a regular file"));
  unlink(sources.file.c_str());
}

}  // namespace
}  // namespace andiron
