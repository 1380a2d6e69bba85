// A connection of which neither side hears the other any more, as behind a cut cable: what the kernel says of it.
//
// This program has a network of its own, of which there is nothing but the loopback, and takes that down. A filter on
// the server's socket would do the same, but some kernels keep socket filters for root.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "tests/livekit/link_rig.h"
#include "worker/base/unique_fd.h"

namespace andiron::livekit {
namespace {

// For this process and its children, for good; false if the machine doesn't allow it. Only root may without a user
// namespace, in which everybody keeps their number.
bool EnterOwnNetwork() {
  if (unshare(CLONE_NEWNET) == 0) return true;
  const std::string user = std::to_string(getuid());
  const std::string group = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << user << ' ' << user << " 1";
  std::ofstream("/proc/self/gid_map") << group << ' ' << group << " 1";
  return true;
}

void SetLoopback(bool up) {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = static_cast<short>(up ? IFF_UP : 0);
  ASSERT_EQ(ioctl(any.get(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
}

class LinkHalfOpen : public testing::Test {
 protected:
  void SetUp() override {
    static const bool own_network = EnterOwnNetwork();
    if (!own_network) GTEST_SKIP() << "this machine allows no network namespace";
    SetLoopback(true);
    server_.emplace(R"([[["upgrade"], ["echo"]]])");
    rig_.emplace();
    rig_->Make(Plain(server_->port()));
    rig_->Open();
    ASSERT_TRUE(rig_->UntilOpened()) << rig_->what();
    ASSERT_TRUE(rig_->Until([this] { return rig_->link().Sample().unacknowledged == 0; }));
  }

  // Longer than a round trip, shorter than the patience of any kernel.
  void LetTimePass() { RunFor(rig_->loop(), std::chrono::milliseconds(500)); }

  std::optional<ScriptedServer> server_;
  std::optional<LinkRig> rig_;
};

TEST_F(LinkHalfOpen, NothingIsAcknowledgedAndTheKernelCallsItEstablished) {
  const LinkSample before = rig_->link().Sample();
  EXPECT_TRUE(before.counted);
  SetLoopback(false);
  LetTimePass();
  // Idle: by nothing that the kernel says can it be told from a good one.
  EXPECT_EQ(rig_->link().Sample().unacknowledged, 0);
  ASSERT_TRUE(rig_->link().Send("anybody there?"));
  ASSERT_TRUE(rig_->Until([this] { return rig_->link().Sample().unacknowledged > 0; }));
  LetTimePass();
  const LinkSample after = rig_->link().Sample();
  EXPECT_GT(after.unacknowledged, 0);
  EXPECT_EQ(after.acknowledged, before.acknowledged);
  EXPECT_TRUE(after.established);
  EXPECT_EQ(rig_->closed(), 0);
  // Nobody waits for a goodbye that can't arrive.
  rig_->link().Close("nobody there");
  ASSERT_TRUE(rig_->UntilClosed());
  EXPECT_EQ(rig_->what(), "nobody there");
}

TEST_F(LinkHalfOpen, ACableThatIsPutBackInTimeHasCostNothing) {
  SetLoopback(false);
  ASSERT_TRUE(rig_->link().Send("anybody there?"));
  LetTimePass();
  EXPECT_TRUE(rig_->messages().empty());
  SetLoopback(true);
  ASSERT_TRUE(rig_->Until([this] { return rig_->messages().size() == 1; }));
  EXPECT_EQ(rig_->messages()[0].first, "anybody there?");
  EXPECT_TRUE(rig_->Until([this] { return rig_->link().Sample().unacknowledged == 0; }));
  EXPECT_EQ(rig_->closed(), 0);
}

}  // namespace
}  // namespace andiron::livekit
