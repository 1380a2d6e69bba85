// The oracle itself: it must object to actions that a broken core would return.
#include "tests/sim/oracle.h"

#include <gtest/gtest.h>

#include <vector>

namespace andiron::sim {
namespace {

class OracleTest : public ::testing::Test {
 protected:
  OracleTest() {
    PoolSettings pool;
    pool.name = "p";
    pool.warm = pool.max_children = pool.max_starting = pool.quarantine_max = 1;
    pool.ping_interval = 0s;
    pools_.push_back(pool);
    oracle_.Begin(pools_, 30s);
  }

  // One turn with given actions, as if a core had returned them. The idle core only answers what Check() asks of it.
  const std::string& Turn(std::vector<Fact> facts, const ActionList& actions) {
    now_ += 1ms;
    facts.insert(facts.begin(), TimeRead{now_});
    oracle_.Read(now_, facts);
    oracle_.Check(actions, idle_, false);
    return oracle_.problem();
  }

  static constexpr ChildId kChild{0, 0, 1};
  std::vector<PoolSettings> pools_;
  Core idle_{{}, 30s, 1, true};
  Oracle oracle_;
  TimePoint now_{};
};

TEST_F(OracleTest, ObjectsToASilentCore) { EXPECT_NE(Turn({}, {}), ""); }

TEST_F(OracleTest, ObjectsToASubmissionWithoutAnAnswer) {
  JobSubmitted job;
  job.job = JobNumber{1};
  job.pool = "p";
  EXPECT_EQ(Turn({job}, {StartChild{kChild}}), "[I12] a submitted job was neither accepted nor refused");
}

TEST_F(OracleTest, ObjectsToAKillBeforeTheTimeout) {
  EXPECT_EQ(Turn({}, {StartChild{kChild}, KillChild{kChild, Intent::kInitTimeout}}),
            "[I6] a child is killed without a reason (init_timeout): child p/0.1");
}

TEST_F(OracleTest, ObjectsToAStrangersKill) {
  EXPECT_EQ(Turn({}, {KillChild{kChild, Intent::kProtocol}}), "[I22] an unknown child is killed");
}

TEST_F(OracleTest, ObjectsToTwoChildrenInOneSlot) {
  EXPECT_EQ(Turn({}, {StartChild{kChild}, StartChild{{0, 0, 2}}}),
            "[I2] a child is started while the last one lives: child p/0.1");
}

TEST_F(OracleTest, ObjectsToAnOutcomeOfNobodysJob) {
  EXPECT_NE(Turn({}, {StartChild{kChild}, ReportOutcome{.job = JobNumber{9},
                                                        .outcome = Outcome::kSucceeded,
                                                        .result = "",
                                                        .child = {},
                                                        .intent = Intent::kNone}}),
            "");
}

}  // namespace
}  // namespace andiron::sim
