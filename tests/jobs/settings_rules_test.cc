#include "jobs/settings_rules.h"

#include <gmock/gmock.h>

#include <csignal>

#include "tests/support/shows.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PoolSettings GoodPool() {
  PoolSettings pool;
  pool.command = {"true"};
  ResolveDefaults(pool, 4);
  return pool;
}

void Put(PoolSettings& pool, const NumberRule& rule, std::int64_t value) {
  if (auto* count = std::get_if<int PoolSettings::*>(&rule.member)) pool.*(*count) = static_cast<int>(value);
  if (auto* bytes = std::get_if<std::int64_t PoolSettings::*>(&rule.member)) pool.*(*bytes) = value;
  if (auto* time = std::get_if<Duration PoolSettings::*>(&rule.member)) pool.*(*time) = Duration(value);
}

bool Names(const std::vector<Contradiction>& found, std::string_view key) {
  for (const Contradiction& one : found) {
    if (one.key == key && one.text.find(std::string(key) + " (") == 0) return true;
  }
  return false;
}

TEST(ResolveDefaults, FollowTheCpus) {
  PoolSettings pool;
  ResolveDefaults(pool, 12);
  EXPECT_EQ(pool.warm, 12);
  EXPECT_EQ(pool.max_children, 24);
  EXPECT_EQ(pool.max_starting, 12);
  EXPECT_EQ(pool.quarantine_max, 3);
}

TEST(ResolveDefaults, MakeRoomForWhatIsWarm) {
  PoolSettings pool;
  pool.warm = 9;
  ResolveDefaults(pool, 2);
  EXPECT_EQ(pool.max_children, 9);
  EXPECT_EQ(pool.quarantine_max, 1);
}

TEST(ResolveDefaults, KeepAnUnsetWarmWithinTheSlots) {
  PoolSettings pool;
  pool.max_children = 3;
  ResolveDefaults(pool, 8);
  EXPECT_EQ(pool.warm, 3);
}

TEST(ResolveDefaults, LeaveAWarmOfZero) {
  PoolSettings pool;
  pool.warm = 0;
  ResolveDefaults(pool, 8);
  EXPECT_EQ(pool.warm, 0);
  EXPECT_EQ(pool.max_children, 16);
}

TEST(ResolveDefaults, TurnUnlimitedConcurrencyIntoItsLimit) {
  PoolSettings pool;
  pool.max_jobs_per_child = 0;
  pool.max_concurrent_jobs_per_child = 0;
  ResolveDefaults(pool, 1);
  EXPECT_EQ(pool.max_concurrent_jobs_per_child, kConcurrencyMax);
  pool.max_jobs_per_child = 7;
  pool.max_concurrent_jobs_per_child = 0;
  ResolveDefaults(pool, 1);
  EXPECT_EQ(pool.max_concurrent_jobs_per_child, 7);
}

TEST(ResolveDefaults, CountImpossibleCpusAsOneAndStayWithinTheLimits) {
  for (const int cpus : {-5, 0, 1, 100'000'000}) {
    PoolSettings pool;
    pool.command = {"true"};
    ResolveDefaults(pool, cpus);
    EXPECT_THAT(Contradictions(pool), IsEmpty()) << cpus;
  }
}

TEST(ResolveDefaults, ChangeNothingTheSecondTime) {
  PoolSettings pool = GoodPool();
  ResolveDefaults(pool, 64);
  EXPECT_EQ(pool.warm, 4);
  EXPECT_EQ(pool.max_children, 8);
}

TEST(Contradictions, AreNotInTheDefaults) { EXPECT_THAT(Contradictions(GoodPool()), IsEmpty()); }

TEST(Contradictions, NameEveryNumberOneStepOutOfItsRange) {
  Shows("R14", "R99");
  for (const NumberRule& rule : NumberRules()) {
    PoolSettings pool = GoodPool();
    Put(pool, rule, rule.min);
    EXPECT_FALSE(Names(FindContradictions(pool), rule.key) && rule.key != "max_children")
        << rule.key << " at its least";
    Put(pool, rule, rule.min - 1);
    EXPECT_TRUE(Names(FindContradictions(pool), rule.key)) << rule.key << " below its least";
    pool = GoodPool();
    pool.max_children = kChildrenMax;
    pool.max_jobs_per_child = 0;
    pool.init_timeout = pool.backoff_max = kDurationMax;
    Put(pool, rule, rule.max);
    EXPECT_THAT(Contradictions(pool), IsEmpty()) << rule.key << " at its most";
    Put(pool, rule, rule.max + 1);
    EXPECT_TRUE(Names(FindContradictions(pool), rule.key)) << rule.key << " above its most";
  }
}

TEST(Contradictions, SayThatWarmExceedsTheSlots) {
  PoolSettings pool = GoodPool();
  pool.warm = pool.max_children = 4;
  EXPECT_THAT(Contradictions(pool), IsEmpty());
  pool.warm = 5;
  EXPECT_THAT(Contradictions(pool),
              ElementsAre("pool default: warm (5) is more than max_children (4): lower warm or raise max_children"));
}

TEST(Contradictions, SayThatTheBackOffShrinks) {
  PoolSettings pool = GoodPool();
  pool.backoff_min = pool.backoff_max;
  EXPECT_THAT(Contradictions(pool), IsEmpty());
  pool.backoff_min = pool.backoff_max + 1ms;
  EXPECT_THAT(Contradictions(pool), ElementsAre("pool default: backoff_min (30001ms) is more than backoff_max (30s): "
                                                "lower backoff_min or raise backoff_max"));
}

TEST(Contradictions, SayThatAStallCanNeverBeSeen) {
  PoolSettings pool = GoodPool();
  pool.init_stall_timeout = pool.init_timeout;
  EXPECT_THAT(Contradictions(pool), IsEmpty());
  pool.init_stall_timeout += 1ns;
  EXPECT_THAT(Contradictions(pool), ElementsAre(HasSubstr("init_stall_timeout (10000000001ns) is more than")));
}

TEST(Contradictions, SayThatConcurrencyIsNeverReached) {
  PoolSettings pool = GoodPool();
  pool.max_jobs_per_child = pool.max_concurrent_jobs_per_child = 3;
  EXPECT_THAT(Contradictions(pool), IsEmpty());
  pool.max_concurrent_jobs_per_child = 4;
  EXPECT_THAT(Contradictions(pool), ElementsAre(HasSubstr("raise max_jobs_per_child (0 = unlimited)")));
  pool.max_jobs_per_child = 0;
  EXPECT_THAT(Contradictions(pool), IsEmpty());
}

TEST(Contradictions, SayThatNoProcessFitsIntoTheMemory) {
  PoolSettings pool = GoodPool();
  pool.memory_limit = 1 << 20;
  EXPECT_THAT(Contradictions(pool), IsEmpty());
  pool.memory_limit = (1 << 20) - 1;
  EXPECT_THAT(Contradictions(pool), ElementsAre(HasSubstr("less than any process needs")));
}

TEST(Contradictions, RefuseWhatNoChildCanBe) {
  PoolSettings pool = GoodPool();
  pool.command.clear();
  pool.stop_signal = "SEGV";
  pool.env = {{"A=B", ""}, {"", "x"}, {"ANDIRON_CHILD", "x"}, {"FINE", "x"}};
  pool.stop_command = {std::string("a\0b", 3)};
  pool.env_inherit = {EnvInherit::Kind::kAll, {"HOME"}};
  EXPECT_THAT(Contradictions(pool),
              ElementsAre(HasSubstr("command is empty"), HasSubstr("stop_command holds a NUL byte"),
                          HasSubstr("named 'A=B'"), HasSubstr("named ''"), HasSubstr("ANDIRON_CHILD"),
                          HasSubstr("env_inherit lists names"), HasSubstr("stop_signal 'SEGV' is not one of TERM,")));
}

TEST(Contradictions, RefuseWhatExecCannotBeGiven) {
  PoolSettings pool = GoodPool();
  pool.command = {""};
  EXPECT_THAT(Contradictions(pool), ElementsAre(HasSubstr("command is empty")));
  pool.command = {std::string("a\0b", 3)};
  pool.env = {{std::string("A\0B", 3), "x"}, {"C", std::string("d\0", 2)}};
  pool.env_inherit = {EnvInherit::Kind::kNames, {"HOME"}};
  EXPECT_THAT(Contradictions(pool),
              ElementsAre(HasSubstr("command holds a NUL byte"), HasSubstr("named"), HasSubstr("named 'C'")));
}

TEST(Contradictions, RefusePoolsOfOneNameAndNamesThatPathsAndFlagsCantHold) {
  WorkerSettings worker;
  EXPECT_THAT(Contradictions(worker), ElementsAre(HasSubstr("there is no pool")));
  worker.pools = {GoodPool(), GoodPool()};
  EXPECT_THAT(Contradictions(worker), ElementsAre(HasSubstr("two pools have this name")));
  worker.pools[1].name = "a.b";
  worker.name = "../x";
  worker.drain_timeout = Duration::max();
  EXPECT_THAT(Contradictions(worker), testing::Contains(HasSubstr("drain_timeout (")));
  worker.drain_timeout = -1ns;
  EXPECT_THAT(Contradictions(worker),
              ElementsAre(HasSubstr("the worker's name '../x'"), HasSubstr("drain_timeout (-1ns)"),
                          HasSubstr("the pool's name 'a.b'")));
}

TEST(IsName, TakesSixtyFourLetters) {
  EXPECT_TRUE(IsName(std::string(kNameBytesMax, 'a')));
  EXPECT_FALSE(IsName(std::string(kNameBytesMax + 1, 'a')));
  EXPECT_FALSE(IsName(""));
  EXPECT_FALSE(IsName("-a"));
  EXPECT_FALSE(IsName("a~"));
  EXPECT_TRUE(IsName("_a-9Z"));
  EXPECT_FALSE(IsName("\xc3\xbc"));
}

TEST(StopSignalNumber, KnowsTheShortAndTheLongName) {
  EXPECT_EQ(StopSignalNumber("TERM"), SIGTERM);
  EXPECT_EQ(StopSignalNumber("SIGQUIT"), SIGQUIT);
  EXPECT_EQ(StopSignalNumber("SIGSIGTERM"), 0);
  EXPECT_EQ(StopSignalNumber("STOP"), 0);
  EXPECT_EQ(StopSignalNumber(""), 0);
}

}  // namespace
}  // namespace andiron
