// A turn reads a bounded number of channels; what it leaves is older than any verdict that falls meanwhile.
#include "worker/children/read_rounds.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <uv.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/job_source.h"

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

// As libuv does: polls again while it finds a full batch of readable descriptors.
int PollsOfATurn(ReadRounds& rounds, std::vector<std::uint64_t>& channels) {
  constexpr std::size_t kBatch = 1024;
  constexpr int kPollsMax = 48;
  std::deque<std::uint64_t*> ready;
  for (std::uint64_t& last : channels) ready.push_back(&last);
  for (int polls = 1;; ++polls) {
    const std::size_t batch = std::min(kBatch, ready.size());
    for (std::size_t i = 0; i < batch; ++i) {
      std::uint64_t* const last = ready.front();
      ready.pop_front();
      if (!rounds.Admit(*last)) ready.push_back(last);
    }
    if (batch < kBatch || polls == kPollsMax) return polls;
  }
}

TEST(ReadRounds, TurnDoesNotPollOnAndOnForThoseItTurnsAway) {
  for (const int channels : {1000, 1072, 1073, 2000, 10000}) {
    SCOPED_TRACE(channels);
    ReadRounds rounds;
    std::vector<std::uint64_t> lasts(static_cast<std::size_t>(channels));
    for (int turn = 0; turn <= channels / kReads; ++turn) {
      EXPECT_LE(PollsOfATurn(rounds, lasts), 1 + channels / 512);
      rounds.EndTurn();
    }
    EXPECT_THAT(lasts, testing::Each(testing::Gt(0U))) << "some channel is never read";
  }
}

// Sockets of ours with at least so many bytes to be read.
int Waiting(int bytes) {
  int count = 0;
  DIR* const directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  while (const dirent* const entry = readdir(directory)) {
    const int descriptor = std::atoi(entry->d_name);
    struct stat status{};
    int there = 0;
    if (fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) && ioctl(descriptor, FIONREAD, &there) == 0 &&
        there >= bytes) {
      ++count;
    }
  }
  closedir(directory);
  return count;
}

class Source final : public JobSource {
 public:
  void OnAccepted(JobNumber) override {}
  void OnRefused(const Refused&) override { ADD_FAILURE(); }
  void OnStarted(JobNumber, ChildId) override { ++started; }
  void OnOutcome(JobEnd& end) override { outcomes.push_back(end.report.outcome); }

  int started = 0;
  std::vector<Outcome> outcomes;
};

TEST(Driver, ResultsThatWaitForTheirTurnBeatTheTimeoutThatPassedMeanwhile) {
  Shows("A13", "C4");
  constexpr int kChildren = kReads + 8;
  // The jobs are long enough that all have begun before the first ends.
  PoolSettings pool = EchoPool({"--sleep-ms", "2000"});
  pool.warm = pool.max_children = pool.max_starting = kChildren;
  pool.run_for = std::chrono::seconds(3);
  Rig rig(pool, 0s);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == kChildren; })) << rig.worker().StatusJson();

  Source source;
  for (int i = 0; i < kChildren; ++i) {
    JobSubmitted job;
    job.pool = "echo";
    job.id = std::to_string(i);
    job.payload = std::string(1000, 'x');
    rig.worker().desk().Submit(source, std::move(job));
  }
  // From a job's start its run_for counts. The loop doesn't sleep: it would wake up for a result, and read it.
  ASSERT_TRUE(Rig::Stall([&] {
    uv_run(rig.loop(), UV_RUN_NOWAIT);
    return source.started == kChildren;
  }));
  const TimePoint over = Now() + pool.run_for;
  ASSERT_TRUE(Rig::Stall([&] { return Now() > over && Waiting(1000) == kChildren; }));

  std::size_t before = 0;
  std::size_t most_at_once = 0;
  ASSERT_TRUE(rig.RunUntil([&] {
    most_at_once = std::max(most_at_once, source.outcomes.size() - before);
    before = source.outcomes.size();
    return before == kChildren;
  }));
  EXPECT_THAT(source.outcomes, testing::Each(Outcome::kSucceeded));
  EXPECT_LE(most_at_once, static_cast<std::size_t>(kReads)) << "a turn takes its share";
}

}  // namespace
}  // namespace andiron
