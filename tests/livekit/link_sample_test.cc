// Kernels that say less of a connection than Linux does: what they don't say is no verdict.
//
// This program's getsockopt stands before the C library's and plays the poorer kernel.
#include "worker/livekit/link_sample.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/livekit/link_rig.h"

namespace andiron::livekit {
namespace {

constexpr int kTcpInfo = 11;  // TCP_INFO

enum class Kernel { kThisOne, kShort, kWithout, kBroken };
Kernel kernel = Kernel::kThisOne;

int Answer(int (*real)(int, int, int, void*, socklen_t*), int socket, void* value, socklen_t* size) {
  if (kernel == Kernel::kWithout || kernel == Kernel::kBroken) {
    errno = kernel == Kernel::kWithout ? ENOPROTOOPT : EBADF;
    return -1;
  }
  constexpr socklen_t kOldSize = 104;  // before Linux 4.1: without counters of bytes
  if (kernel == Kernel::kShort) *size = std::min(*size, kOldSize);
  return real(socket, IPPROTO_TCP, kTcpInfo, value, size);
}

}  // namespace
}  // namespace andiron::livekit

extern "C" int getsockopt(int socket, int level, int name, void* value, socklen_t* size) noexcept {
  using Real = int (*)(int, int, int, void*, socklen_t*);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "getsockopt"));
  if (level != IPPROTO_TCP || name != andiron::livekit::kTcpInfo) return real(socket, level, name, value, size);
  return andiron::livekit::Answer(real, socket, value, size);
}

namespace andiron::livekit {
namespace {

class LinkSampling : public testing::Test {
 protected:
  LinkSampling() : server_(R"([[["upgrade"], ["echo"]]])") {
    rig_.Make(Plain(server_.port()));
    rig_.Open();
    EXPECT_TRUE(rig_.UntilOpened()) << rig_.what();
    EXPECT_TRUE(rig_.Until([this] { return rig_.link().Sample().unacknowledged == 0; }));
  }
  ~LinkSampling() override { kernel = Kernel::kThisOne; }

  ScriptedServer server_;
  LinkRig rig_;
};

TEST_F(LinkSampling, ThisKernelCounts) {
  const LinkSample sample = rig_.link().Sample();
  EXPECT_TRUE(sample.established);
  EXPECT_TRUE(sample.counted);
  EXPECT_GT(sample.acknowledged, 0U);
  EXPECT_GT(sample.received, 0U);
}

TEST_F(LinkSampling, AKernelWithoutCountersSaysSoAndCallsItEstablished) {
  kernel = Kernel::kShort;
  const LinkSample sample = rig_.link().Sample();
  EXPECT_TRUE(sample.established);
  EXPECT_FALSE(sample.counted);
}

TEST_F(LinkSampling, AKernelThatCantBeAskedCallsNothingDead) {
  kernel = Kernel::kWithout;
  const LinkSample sample = rig_.link().Sample();
  EXPECT_TRUE(sample.established);
  EXPECT_FALSE(sample.counted);
}

TEST_F(LinkSampling, AnErrorOfTheDescriptorIsAnEnd) {
  kernel = Kernel::kBroken;
  EXPECT_FALSE(rig_.link().Sample().established);
}

TEST_F(LinkSampling, WhatIsNoConnectionIsNotEstablished) {
  EXPECT_FALSE(SampleSocket(-1).established);
  rig_.link().Close("done");
  EXPECT_FALSE(rig_.link().Sample().established);
}

TEST(LinkUnread, IsWhatTheKernelHoldsAlsoWhereItSaysNothingElse) {
  ScriptedServer server(R"([[["upgrade"], ["wait"], ["frame", 2, "12345"]]])");
  LinkRig rig;
  rig.Make(Plain(server.port()));
  rig.Open();
  ASSERT_TRUE(rig.UntilOpened()) << rig.what();
  EXPECT_EQ(rig.link().Sample().unread, 0);
  server.Signal();
  // Without the loop nobody reads it.
  EXPECT_TRUE(WaitUntil([&rig] { return rig.link().Sample().unread == 7; }));
  kernel = Kernel::kWithout;
  EXPECT_EQ(rig.link().Sample().unread, 7);
  kernel = Kernel::kThisOne;
  ASSERT_TRUE(rig.Until([&rig] { return !rig.messages().empty(); }));
  EXPECT_EQ(rig.link().Sample().unread, 0);
  EXPECT_EQ(SampleSocket(-1).unread, 0);
}

}  // namespace
}  // namespace andiron::livekit
