// What children print: captured line by line, within limits, without ever holding up the loop or the child.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "tests/children/crew.h"
#include "tests/support/shows.h"
#include "worker/children/line_capture.h"

namespace andiron {
namespace {

using ::testing::HasSubstr;

TEST(OutputTest, LinesOfBothStreamsAreLoggedWithTheChildsName) {
  Crew crew(FaultPool({"complain-and-exit"}));
  const ChildId child = crew.Start();
  ASSERT_TRUE(crew.AwaitEnd(child));
  const std::string name = crew.pool_name() + "/0." + std::to_string(child.generation);
  EXPECT_THAT(crew.LogText(), HasSubstr("[" + name + " stderr] complaint 100\n"));
  // The last line counts without its newline.
  EXPECT_THAT(crew.LogText(), HasSubstr("[" + name + " stderr] no model at /models/large\n"));
}

TEST(OutputTest, LineAtTheLimitIsWholeAndOneBeyondIsCut) {
  Shows("A18");
  for (const int beyond : {0, 1}) {
    PoolSettings pool = FaultPool({"print-line", std::to_string(200 + beyond)});
    pool.log_line_limit = 200;
    Crew crew(pool);
    crew.StartReady();
    ASSERT_TRUE(crew.AwaitLog("after"));
    const std::string line = "stdout] " + std::string(200, 'z') + (beyond == 0 ? "\n" : " ... (cut)\n");
    EXPECT_THAT(crew.LogText(), HasSubstr(line));
  }
}

TEST(OutputTest, FloodIsDroppedAndCountedWhileOthersWork) {
  Shows("A18", "R91");
  for (const char* const fault : {"flood", "flood-without-newline"}) {
    PoolSettings pool = FaultPool({fault});
    pool.log_rate_limit = 64 << 10;
    Crew crew({pool, FaultPool({"good"})}, {});
    const ChildId loud = crew.StartReady(0, 0);
    const ChildId quiet = crew.StartReady(0, 1);
    for (std::uint64_t job = 1; job <= 200; ++job) {
      crew.Run(quiet, job);
      ASSERT_TRUE(crew.Await<JobReturned>(quiet, static_cast<int>(job))) << fault;
    }
    crew.Run(loud, 1000);
    ASSERT_TRUE(crew.Await<JobReturned>(loud));
    if (std::string_view(fault) == "flood") {
      EXPECT_TRUE(crew.Await([&] { return crew.children().log_lines_dropped() > 0; }));
    }
    EXPECT_LT(crew.LogText().size(), 4U << 20);
    crew.Kill(loud);
    EXPECT_TRUE(crew.AwaitEnd(loud));
    crew.Examine(loud, SlotState::kIdle);
    if (std::string_view(fault) == "flood") {
      EXPECT_TRUE(crew.AwaitLog("of its lines are missing here"));
    }
  }
}

// How many bytes the log has of a child that has printed this much in lines of one letter.
off_t LoggedOfShortLines(LogFormat format, std::int64_t rate_limit, std::size_t printed) {
  const UniqueFd file(memfd_create("log", MFD_CLOEXEC));
  Log log(file.get(), LogLevel::kInfo, format);
  LogAllowance allowance(rate_limit);
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  std::string lines;
  while (lines.size() < printed) lines += "x\n";
  EXPECT_EQ(write(ends[1], lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  close(ends[1]);
  uv_loop_t loop;
  uv_loop_init(&loop);
  {
    LogBrake brake(&loop);
    LineCapture capture("pool/0.1", "stdout", 1000, allowance, brake, log);
    EXPECT_EQ(capture.Open(&loop, UniqueFd(ends[0])), 0);
    capture.Finish();
  }
  EXPECT_EQ(CloseLoop(&loop), 0);
  EXPECT_GT(allowance.dropped(), 0);
  log.Flush();
  return lseek(file.get(), 0, SEEK_END);
}

TEST(LineCaptureTest, ShortLinesFillTheLogNoFasterThanLongOnes) {
  constexpr std::int64_t kRate = 16 << 10;
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const off_t logged = LoggedOfShortLines(format, kRate, 32 << 10);
    EXPECT_GT(logged, kRate / 4);
    EXPECT_LE(logged, kRate);
  }
}

// A pipe whose reader has a limit of 16 KiB a second, and lines of 16 bytes that are written into it.
class LimitedStream {
 public:
  explicit LimitedStream(std::uint64_t pause_ms) {
    uv_loop_init(&loop_);
    brake_.emplace(&loop_, pause_ms);
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    writer_ = UniqueFd(ends[1]);
    capture_.emplace("pool/0.1", "stdout", 1000, allowance_, *brake_, log_);
    EXPECT_EQ(capture_->Open(&loop_, UniqueFd(ends[0])), 0);
  }
  ~LimitedStream() {
    capture_.reset();
    brake_.reset();
    EXPECT_EQ(CloseLoop(&loop_), 0);
  }
  LimitedStream(const LimitedStream&) = delete;
  LimitedStream& operator=(const LimitedStream&) = delete;

  void Print(std::size_t bytes) {
    std::string lines;
    while (lines.size() < bytes) lines += "fifteen letters\n";
    EXPECT_EQ(write(writer_.get(), lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  }
  int Unread() const {
    int bytes = 0;
    ioctl(writer_.get(), FIONREAD, &bytes);
    return bytes;
  }
  uv_loop_t* loop() { return &loop_; }
  const LogBrake& brake() const { return *brake_; }
  void Finish() { capture_->Finish(); }

 private:
  uv_loop_t loop_;
  UniqueFd log_file_{memfd_create("log", MFD_CLOEXEC)};
  Log log_{log_file_.get(), LogLevel::kInfo, LogFormat::kText};
  LogAllowance allowance_{16 << 10};
  std::optional<LogBrake> brake_;
  std::optional<LineCapture> capture_;
  UniqueFd writer_;
};

constexpr std::uint64_t kForEverMs = 3'600'000;

TEST(LogBrakeTest, LetsAFloodWaitAndNobodyElse) {
  Shows("R91");
  LimitedStream stream(kForEverMs);
  stream.Print(1 << 10);
  ASSERT_TRUE(RunUntil(stream.loop(), [&] { return stream.Unread() == 0; }));
  EXPECT_EQ(stream.brake().paused(), 0U) << "within its limit";
  stream.Print(48 << 10);
  ASSERT_TRUE(RunUntil(stream.loop(), [&] { return stream.Unread() == 0; }));
  EXPECT_EQ(stream.brake().paused(), 1U);
  stream.Print(1 << 10);
  RunFor(stream.loop(), std::chrono::milliseconds(20));
  EXPECT_EQ(stream.Unread(), 1 << 10);
}

TEST(LogBrakeTest, LetsAFloodGoOnAfterThePause) {
  Shows("R91");
  LimitedStream stream(LogBrake::kPauseMs);
  for (int burst = 0; burst < 3; ++burst) {
    stream.Print(48 << 10);
    EXPECT_TRUE(RunUntil(stream.loop(), [&] { return stream.Unread() == 0 && stream.brake().paused() == 0; }));
  }
}

TEST(LogBrakeTest, ForgetsAStreamThatEndsWhileItWaits) {
  LimitedStream stream(kForEverMs);
  stream.Print(48 << 10);
  ASSERT_TRUE(RunUntil(stream.loop(), [&] { return stream.brake().paused() == 1; }));
  stream.Finish();
  EXPECT_EQ(stream.brake().paused(), 0U);
}

TEST(LineTailTest, KeepsTheLastLinesWithinItsBounds) {
  Shows("R91");
  LineTail tail;
  for (int line = 1; line <= 100; ++line) tail.Add("line " + std::to_string(line));
  EXPECT_EQ(tail.lines().size(), LineTail::kLinesMax);
  EXPECT_EQ(tail.lines().front(), "line 37");
  EXPECT_EQ(tail.lines().back(), "line 100");
  tail.Add(std::string(LineTail::kBytesMax, 'x'));
  EXPECT_EQ(tail.lines().size(), 1U);
  tail.Add("last");
  EXPECT_EQ(tail.lines().size(), 1U);
}

TEST(LogAllowanceTest, GivesItsRateAndNoMore) {
  Shows("R91");
  LogAllowance allowance(1000);
  TimePoint now = TimePoint(std::chrono::seconds(1000));
  allowance.Refill(now);
  EXPECT_TRUE(allowance.Take(600));
  EXPECT_TRUE(allowance.Take(400));
  EXPECT_FALSE(allowance.Take(1));
  now += std::chrono::milliseconds(500);
  allowance.Refill(now);
  EXPECT_TRUE(allowance.Take(500));
  EXPECT_FALSE(allowance.Take(1));
  now += std::chrono::hours(1);
  allowance.Refill(now);
  EXPECT_TRUE(allowance.Take(1000));
  EXPECT_FALSE(allowance.Take(1));
  EXPECT_EQ(allowance.dropped(), 3);
}

TEST(LogAllowanceTest, LetsALineThroughThatIsLongerThanItsRate) {
  LogAllowance allowance(10);
  TimePoint now = TimePoint(std::chrono::seconds(1000));
  allowance.Refill(now);
  EXPECT_TRUE(allowance.Take(25));
  now += std::chrono::seconds(1);
  allowance.Refill(now);
  EXPECT_FALSE(allowance.Take(1)) << "it pays for the long one";
  now += std::chrono::seconds(1);
  allowance.Refill(now);
  now += std::chrono::seconds(1);
  allowance.Refill(now);
  EXPECT_TRUE(allowance.Take(25));
}

}  // namespace
}  // namespace andiron
