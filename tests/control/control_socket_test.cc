#include "worker/control/control_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/temp_directory.h"
#include "worker/control/control_limits.h"
#include "worker/control/control_words.h"
#include "worker/control/socket_path.h"
#include "worker/driver/end_text.h"

namespace andiron {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat about{};
  return lstat(path.c_str(), &about) == 0 ? about.st_mode & 0777 : 0;
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// A socket file that nobody listens at, as a killed worker leaves it.
void LeaveStaleSocket(const std::string& path) {
  const UniqueFd descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

TEST(ControlSocket, IsOursAloneAndGoesAwayWithItsOwner) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/made/w.sock";
  const mode_t before = umask(027);
  {
    const auto listening = ControlSocket::Listen(path);
    ASSERT_TRUE(listening.ok()) << listening.status().ToString();
    EXPECT_EQ(ModeOf(path), 0600U);
    EXPECT_EQ(ModeOf(directory.path() + "/made"), 0700U);
  }
  EXPECT_EQ(umask(before), 027U) << "the host's umask is its own";
  EXPECT_FALSE(Exists(path));
}

TEST(ControlSocket, DeadWorkersSocketIsReplaced) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  LeaveStaleSocket(path);
  EXPECT_TRUE(ControlSocket::Listen(path).ok());
}

TEST(ControlSocket, LivingWorkersSocketIsNot) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  const auto first = ControlSocket::Listen(path);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ControlSocket::Listen(path).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Exists(path));
}

TEST(ControlSocket, WhatIsNoSocketIsLeftAlone) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  std::ofstream(path) << "precious";
  EXPECT_EQ(ControlSocket::Listen(path).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Exists(path));
  const std::string link = directory.path() + "/link.sock";
  ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
  EXPECT_EQ(ControlSocket::Listen(link).status().code(), absl::StatusCode::kFailedPrecondition);
}

// What somebody may have put where the socket is to be, and how each is made.
const std::map<std::string, std::function<int(const std::string&)>> kSquatters = {
    {"a directory", [](const std::string& path) { return mkdir(path.c_str(), 0700); }},
    {"a FIFO", [](const std::string& path) { return mkfifo(path.c_str(), 0600); }},
    {"a link that dangles", [](const std::string& path) { return symlink("/no/such/target", path.c_str()); }},
    {"a link to itself", [](const std::string& path) { return symlink(path.c_str(), path.c_str()); }},
    {"a link to a stale socket",
     [](const std::string& path) {
       LeaveStaleSocket(path + ".target");
       return symlink((path + ".target").c_str(), path.c_str());
     }},
    {"a link to a directory", [](const std::string& path) { return symlink("/tmp", path.c_str()); }},
};

TEST(ControlSocket, SquattersAreRefusedAndNeitherFollowedNorRemoved) {
  for (const auto& [what, make] : kSquatters) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/w.sock";
    ASSERT_EQ(make(path), 0) << what;
    struct stat before{};
    ASSERT_EQ(lstat(path.c_str(), &before), 0);
    EXPECT_EQ(ControlSocket::Listen(path).status().code(), absl::StatusCode::kFailedPrecondition) << what;
    struct stat after{};
    ASSERT_EQ(lstat(path.c_str(), &after), 0) << what;
    EXPECT_EQ(before.st_ino, after.st_ino) << what;
    EXPECT_EQ(before.st_mode, after.st_mode) << what;
    EXPECT_FALSE(Exists("/no/such/target"));
  }
}

TEST(ControlSocket, PlacesOfOtherUsersAreRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make what belongs to another user";
  constexpr uid_t kStranger = 65534;
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  LeaveStaleSocket(path);
  ASSERT_EQ(lchown(path.c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(ControlSocket::Listen(path).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(Exists(path));
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(chown(directory.path().c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(ControlSocket::Listen(path).status().code(), absl::StatusCode::kPermissionDenied);
  // Nor by a link from a place of ours.
  const TempDirectory ours;
  ASSERT_EQ(symlink(directory.path().c_str(), (ours.path() + "/link").c_str()), 0);
  EXPECT_EQ(ControlSocket::Listen(ours.path() + "/link/w.sock").status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_FALSE(Exists(path));
}

TEST(ControlSocket, NoUmaskWidensItAndItsOwnIsGivenBack) {
  for (const mode_t mask : {mode_t{0}, mode_t{0022}, mode_t{0077}}) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/made/w.sock";
    const mode_t before = umask(mask);
    const auto listening = ControlSocket::Listen(path);
    EXPECT_EQ(umask(before), mask);
    ASSERT_TRUE(listening.ok()) << listening.status().ToString();
    EXPECT_EQ(ModeOf(path), 0600U);
    EXPECT_EQ(ModeOf(directory.path() + "/made"), 0700U);
  }
}

// A process that listens at the path, says through the pipe whether it could, and keeps what it got until told.
pid_t StartRival(const std::string& path, int go, int answers, int over) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(1);
  const auto listening = ControlSocket::Listen(path);
  const char answer = listening.ok() ? 'y' : absl::IsAlreadyExists(listening.status()) ? 'n' : '?';
  if (write(answers, &answer, 1) != 1) _exit(1);
  if (read(over, &byte, 1) != 1) _exit(1);
  _exit(0);
}

TEST(ControlSocket, OfManyWorkersThatStartAtOnceExactlyOneHasIt) {
  constexpr int kRivals = 8;
  for (int round = 0; round < 10; ++round) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/w.sock";
    LeaveStaleSocket(path);  // each of them may remove that, and none what another has made
    int go[2];
    int answers[2];
    int over[2];
    ASSERT_EQ(pipe(go) + pipe(answers) + pipe(over), 0);
    std::vector<pid_t> rivals;
    for (int i = 0; i < kRivals; ++i) rivals.push_back(StartRival(path, go[0], answers[1], over[0]));
    ASSERT_EQ(write(go[1], "xxxxxxxx", kRivals), kRivals);
    std::string said;
    for (char answer = 0; said.size() < kRivals && read(answers[0], &answer, 1) == 1;) said += answer;
    EXPECT_EQ(std::count(said.begin(), said.end(), 'y'), 1) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), 'n'), kRivals - 1) << said;
    EXPECT_EQ(ControlSocket::Listen(path).status().code(), absl::StatusCode::kAlreadyExists);
    ASSERT_EQ(write(over[1], "xxxxxxxx", kRivals), kRivals);
    for (const pid_t rival : rivals) waitpid(rival, nullptr, 0);
    for (const int descriptor : {go[0], go[1], answers[0], answers[1], over[0], over[1]}) close(descriptor);
  }
}

TEST(ControlSocket, DirectoryThatOthersCanChangeIsRefused) {
  const TempDirectory directory;
  for (const mode_t mode : {0777U, 0770U, 0707U}) {
    ASSERT_EQ(chmod(directory.path().c_str(), mode), 0);
    EXPECT_EQ(ControlSocket::Listen(directory.path() + "/w.sock").status().code(), absl::StatusCode::kPermissionDenied);
  }
  ASSERT_EQ(chmod(directory.path().c_str(), 01777), 0);
  EXPECT_TRUE(ControlSocket::Listen(directory.path() + "/w.sock").ok());
}

TEST(ControlSocket, FileThatSomebodyElsePutThereIsNotRemoved) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/w.sock";
  {
    const auto listening = ControlSocket::Listen(path);
    ASSERT_TRUE(listening.ok());
    ASSERT_EQ(unlink(path.c_str()), 0);
    LeaveStaleSocket(path);
  }
  EXPECT_TRUE(Exists(path));
}

TEST(ControlSocket, PathThatFitsAnAddressIsTakenAndOneByteMoreIsNot) {
  const TempDirectory directory;
  const std::string longest = directory.path() + "/" + std::string(107 - directory.path().size() - 1, 'x');
  EXPECT_TRUE(ControlSocket::Listen(longest).ok());
  EXPECT_EQ(ControlSocket::Listen(longest + "x").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ControlSocket, OnlyItsOwnUserAndRootMaySpeak) {
  EXPECT_TRUE(MaySpeak(1000, 1000));
  EXPECT_TRUE(MaySpeak(0, 1000));
  EXPECT_FALSE(MaySpeak(1001, 1000));
  EXPECT_FALSE(MaySpeak(1000, 0));
}

TEST(SocketPath, DirectoryThatWasSetOnPurposeCountsAndOneThatIsNotOursDoesNot) {
  const TempDirectory directory;
  ASSERT_EQ(setenv("XDG_RUNTIME_DIR", directory.path().c_str(), 1), 0);
  EXPECT_EQ(DefaultSocketPath("w"), directory.path() + "/andiron/w.sock");
  ASSERT_EQ(setenv("XDG_RUNTIME_DIR", "/nowhere/at/all", 1), 0);
  const std::string otherwise = geteuid() == 0 ? "/run/andiron" : "/tmp/andiron-" + std::to_string(geteuid());
  EXPECT_EQ(DefaultSocketPath("w"), otherwise + "/w.sock");
  ASSERT_EQ(unsetenv("XDG_RUNTIME_DIR"), 0);
  EXPECT_EQ(DefaultSocketPath("w"), otherwise + "/w.sock");
}

TEST(ControlWords, EveryWordComesBack) {
  for (int i = 0; i < kOutcomeCount; ++i) {
    const auto outcome = static_cast<Outcome>(i);
    EXPECT_EQ(FromWire(ToWire(outcome)), outcome);
    EXPECT_EQ(control::Outcome::Kind_Name(ToWire(outcome)), Name(outcome));
  }
  for (int i = 0; i < kRefusalCount; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    EXPECT_EQ(FromWire(ToWire(refusal)), refusal);
    EXPECT_EQ(control::Refused::Reason_Name(ToWire(refusal)), Name(refusal));
    EXPECT_NE(ExplainRefusal(refusal, {}), "");
  }
  EXPECT_EQ(FromWire(control::Outcome::KIND_UNSPECIFIED), std::nullopt);
  EXPECT_EQ(FromWire(control::Refused::REASON_UNSPECIFIED), std::nullopt);
}

TEST(ControlLimits, EveryKindHasOne) {
  const FrameLimits server = LimitsForControlServer(5000);
  for (int kind = control::ToWorker::kHello; kind <= control::ToWorker::kStop; ++kind) {
    EXPECT_GT(server[static_cast<std::size_t>(kind)].max, 0U) << kind;
  }
  EXPECT_EQ(server[control::ToWorker::kSubmit].max, 5000U);
  const FrameLimits client = LimitsForControlClient();
  for (int kind = control::FromWorker::kHello; kind <= control::FromWorker::kError; ++kind) {
    EXPECT_GT(client[static_cast<std::size_t>(kind)].max, 0U) << kind;
  }
}

}  // namespace
}  // namespace andiron
