// Random schedules, and whether the generator makes what it promises.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <initializer_list>
#include <memory>

#include "tests/sim/clock_start.h"
#include "tests/sim/run.h"
#include "tests/sim/schedule.h"
#include "tests/support/shows.h"

namespace andiron::sim {
namespace {

// ANDIRON_SIM_SEEDS asks for another number.
std::uint64_t Seeds() {
  const char* text = std::getenv("ANDIRON_SIM_SEEDS");
  return text == nullptr ? 20'000 : std::strtoull(text, nullptr, 10);
}

// All tests look at the same schedules. Every rule of the oracle was asked after every step of each.
class RandomSchedules : public testing::Test {
 protected:
  static void SetUpTestSuite() { account_ = std::make_unique<Account>(RunSeeds(1, Seeds(), 2, {})); }
  static void TearDownTestSuite() { account_.reset(); }

  static const Account& account() { return *account_; }

  void SetUp() override {
    ASSERT_FALSE(account().failed) << "seed " << account().failed_seed << ": " << account().problem.data()
                                   << "\n  replay: andiron-simulate --seed " << account().failed_seed << " --trace";
  }

  // Each fault has hit slots in each of these states.
  static void ExpectReached(std::initializer_list<Fault> faults, std::initializer_list<SlotState> states) {
    for (const Fault fault : faults) {
      for (const SlotState state : states) {
        EXPECT_GT(account().faults[static_cast<std::size_t>(fault)][static_cast<std::size_t>(state)], 0U)
            << Name(fault) << " never hit a slot that was " << Name(state);
      }
    }
  }

 private:
  static std::unique_ptr<Account> account_;
};

std::unique_ptr<Account> RandomSchedules::account_;

TEST_F(RandomSchedules, KeepEveryRuleAndSettle) {
  Shows("R52", "R66", "R73", "R116");
  EXPECT_EQ(account().schedules, Seeds());
  EXPECT_GE(account().slots_each.Quantile(0.5), 8);
  EXPECT_GE(account().jobs_each.Quantile(0.5), 40);
  EXPECT_GE(account().faults_each.Quantile(0.5), 20);
  for (std::size_t fault = 0; fault < kFaultCount; ++fault) {
    std::uint64_t hits = 0;
    for (const std::uint64_t count : account().faults[fault]) hits += count;
    EXPECT_GT(hits, 0U) << Name(static_cast<Fault>(fault)) << " never happened";
  }
}

TEST_F(RandomSchedules, ReachFailedStartsOfEveryKind) {
  Shows("R07");
  ExpectReached({Fault::kSpawnError, Fault::kSpawnSlow, Fault::kNeverReady, Fault::kSlowReady, Fault::kGarbage,
                 Fault::kExitBeforeHello, Fault::kCloseButLive, Fault::kHalfFrame},
                {SlotState::kStarting});
}

TEST_F(RandomSchedules, ReachDeathsBesideAHello) {
  Shows("A12", "A13");
  ExpectReached({Fault::kExitWithHello, Fault::kEdgeReady}, {SlotState::kStarting});
}

TEST_F(RandomSchedules, ReachLateFactsInEveryState) {
  Shows("A19", "R53");
  ExpectReached({Fault::kLateFacts}, {SlotState::kVacant, SlotState::kStarting, SlotState::kIdle, SlotState::kBusy,
                                      SlotState::kStopping, SlotState::kDying});
}

TEST_F(RandomSchedules, ReachDeathsAndSilencesOfChildrenAtWork) {
  Shows("R27");
  ExpectReached({Fault::kCrash, Fault::kOutOfMemory, Fault::kCloseButLive, Fault::kHalfFrame, Fault::kHalted,
                 Fault::kGrandchild, Fault::kUnkillable},
                {SlotState::kIdle, SlotState::kBusy});
  ExpectReached({Fault::kExitUnacked, Fault::kExitAcked, Fault::kNoAck, Fault::kHang, Fault::kResultThenExit,
                 Fault::kOtherJob, Fault::kDeaf},
                {SlotState::kBusy});
}

TEST_F(RandomSchedules, ReachCancelsAtEveryMoment) {
  Shows("B24");
  const auto hits = [](Fault fault) {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : account().faults[static_cast<std::size_t>(fault)]) sum += count;
    return sum;
  };
  for (const Fault fault : {Fault::kCancel, Fault::kCancelTwice, Fault::kCancelUnknown}) {
    EXPECT_GT(hits(fault), account().schedules / 50) << Name(fault);
  }
}

TEST_F(RandomSchedules, CrossEveryOverflowOfSmallerClocksAndKeepTheirRules) {
  constexpr std::uint64_t kSeedsHere = 2000;
  auto schedules = std::make_unique<Schedules>();
  std::array<int, kOverflows.size()> crossed{};
  int in_the_last_month = 0;
  for (std::uint64_t seed = 1; seed <= kSeedsHere; ++seed) {
    const Nanos start = DrawPlan(seed).start;
    if (start == 1'000'000'000) continue;
    const ScheduleResult result = schedules->Run(seed);
    ASSERT_EQ(result.problem, "") << "seed " << seed;
    in_the_last_month += start == kLastMonth ? 1 : 0;
    for (std::size_t i = 0; i < kOverflows.size(); ++i) {
      crossed[i] += start < kOverflows[i] && start + result.virtual_time >= kOverflows[i] ? 1 : 0;
    }
  }
  EXPECT_GE(in_the_last_month, 50);
  for (std::size_t i = 0; i < kOverflows.size(); ++i) EXPECT_GE(crossed[i], 50) << kOverflows[i];
}

}  // namespace
}  // namespace andiron::sim
