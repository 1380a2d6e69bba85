#include "worker/config/values.h"

#include <gmock/gmock.h>

#include "worker/config/config.h"
#include "worker/config/quantities.h"
#include "worker/config/substitution.h"
#include "worker/config/text.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(ParseDuration, AddsUnitsFromLargeToSmall) {
  EXPECT_THAT(ParseDuration("500ms"), Optional(500'000'000));
  EXPECT_THAT(ParseDuration("1h30m"), Optional(5'400'000'000'000));
  EXPECT_THAT(ParseDuration("1.5s"), Optional(1'500'000'000));
  EXPECT_THAT(ParseDuration("1d2h3m4s5ms6us7ns"), Optional(93'784'005'006'007));
  EXPECT_THAT(ParseDuration("0.001us"), Optional(1));
  EXPECT_THAT(ParseDuration("0"), Optional(0));
  EXPECT_THAT(ParseDuration("0s"), Optional(0));
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const char* text : {"", "10", "s", "-5s", "+5s", "10 s", "1s1s", "30m1h", "1.s", ".5s", "1.0001s", "1e3s",
                           "5sec", "10S", "1.5ns", "0x5s", "1h 30m", "00", "1s "}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(ParseDuration, WhatDoesntFitIsTheLongest) {
  EXPECT_THAT(ParseDuration("106750d"), Optional(9'223'200'000'000'000'000));
  EXPECT_THAT(ParseDuration("2562047h47m16s854ms775us806ns"), Optional(INT64_MAX - 1));
  for (const char* text : {"2562047h47m16s854ms775us807ns", "2562047h47m16s854ms775us808ns", "106751d24h", "107000d",
                           "99999999999999999999s", "9223372036.999s854ms"}) {
    EXPECT_THAT(ParseDuration(text), Optional(INT64_MAX)) << text;
  }
}

TEST(ParseSize, KnowsBinaryAndDecimalUnits) {
  EXPECT_THAT(ParseSize("512B"), Optional(512));
  EXPECT_THAT(ParseSize("16KiB"), Optional(16384));
  EXPECT_THAT(ParseSize("1.5GiB"), Optional(1610612736));
  EXPECT_THAT(ParseSize("1kB"), Optional(1000));
  EXPECT_THAT(ParseSize("2MB"), Optional(2'000'000));
  EXPECT_THAT(ParseSize("0"), Optional(0));
}

TEST(ParseSize, RefusesEverythingElse) {
  for (const char* text : {"", "4", "4M", "4MIB", "4mib", "-1B", "1KiB1B", "0.5B", "1.2345MiB", "KiB", "1 B"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
  EXPECT_THAT(ParseSize("9999999TiB"), Optional(INT64_MAX));
}

TEST(ParseRate, MayEndWithPerSecond) {
  EXPECT_THAT(ParseRate("1MiB/s"), Optional(1 << 20));
  EXPECT_THAT(ParseRate("1MiB"), Optional(1 << 20));
  EXPECT_EQ(ParseRate("1MiB/m"), std::nullopt);
  EXPECT_EQ(ParseRate("/s"), std::nullopt);
}

TEST(Format, IsReadBackAsItself) {
  for (const std::int64_t value : {1LL, 999LL, 1'000LL, 1'500'000'000LL, 5'400'000'000'000LL, 93'784'005'006'007LL}) {
    EXPECT_THAT(ParseDuration(FormatDuration(value)), Optional(value));
    EXPECT_THAT(ParseSize(FormatSize(value)), Optional(value));
  }
  EXPECT_EQ(FormatDuration(5'400'000'000'000), "1h30m");
  EXPECT_EQ(FormatSize(1536), "1536B");
  EXPECT_EQ(FormatSize(4 << 20), "4MiB");
  EXPECT_EQ(FormatSize(0), "0B");
}

TEST(SplitWords, FollowsQuotesAndBackslashes) {
  EXPECT_THAT(SplitWords("a  'b c' \"d\\\"e\" f\\ g '' h\\\\"),
              Optional(ElementsAre("a", "b c", "d\"e", "f g", "", "h\\")));
  EXPECT_THAT(SplitWords("  "), Optional(IsEmpty()));
  EXPECT_THAT(SplitWords("'a\\'"), Optional(ElementsAre("a\\")));
  EXPECT_EQ(SplitWords("a 'b"), std::nullopt);
}

TEST(Substitute, PutsVariablesIn) {
  const EnvironmentMap environment = {{"A", "1"}, {"EMPTY", ""}, {"NEST", "${A}"}};
  const auto text = [&environment](std::string_view from) { return Substitute(from, environment).text; };
  EXPECT_EQ(text("x${A}y${A}"), "x1y1");
  EXPECT_EQ(text("${EMPTY}"), "");
  EXPECT_EQ(text("${EMPTY:-d}${NONE:-e}${A:-f}"), "de1");
  EXPECT_EQ(text("${NONE:-}"), "");
  EXPECT_EQ(text("${NEST}"), "${A}");
  EXPECT_EQ(text("$A $ {A} $${A} $"), "$A $ {A} ${A} $");
}

TEST(Substitute, SaysWhatIsMissing) {
  const auto error = [](std::string_view from) { return Substitute(from, {}).error; };
  EXPECT_EQ(error("${X}"), "the environment has no variable X: set it, or write ${X:-default}");
  EXPECT_EQ(error("a${X"), "${ without its } (write $${ for a plain ${)");
  EXPECT_EQ(error("${}"), "${} is not ${NAME} or ${NAME:-default} (write $${ for a plain ${)");
  EXPECT_EQ(error("${1X}"), "${1X} is not ${NAME} or ${NAME:-default} (write $${ for a plain ${)");
}

TEST(Substitute, StopsBeforeAVariableFillsTheMemory) {
  const EnvironmentMap environment = {{"A", std::string(kConfigBytesMax / 2, 'x')}};
  EXPECT_EQ(Substitute("${A}${A}", environment).error, "");
  EXPECT_EQ(Substitute("${A}${A}${A}", environment).error, "the variables make this longer than 1MiB");
}

TEST(EscapeSubstitution, IsUndoneBySubstitute) {
  for (const char* text : {"${A}", "$${A}", "$$$", "a$b{c}", "${", "$$${X}${Y}"}) {
    EXPECT_EQ(Substitute(EscapeSubstitution(text), {}).text, text);
  }
}

TEST(NearestName, FindsSlipsAndNothingElse) {
  const std::vector<std::string> names = {"warm", "init_timeout", "ping_timeout", "env", "env_inherit"};
  EXPECT_EQ(NearestName("wram", names), "warm");
  EXPECT_EQ(NearestName("init-timeout", names), "init_timeout");
  EXPECT_EQ(NearestName("INIT_TIMOUT", names), "init_timeout");
  EXPECT_EQ(NearestName("envinherit", names), "env_inherit");
  EXPECT_EQ(NearestName("memory", names), "");
  EXPECT_EQ(NearestName("", names), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'w'), names), "");
}

TEST(AlmostName, FindsOnlySlipsOfALetterOrInLongWordsOfTwo) {
  const std::vector<std::string> names = {"name", "socket", "drain_timeout"};
  EXPECT_EQ(AlmostName("NAEM", names), "name");
  EXPECT_EQ(AlmostName("HOME", names), "");
  EXPECT_EQ(AlmostName("sockets", names), "socket");
  EXPECT_EQ(AlmostName("bucket", names), "");
  EXPECT_EQ(AlmostName("drian_timeot", names), "drain_timeout");
  EXPECT_EQ(AlmostName("drian_tmeot", names), "");
  EXPECT_EQ(AlmostName("", names), "");
}

TEST(Shown, IsSafeOnATerminal) {
  EXPECT_EQ(Shown("a\x1b[2Jb"), "'a\\x1b[2Jb'");
  EXPECT_EQ(Shown("\xff"), "'\\xff'");
  EXPECT_EQ(Shown(std::string(60, 'x')), "'" + std::string(60, 'x') + "'");
  EXPECT_EQ(Shown(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
  EXPECT_EQ(Shown(std::string(59, 'x') + "\xc3\xbc"), "'" + std::string(59, 'x') + "...'");
}

}  // namespace
}  // namespace andiron
