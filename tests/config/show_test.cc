// `config show` and `config schema`: what they print is true, and can be used again.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "tests/config/loading.h"

namespace andiron {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Loads what ConfigYaml printed, on a machine with other CPUs.
WorkerSettings Again(const LoadedConfig& config) {
  ConfigSources sources;
  sources.cpus = 61;
  const ConfigResult result = LoadText(ConfigYaml(config), sources);
  EXPECT_THAT(ErrorLines(result), IsEmpty());
  return result.config.settings;
}

TEST(ConfigYaml, LoadsToTheSameSettings) {
  const ConfigResult result = LoadText(OnePool(""));
  EXPECT_THAT(Differences(result.config.settings, Again(result.config)), IsEmpty());
}

TEST(ConfigYaml, LoadsToTheSameSettingsWhateverTheTextsHold) {
  ConfigSources sources;
  sources.flags = {Flag("--env=WEIRD NAME=a: b # c"),
                   Flag("--env=Q=\"'\\${X} $${Y} \n\t\x01\x7f \xc3\xbc \xf0\x9f\x94\xa5"),
                   Flag("--env=NULL=null"),
                   Flag("--env=NO=~"),
                   Flag("--env=E="),
                   Flag("--cwd=- x"),
                   Flag("--user=null"),
                   Flag("--socket=*a &b !c %d @e `f"),
                   Flag("--env_inherit=A,B"),
                   Flag("--stop_command=kill '' '${PID}'"),
                   Flag("--init_timeout=1h1ns"),
                   Flag("--run_for=0"),
                   Flag("--max_jobs_per_child=0"),
                   Flag("--max_concurrent_jobs_per_child=0"),
                   Flag("--max_payload=1025B")};
  sources.command = {"", "[", "{a: b}", "'", "\"", "\\", "${A:-b}", "#"};
  const ConfigResult result = LoadText("", sources);
  // The first word of a command can't be empty: that is the only thing wrong here.
  ASSERT_THAT(ErrorLines(result), testing::ElementsAre(HasSubstr("command is empty")));
  sources.command[0] = "x";
  const ConfigResult good = LoadText("", sources);
  ASSERT_THAT(ErrorLines(good), IsEmpty());
  EXPECT_EQ(good.config.settings.pools[0].env.size(), 5u);
  EXPECT_THAT(Differences(good.config.settings, Again(good.config)), IsEmpty());
}

TEST(ConfigYaml, TellsTheOriginOfEachValue) {
  ConfigSources sources;
  sources.flags = {Flag("--warm=3"), Flag("--env=A=1")};
  const std::string yaml = ConfigYaml(LoadText(OnePool("    run_for: 90m\n"), sources).config);
  EXPECT_THAT(yaml, HasSubstr("\nlog_level: info                           # default\n"));
  EXPECT_THAT(yaml, HasSubstr("\n    warm: 3                               # flag --warm\n"));
  EXPECT_THAT(yaml, HasSubstr("\n    run_for: 1h30m                        # c.yaml:4\n"));
  EXPECT_THAT(yaml, HasSubstr("\n      \"A\": 1                              # flag --env\n"));
  EXPECT_THAT(yaml, HasSubstr("\n    max_child_age: off "));
  EXPECT_THAT(yaml, HasSubstr("\n    log_rate_limit: 1MiB/s "));
}

TEST(ConfigJson, IsJsonThatHoldsEverySetting) {
  ConfigSources sources;
  sources.flags = {Flag("--env=A=\"x\"\n\xff")};
  const ConfigResult result = LoadText(OnePool(""), sources);
  google::protobuf::Struct json;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(ConfigJson(result.config), &json).ok());
  const auto& settings = json.fields().at("settings").list_value();
  EXPECT_EQ(settings.values_size(), static_cast<int>(DescribeWorkerSettings().size() + DescribePoolSettings().size()));
  const auto& first = settings.values(0).struct_value().fields();
  EXPECT_EQ(first.at("key").string_value(), "name");
  EXPECT_EQ(first.at("value").string_value(), "andiron");
  EXPECT_EQ(first.at("origin").string_value(), "default");
}

TEST(ConfigSchema, IsJsonThatKnowsEveryKey) {
  google::protobuf::Struct schema;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(ConfigSchema(), &schema).ok());
  const auto& top = schema.fields().at("properties").struct_value().fields();
  for (const SettingDescription& setting : DescribeWorkerSettings()) EXPECT_TRUE(top.contains(setting.key));
  EXPECT_TRUE(top.contains("pools"));
  const auto& pool = schema.fields().at("$defs").struct_value().fields().at("pool").struct_value().fields();
  const auto& keys = pool.at("properties").struct_value().fields();
  for (const SettingDescription& setting : DescribePoolSettings()) EXPECT_TRUE(keys.contains(setting.key));
}

// A document with ${VARIABLE} in it is right wherever the reader puts in what that is.
TEST(ConfigSchema, AChoiceMayComeFromAVariable) {
  const std::string schema = ConfigSchema();
  const std::string_view choice = R"("anyOf":[{"enum":[)";
  const std::string_view variable = R"(]},{"type":"string","pattern":"[$][{]"}])";
  int choices = 0;
  for (std::size_t at = schema.find("\"enum\""); at != std::string::npos; at = schema.find("\"enum\"", at + 1)) {
    const std::size_t begin = choice.find("\"enum\"");
    EXPECT_EQ(schema.substr(at - begin, choice.size()), choice);
    EXPECT_EQ(schema.substr(schema.find(']', at), variable.size()), variable);
    ++choices;
  }
  EXPECT_GE(choices, 3) << "log_level, log_format, and those of LiveKit's agents";
}

}  // namespace
}  // namespace andiron
