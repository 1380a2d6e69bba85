#include <gmock/gmock.h>

#include "tests/config/loading.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

WorkerSettings TwoPools() {
  WorkerSettings settings;
  settings.pools.resize(2);
  settings.pools[0].name = "a";
  settings.pools[1].name = "b";
  return settings;
}

TEST(Differences, AreNoneBetweenEquals) { EXPECT_THAT(Differences(TwoPools(), TwoPools()), IsEmpty()); }

TEST(Differences, NameEverySettingThatChanged) {
  WorkerSettings after = TwoPools();
  after.log_level = LogLevel::kError;
  after.pools[0].warm = 3;
  after.pools[0].env = {{"A", "1"}};
  after.pools[1].env_inherit.kind = EnvInherit::Kind::kNone;
  after.pools[1].command = {"x"};
  EXPECT_THAT(Differences(TwoPools(), after),
              ElementsAre("log_level", "pools.a.env", "pools.a.warm", "pools.b.command", "pools.b.env_inherit"));
}

TEST(Differences, NamePoolsThatCameAndWent) {
  WorkerSettings after = TwoPools();
  after.pools[0].name = "c";
  EXPECT_THAT(Differences(TwoPools(), after), ElementsAre("pools.a", "pools.c"));
}

}  // namespace
}  // namespace andiron
