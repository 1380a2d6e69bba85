// A turn reads a bounded number of channels; what it leaves is older than any verdict that falls meanwhile.
#include "worker/children/read_rounds.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <uv.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"

namespace andiron {
namespace {

constexpr int kReads = ReadRounds::kReadsPerTurn;

// How many of so many channels are read in a turn in which all have something to say.
int ReadAll(ReadRounds& rounds, std::vector<std::uint64_t>& channels) {
  int read = 0;
  for (std::uint64_t& last : channels) read += rounds.Admit(last) ? 1 : 0;
  return read;
}

TEST(ReadRounds, AsManyAsATurnReadsAreAWholeRound) {
  ReadRounds rounds;
  std::vector<std::uint64_t> channels(kReads);
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(ReadAll(rounds, channels), kReads);
    EXPECT_TRUE(rounds.EndTurn());
  }
}

TEST(ReadRounds, OneMoreIsReadInTheNextTurnWhoeverComesAgain) {
  ReadRounds rounds;
  std::vector<std::uint64_t> channels(kReads + 1);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(ReadAll(rounds, channels), kReads);
    EXPECT_FALSE(rounds.EndTurn()) << "one lies unread";
    EXPECT_EQ(ReadAll(rounds, channels), 1) << "the others have been read in this round";
    EXPECT_TRUE(rounds.EndTurn());
  }
}

TEST(ReadRounds, TurnThatTurnsNobodyAwayEndsTheRound) {
  ReadRounds rounds;
  std::vector<std::uint64_t> channels(kReads + 1);
  ReadAll(rounds, channels);
  EXPECT_FALSE(rounds.EndTurn());
  EXPECT_TRUE(rounds.EndTurn()) << "the last one has been closed";
  EXPECT_TRUE(rounds.Admit(channels.front()));
}

// Descriptors of ours with at least so many bytes to be read.
int Waiting(int bytes) {
  int count = 0;
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  while (const dirent* const entry = readdir(directory)) {
    int there = 0;
    if (ioctl(std::atoi(entry->d_name), FIONREAD, &there) == 0 && there >= bytes) ++count;
  }
  closedir(directory);
  return count;
}

TEST(Driver, ResultsThatWaitForTheirTurnBeatTheTimeoutThatPassedMeanwhile) {
  Shows("A13", "C4");
  constexpr int kChildren = kReads + 8;
  // Long enough that no result is there in the poll that follows the turn which hands the jobs out.
  PoolSettings pool = EchoPool({"--sleep-ms", "1000"});
  pool.warm = pool.max_children = pool.max_starting = kChildren;
  pool.run_for = std::chrono::seconds(2);
  Rig rig(pool);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == kChildren; })) << rig.worker().StatusJson();

  const std::string payload(1000, 'x');
  std::vector<JobReport> reports;
  for (int i = 0; i < kChildren; ++i) {
    rig.worker().Submit({.pool = "echo", .payload = payload},
                        [&](const JobReport& report) { reports.push_back(report); });
  }
  uv_run(rig.loop(), UV_RUN_NOWAIT);
  ASSERT_EQ(rig.Slots(SlotState::kBusy), kChildren);
  const TimePoint over = Now() + 2 * pool.run_for;
  ASSERT_TRUE(Rig::Stall([&] { return Now() > over && Waiting(static_cast<int>(payload.size())) == kChildren; }));

  std::size_t before = 0;
  std::size_t most_at_once = 0;
  ASSERT_TRUE(rig.RunUntil([&] {
    most_at_once = std::max(most_at_once, reports.size() - before);
    before = reports.size();
    return reports.size() == kChildren;
  }));
  for (const JobReport& report : reports) EXPECT_EQ(report.outcome, Outcome::kSucceeded) << report.error;
  EXPECT_LE(most_at_once, static_cast<std::size_t>(kReads)) << "a turn takes its share";
}

}  // namespace
}  // namespace andiron
