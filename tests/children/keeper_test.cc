// The process that outlives its worker by a moment.
#include "worker/children/keeper.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/children/crew.h"
#include "tests/support/loop.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/children/cgroup.h"

namespace andiron {
namespace {

// Whose child it is by then doesn't matter: that one reaps it.
bool HasEnded(pid_t pid) { return ProcessState(pid) == '?' || ProcessState(pid) == 'Z'; }

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A process that sleeps in a session and a cgroup of its own, as what a child has left behind does.
pid_t LeaveBehind(const std::string& cgroup) {
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    std::ofstream(cgroup + "/cgroup.procs") << getpid() << std::flush;
    for (;;) pause();
  }
  return pid;
}

// A process with a cgroup, somebody in it, and a keeper.
class DoomedWorker {
 public:
  DoomedWorker() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) Live(ends[1]);
    close(ends[1]);
    if (read(ends[0], &told_, sizeof told_) != static_cast<ssize_t>(sizeof told_)) told_ = {};
    close(ends[0]);
  }
  ~DoomedWorker() {
    Kill();
    if (told_.escapee > 0 && !HasEnded(told_.escapee)) kill(told_.escapee, SIGKILL);
  }
  DoomedWorker(const DoomedWorker&) = delete;
  DoomedWorker& operator=(const DoomedWorker&) = delete;

  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }
  pid_t keeper() const { return told_.keeper; }
  pid_t escapee() const { return told_.escapee; }
  std::string directory() const { return OwnCgroup() + "/andiron-doomed-" + std::to_string(pid_); }

 private:
  struct Told {
    pid_t keeper = 0;
    pid_t escapee = 0;
  };

  [[noreturn]] static void Live(int tell) {
    const CgroupRoot root("doomed");
    uv_loop_t loop;
    uv_loop_init(&loop);
    Log log(STDERR_FILENO, LogLevel::kError, LogFormat::kText);
    const Keeper keeper(&loop, log, root.path());
    const std::string child = root.ChildPath("pool/0.1");
    std::filesystem::create_directory(child);
    const pid_t escapee = LeaveBehind(child);
    WaitUntil([&] { return CgroupMembers(child).size() == 1; });
    const Told told{keeper.pid(), escapee};
    if (write(tell, &told, sizeof told) < 0) _exit(1);
    for (;;) pause();
  }

  pid_t pid_ = 0;
  Told told_;
};

TEST(Keeper, KillsWhatItsKilledWorkerHasLeftBehind) {
  Shows("C1", "R43");
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  DoomedWorker worker;
  ASSERT_GT(worker.keeper(), 0);
  const std::string directory = worker.directory();
  ASSERT_TRUE(std::filesystem::exists(directory));
  // What a terminal or a service manager sends to all at once.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) kill(worker.keeper(), number);
  worker.Kill();
  EXPECT_TRUE(WaitUntil([&] { return HasEnded(worker.escapee()); }));
  EXPECT_TRUE(WaitUntil([&] { return HasEnded(worker.keeper()); }));
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST(Keeper, ShowsNothingOfItsWorker) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  setenv("KEEPER_TEST_SECRET", "hush", 1);
  const DoomedWorker worker;
  ASSERT_GT(worker.keeper(), 0);
  const std::string proc = "/proc/" + std::to_string(worker.keeper());
  // There is room for as much as the worker's own command line takes.
  EXPECT_TRUE(WaitUntil([&] { return Contents(proc + "/cmdline").starts_with("andiron-keeper"); }))
      << Contents(proc + "/cmdline");
  EXPECT_TRUE(WaitUntil([&] {
    const std::filesystem::directory_iterator descriptors(proc + "/fd");
    return std::distance(begin(descriptors), end(descriptors)) == 2;
  })) << "its own: the worker's end and its directory";
  EXPECT_THAT(Contents(proc + "/cmdline"), testing::Not(testing::HasSubstr("keeper_test")));
  EXPECT_EQ(Contents(proc + "/environ").find_first_not_of('\0'), std::string::npos);
  EXPECT_EQ(Contents(proc + "/comm"), "andiron-keeper\n");
}

TEST(Keeper, EndsWithAWorkerThatEndsInOrder) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  pid_t keeper = 0;
  {
    Crew crew(FaultPool({"good"}), {.allow_cgroup = true, .keep = true});
    ASSERT_EQ(ChildProcesses().size(), 1U);
    keeper = ChildProcesses().front();
    crew.StartReady();
    EXPECT_TRUE(Keeper::Is(keeper)) << "no worker of this process takes it for an orphan";
  }
  EXPECT_THAT(ChildProcesses(), testing::IsEmpty());
  EXPECT_FALSE(Keeper::Is(keeper));
}

TEST(Keeper, OfAWorkerWithoutACgroupIsThereForNothingAndIsNotMade) {
  const Crew crew(FaultPool({"good"}), {.allow_cgroup = false, .keep = true});
  EXPECT_THAT(ChildProcesses(), testing::IsEmpty());
}

TEST(Keeper, ItsDeathIsSaid) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  Crew crew(FaultPool({"good"}), {.allow_cgroup = true, .keep = true});
  ASSERT_EQ(ChildProcesses().size(), 1U);
  kill(ChildProcesses().front(), SIGKILL);
  EXPECT_TRUE(crew.AwaitLog("the keeper has ended"));
  EXPECT_THAT(ChildProcesses(), testing::IsEmpty()) << "and it has been reaped";
}

TEST(Keeper, ItsLackIsSaid) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_NPROC, &none);
    int ends[2];
    if (pipe(ends) != 0) _exit(3);
    uv_loop_t loop;
    uv_loop_init(&loop);
    Log log(ends[1], LogLevel::kInfo, LogFormat::kText);
    const Keeper keeper(&loop, log, "/nowhere");
    log.Flush();
    char text[4096] = "";
    if (keeper.pid() >= 0 || read(ends[0], text, sizeof text - 1) <= 0) _exit(4);
    _exit(std::string_view(text).find("there is no keeper: Resource temporarily unavailable; ") != std::string::npos
              ? 0
              : 5);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Keeper, BuriesNobodyWhoLives) {
  if (!CgroupsUsable()) GTEST_SKIP() << kNoCgroup;
  const CgroupRoot alive("alive");
  const pid_t member = LeaveBehind(alive.path());
  EXPECT_TRUE(WaitUntil([&] { return CgroupMembers(alive.path()).size() == 1; }));
  EXPECT_FALSE(BuryCgroup(alive.path()));
  EXPECT_FALSE(HasEnded(member));
  EXPECT_TRUE(std::filesystem::exists(alive.path()));
  kill(member, SIGKILL);
  waitpid(member, nullptr, 0);
}

}  // namespace
}  // namespace andiron
