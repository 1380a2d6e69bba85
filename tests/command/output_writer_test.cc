#include "worker/console/output_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "worker/console/event_loop.h"
#include "worker/console/input_reader.h"

namespace andiron {
namespace {

class OutputWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    loop_ = *EventLoop::Create();
  }
  void TearDown() override {
    loop_.reset();
    CloseReader();
    close(ends_[1]);
  }
  void CloseReader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }

  int ends_[2] = {-1, -1};
  std::unique_ptr<EventLoop> loop_;
};

TEST_F(OutputWriterTest, ASlowReaderGetsEverythingAndTheLoopNeverWaits) {
  const std::string text(1 << 20, 'x');
  std::string got;
  OutputWriter writer(loop_->get(), ends_[1], [&] {
    if (writer.pending() == 0) loop_->Stop();
  });
  writer.Write(text);
  EXPECT_GT(writer.pending(), 0U) << "a pipe doesn't hold so much";
  EXPECT_EQ(fcntl(ends_[1], F_GETFL) & O_NONBLOCK, 0);
  InputReader reader(loop_->get(), ends_[0], [&](std::string_view bytes) { got += bytes; }, [](int) {});
  reader.Resume();
  loop_->Run();
  std::string rest(text.size() - got.size(), '\0');
  for (std::size_t done = 0; done < rest.size();) {
    const ssize_t count = read(ends_[0], rest.data() + done, rest.size() - done);
    ASSERT_GT(count, 0);
    done += static_cast<std::size_t>(count);
  }
  EXPECT_EQ(got + rest, text);
}

TEST_F(OutputWriterTest, AReaderThatIsGoneIsNoticedAlthoughNothingIsWritten) {
  OutputWriter writer(loop_->get(), ends_[1], [&] { loop_->Stop(); });
  CloseReader();
  loop_->Run();
  EXPECT_EQ(writer.error(), EPIPE);
}

TEST_F(OutputWriterTest, AfterAnErrorNothingIsKept) {
  OutputWriter writer(loop_->get(), ends_[1], [] {});
  CloseReader();
  writer.Write("lost");
  EXPECT_EQ(writer.error(), EPIPE);
  writer.Write("lost too");
  EXPECT_EQ(writer.pending(), 0U);
}

TEST_F(OutputWriterTest, AFullDiskIsAnError) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  OutputWriter writer(loop_->get(), full, [] {});
  writer.Write("bytes");
  EXPECT_EQ(writer.error(), ENOSPC);
  close(full);
}

}  // namespace
}  // namespace andiron
