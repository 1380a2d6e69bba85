#include "tools/andiron/batch_inputs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <utility>

#include "worker/console/event_loop.h"

namespace andiron {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class BatchInputsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "inputsXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern + "/";
    loop_ = *EventLoop::Create();
  }
  void TearDown() override {
    loop_.reset();
    for (const std::string& file : made_) unlink(file.c_str());
    rmdir(folder_.c_str());
  }

  std::string Write(const std::string& name, const std::string& text) {
    made_.push_back(folder_ + name);
    std::ofstream(made_.back()) << text;
    return made_.back();
  }

  // Every payload with its place, until the inputs are over.
  std::vector<std::pair<std::string, std::string>> ReadAll(std::vector<std::string> files, Split split,
                                                           std::size_t limit, bool pass_over = false) {
    std::vector<std::pair<std::string, std::string>> payloads;
    std::unique_ptr<BatchInputs> inputs;
    const auto pump = [&] {
      while (auto payload = inputs->Next()) {
        const std::string place = payload->place.substr(payload->place.rfind('/') + 1);
        payloads.emplace_back(place, payload->too_large ? "too large" : payload->bytes);
      }
      if (inputs->over()) loop_->Stop();
    };
    inputs = std::make_unique<BatchInputs>(loop_->get(), std::move(files), split, limit, pump);
    if (pass_over) inputs->PassOverTooLarge();
    pump();
    if (!inputs->over()) loop_->Run();
    error_ = inputs->error();
    return payloads;
  }

  std::unique_ptr<EventLoop> loop_;
  std::string folder_;
  std::vector<std::string> made_;
  std::string error_;
};

TEST_F(BatchInputsTest, FilesFollowOneAnotherAndNumbersBeginAnew) {
  const auto payloads = ReadAll({Write("a", "1\n2"), Write("empty", ""), Write("b", "3\n")}, Split::kLine, 100);
  EXPECT_THAT(payloads, ElementsAre(Pair("a:1", "1"), Pair("a:2", "2"), Pair("b:1", "3")));
  EXPECT_EQ(error_, "");
}

TEST_F(BatchInputsTest, WhatIsReadAndNotTakenIsNoProgress) {
  std::unique_ptr<BatchInputs> inputs;
  std::vector<double> after;
  const auto pump = [&] {
    while (inputs->Next()) after.push_back(inputs->fraction().value());
    if (inputs->over()) loop_->Stop();
  };
  inputs =
      std::make_unique<BatchInputs>(loop_->get(), std::vector{Write("a", "1\n2\n3\n4\n")}, Split::kLine, 100, pump);
  pump();
  if (!inputs->over()) loop_->Run();
  EXPECT_THAT(after, ElementsAre(0.25, 0.5, 0.75, 1.0));
}

TEST_F(BatchInputsTest, AWholeFileIsAPayloadNamedAfterIt) {
  EXPECT_THAT(ReadAll({Write("a", "1\n2"), Write("empty", "")}, Split::kFile, 100),
              ElementsAre(Pair("a", "1\n2"), Pair("empty", "")));
}

TEST_F(BatchInputsTest, AFileLargerThanAChunkComesWhole) {
  const std::string text(InputReader::kChunkBytes * 2 + 1, 'x');
  EXPECT_THAT(ReadAll({Write("large", text)}, Split::kFile, text.size()), ElementsAre(Pair("large", text)));
}

TEST_F(BatchInputsTest, TooLargeALineEndsItWithItsPlaceAndLosesNothingBefore) {
  EXPECT_THAT(ReadAll({Write("a", "1234\n12345\n")}, Split::kLine, 4), ElementsAre(Pair("a:1", "1234")));
  EXPECT_THAT(error_, HasSubstr("a:2: this line is larger than max_payload (4 bytes)"));
}

TEST_F(BatchInputsTest, TooLargeALineMayBePassedOverHoweverLargeItIs) {
  const std::string large(InputReader::kChunkBytes * 3, 'x');
  const auto payloads =
      ReadAll({Write("a", "1234\n12345\n" + large + "\n6\n" + large), Write("b", "7\n")}, Split::kLine, 4, true);
  EXPECT_THAT(payloads, ElementsAre(Pair("a:1", "1234"), Pair("a:2", "too large"), Pair("a:3", "too large"),
                                    Pair("a:4", "6"), Pair("a:5", "too large"), Pair("b:1", "7")));
  EXPECT_EQ(error_, "");
}

TEST_F(BatchInputsTest, AMissingFileIsNamed) {
  EXPECT_THAT(ReadAll({Write("a", "1\n"), folder_ + "missing"}, Split::kLine, 4), ElementsAre(Pair("a:1", "1")));
  EXPECT_THAT(error_, HasSubstr("missing: No such file or directory"));
}

TEST_F(BatchInputsTest, AFolderIsAnError) {
  ReadAll({folder_}, Split::kLine, 4);
  EXPECT_THAT(error_, HasSubstr("Is a directory"));
}

TEST_F(BatchInputsTest, APipeWithANameWaitsForItsWriterWithoutStoppingTheLoop) {
  made_.push_back(folder_ + "pipe");
  ASSERT_EQ(mkfifo(made_.back().c_str(), 0600), 0);
  int writer = -1;
  Ticker late(loop_->get(), std::chrono::milliseconds(20), [&] {
    if (writer >= 0) return;
    writer = open(made_.back().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (writer < 0) return;
    EXPECT_EQ(write(writer, "late\n", 5), 5);
    close(writer);
  });
  EXPECT_THAT(ReadAll({made_.back()}, Split::kLine, 100), ElementsAre(Pair("pipe:1", "late")));
}

TEST_F(BatchInputsTest, ThePipesFlagsAreLeftAlone) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  InputReader reader(loop_->get(), ends[0], [](std::string_view) {}, [](int) {});
  reader.Resume();
  EXPECT_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace andiron
