// The worker's log: one line per event, safe to look at, and never a reason to wait.
#include "worker/base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "tests/support/shows.h"
#include "tests/support/temp_directory.h"
#include "worker/base/escape.h"
#include "worker/base/unique_fd.h"

namespace andiron {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
    fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  }
  std::string Read() const {
    std::string text;
    std::array<char, 65536> part;
    for (;;) {
      const ssize_t count = read(reader.get(), part.data(), part.size());
      if (count <= 0) return text;
      text.append(part.data(), static_cast<std::size_t>(count));
    }
  }
  UniqueFd reader;
  UniqueFd writer;
};

TEST(LogTest, TextLineHasTimeLevelMessageAndFields) {
  const Pipe pipe;
  Log log(pipe.writer.get(), LogLevel::kInfo, LogFormat::kText);
  log.Write(LogLevel::kWarn, "child_died", "it died", {{"child", "spell/3.7"}, {"what", "a \"b\""}});
  EXPECT_THAT(pipe.Read(), MatchesRegex("....-..-..T..:..:..\\.......Z warn  it died child=spell/3\\.7 "
                                        "what=\"a \\\\\"b\\\\\"\"\n"));
}

TEST(LogTest, JsonLineHasTheSameAsAnObject) {
  const Pipe pipe;
  Log log(pipe.writer.get(), LogLevel::kInfo, LogFormat::kJson);
  log.Write(LogLevel::kInfo, "child_ready", "ready", {{"child", "spell/3.7"}});
  log.ChildLine("spell/3.7", "stderr", "\x1b[31mred\xff");
  log.Flush();
  const std::string text = pipe.Read();
  EXPECT_THAT(text, HasSubstr("Z\",\"level\":\"info\",\"event\":\"child_ready\",\"message\":\"ready\",\"child\":"
                              "\"spell/3.7\"}\n"));
  EXPECT_THAT(text,
              HasSubstr("\"message\":\"\\u001b[31mred\xEF\xBF\xBD\",\"child\":\"spell/3.7\",\"stream\":\"stderr\"}"));
}

TEST(LogTest, LevelBelowTheLimitIsNotWritten) {
  const Pipe pipe;
  Log log(pipe.writer.get(), LogLevel::kWarn, LogFormat::kText);
  log.Write(LogLevel::kInfo, "x", "quiet");
  log.ChildLine("a/0.1", "stdout", "quiet");
  log.Flush();
  EXPECT_EQ(pipe.Read(), "");
  log.Write(LogLevel::kError, "x", "loud");
  EXPECT_THAT(pipe.Read(), EndsWith("loud\n"));
}

TEST(LogTest, TerminalIsNotGivenControlCharacters) {
  std::string text;
  AppendPlain(text, "a\x1b[2J\r\n\tb\x7f\xc2\x9b\xff\xc3\xa9\xe2\x82\xac\"\\");
  EXPECT_EQ(text, "a\\x1b[2J\\x0d\\n\\tb\\x7f\\xc2\\x9b\\xff\xc3\xa9\xe2\x82\xac\"\\");
}

TEST(LogTest, TextCannotBeShownInAnotherOrderThanItIsWritten) {
  // Marks, embeddings, overrides and isolates of right-to-left writing; separators of lines and paragraphs.
  const std::string_view hidden[] = {"\u061C", "\u200E", "\u200F", "\u2028", "\u2029", "\u202A", "\u202B",
                                     "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069"};
  const std::string_view names[] = {"061c", "200e", "200f", "2028", "2029", "202a", "202b",
                                    "202c", "202d", "202e", "2066", "2067", "2068", "2069"};
  for (std::size_t i = 0; i < std::size(hidden); ++i) {
    std::string plain;
    AppendPlain(plain, "root" + std::string(hidden[i]) + "toor");
    EXPECT_EQ(plain, "root\\u" + std::string(names[i]) + "toor");
    std::string json;
    AppendJson(json, hidden[i]);
    EXPECT_EQ(json, "\"\\u" + std::string(names[i]) + "\"");
  }
  // Their neighbours are ordinary text, and so is what is written from right to left.
  std::string plain;
  AppendPlain(plain, "\u061B\u200D\u2027\u202F\u2065\u206A\u05D0\u0627");
  EXPECT_EQ(plain, "\u061B\u200D\u2027\u202F\u2065\u206A\u05D0\u0627");
}

TEST(LogTest, JsonStringsAreAlwaysUtf8) {
  Shows("A18");
  std::string text;
  // An overlong form, a surrogate, a number beyond Unicode, and a character that is cut off.
  AppendJson(text, "\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
  EXPECT_EQ(text.find_first_of("\xc0\xed\xf4\xe2"), std::string::npos);
  text.clear();
  AppendJson(text, "\"\\\n\xf0\x9f\x94\xa5");
  EXPECT_EQ(text, "\"\\\"\\\\\\n\xf0\x9f\x94\xa5\"");
}

void TestFullDescriptor(int writer, const std::function<std::string()>& read_all) {
  Log log(writer, LogLevel::kInfo, LogFormat::kText);
  const std::string line(1000, 'x');
  // Twice what the log holds, into something that nobody reads: must come back at once.
  for (int i = 0; i < 2200; ++i) log.ChildLine("a/0.1", "stdout", line);
  EXPECT_GT(log.dropped(), 0);
  EXPECT_TRUE(log.pending());
  std::string text;
  const auto drain = [&] {
    for (int i = 0; i < 10000 && log.pending(); ++i) {
      text += read_all();
      log.Flush();
    }
    text += read_all();
    EXPECT_FALSE(log.pending());
  };
  drain();
  log.Write(LogLevel::kInfo, "x", "there is room again");
  drain();
  EXPECT_NE(text.find(std::to_string(log.dropped()) + " log lines dropped"), std::string::npos);
  EXPECT_TRUE(text.ends_with("there is room again\n"));
  // Whole lines only: each begins with the year.
  for (std::size_t at = text.find('\n'); at + 1 < text.size(); at = text.find('\n', at + 1)) {
    ASSERT_EQ(text[at + 1], '2');
  }
}

TEST(LogTest, BlockingPipeThatNobodyReadsNeverBlocks) {
  Shows("B15", "R92");
  const Pipe pipe;
  TestFullDescriptor(pipe.writer.get(), [&] { return pipe.Read(); });
}

TEST(LogTest, BlockingSocketThatNobodyReadsNeverBlocks) {
  Shows("B15", "R92");
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Pipe sockets;
  sockets.reader = UniqueFd(ends[0]);
  sockets.writer = UniqueFd(ends[1]);
  fcntl(sockets.reader.get(), F_SETFL, O_NONBLOCK);
  TestFullDescriptor(sockets.writer.get(), [&] { return sockets.Read(); });
  EXPECT_EQ(fcntl(sockets.writer.get(), F_GETFL) & O_NONBLOCK, 0) << "the open file belongs to others, too";
}

TEST(LogTest, PipeWithoutAReaderIsNoReasonToDie) {
  Shows("B15");
  Pipe pipe;
  pipe.reader.Reset();
  Log log(pipe.writer.get(), LogLevel::kInfo, LogFormat::kText);
  log.Write(LogLevel::kInfo, "x", "to nobody");
  EXPECT_FALSE(log.pending());
  EXPECT_EQ(log.dropped(), 1);
}

TEST(LogTest, FullDeviceDropsAndCounts) {
  Shows("B14");
  const UniqueFd full(open("/dev/full", O_WRONLY));
  Log log(full.get(), LogLevel::kInfo, LogFormat::kText);
  log.Write(LogLevel::kInfo, "x", "no room");
  EXPECT_FALSE(log.pending());
  EXPECT_EQ(log.dropped(), 1);
}

class LogFile {
 public:
  int descriptor() const { return descriptor_.get(); }
  std::string text() const {
    std::ifstream stream(path_);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  const TempDirectory directory_;
  const std::string path_ = directory_.path() + "/log";
  const UniqueFd descriptor_{open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
};

// A file of ours may have so many bytes, as long as this lives; a write beyond it is an error, and no signal.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(LogTest, OnlyLinesAreCountedAndNotTheNoticesOfThem) {
  const UniqueFd full(open("/dev/full", O_WRONLY));
  Log log(full.get(), LogLevel::kInfo, LogFormat::kText);
  for (int i = 0; i < 81; ++i) log.Write(LogLevel::kInfo, "x", "no room");
  EXPECT_EQ(log.dropped(), 81);
}

TEST(LogTest, WhatIsMissingIsSaidOnceThereIsRoom) {
  Shows("B14");
  const LogFile file;
  Log log(file.descriptor(), LogLevel::kInfo, LogFormat::kJson);
  {
    const FileSizeLimit limit(0);
    for (int i = 0; i < 81; ++i) log.Write(LogLevel::kInfo, "x", "no room");
  }
  EXPECT_EQ(file.text(), "");
  EXPECT_EQ(log.dropped(), 81);
  log.Write(LogLevel::kInfo, "x", "there is room again");
  log.Write(LogLevel::kInfo, "x", "and still");
  const std::string text = file.text();
  EXPECT_THAT(text, HasSubstr("\"event\":\"log_dropped\",\"message\":\"81 log lines dropped"));
  EXPECT_THAT(text, HasSubstr("\"lines\":\"81\"}\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_EQ(log.dropped(), 81);
}

// The disk is full in the middle of a line: that one is lost, and the next begins on a line of its own.
TEST(LogTest, ALineThatWasCutTakesNoOtherWithIt) {
  const LogFile file;
  Log log(file.descriptor(), LogLevel::kInfo, LogFormat::kText);
  {
    const FileSizeLimit limit(10);
    log.Write(LogLevel::kInfo, "x", "cut");
    log.Write(LogLevel::kInfo, "x", "lost");
  }
  EXPECT_EQ(file.text().size(), 10U);
  EXPECT_EQ(log.dropped(), 2);
  log.Write(LogLevel::kInfo, "x", "whole");
  EXPECT_THAT(file.text(), MatchesRegex("....-..-..\n....-..-..T[^\n]*Z warn  2 log lines dropped[^\n]*\n"
                                        "....-..-..T[^\n]*Z info  whole\n"));
  EXPECT_EQ(log.dropped(), 2);
}

// The same where it is the notice that is cut: it will be said again.
TEST(LogTest, ANoticeThatWasCutIsSaidAgain) {
  const LogFile file;
  Log log(file.descriptor(), LogLevel::kInfo, LogFormat::kText);
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{10}}) {
    const FileSizeLimit limit(bytes);
    log.Write(LogLevel::kInfo, "x", "lost");
  }
  EXPECT_EQ(log.dropped(), 2);
  log.Write(LogLevel::kInfo, "x", "whole");
  EXPECT_THAT(file.text(), HasSubstr("\n2"));
  EXPECT_THAT(file.text(), HasSubstr(" 2 log lines dropped"));
  EXPECT_EQ(log.dropped(), 2);
}

// A reader that takes half of what waits, and goes.
TEST(LogTest, LinesThatWaitForAReaderThatGoesAreCountedOnceEach) {
  Pipe pipe;
  Log log(pipe.writer.get(), LogLevel::kInfo, LogFormat::kText);
  const std::string line(1000, 'x');
  int lines = 2200;
  for (int i = 0; i < lines; ++i) log.ChildLine("a/0.1", "stdout", line);
  std::string text = pipe.Read();
  log.Flush();
  log.ChildLine("a/0.1", "stdout", "fits, and with it the notice of those that didn't");
  ++lines;
  for (int i = 0; i < 8; ++i) {
    log.Flush();
    text += pipe.Read();
  }
  EXPECT_TRUE(log.pending());
  pipe.reader.Reset();
  log.Write(LogLevel::kInfo, "x", "to nobody");
  ++lines;
  EXPECT_FALSE(log.pending());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n') + log.dropped(), lines);
}

}  // namespace
}  // namespace andiron
