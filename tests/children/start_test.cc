// Starts: what a child finds around itself, and what is said when there is none.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "tests/children/crew.h"
#include "tests/support/process_table.h"
#include "tests/support/shows.h"
#include "worker/base/clock.h"
#include "worker/children/child_stub.h"
#include "worker/children/launch.h"
#include "worker/children/launch_spec.h"

namespace andiron {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "andiron-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string File(std::string_view name, std::string_view text, mode_t mode) const {
    const std::string path = path_ + "/" + std::string(name);
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What the child of `pool` printed behind `word`, line by line.
std::vector<std::string> Described(Crew& crew, std::string_view word) {
  EXPECT_TRUE(crew.AwaitLog("stdout] described")) << crew.LogText();
  const std::string text = crew.LogText();
  const std::string mark = "stdout] " + std::string(word) + " ";
  std::vector<std::string> found;
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    found.push_back(text.substr(begin, text.find('\n', begin) - begin));
  }
  return found;
}

std::string FailureOf(PoolSettings pool) {
  Crew crew(std::move(pool));
  const ChildId child = crew.Start();
  EXPECT_TRUE(crew.Await<SpawnFailed>(child));
  EXPECT_EQ(crew.facts().size(), 1U) << "a failed start is its only fact";
  const auto failed = crew.Last<SpawnFailed>(child);
  return failed ? failed->what : "";
}

PoolSettings CommandPool(std::vector<std::string> command) {
  PoolSettings pool;
  pool.command = std::move(command);
  return pool;
}

TEST(StartTest, ChildBecomesReadyAndAnswersAJob) {
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.StartReady();
  EXPECT_GT(crew.PidOf(child), 0);
  crew.Run(child, 7, "hello");
  ASSERT_TRUE(crew.Await<JobReturned>(child));
  EXPECT_EQ(crew.Count<JobAcked>(child), 1);
  EXPECT_EQ(crew.Last<JobReturned>(child)->result, "hello");
  EXPECT_EQ(crew.Last<JobReturned>(child)->job, JobNumber{7});
}

TEST(StartTest, ChildFindsExactlyItsFourDescriptors) {
  Shows("R46");
  // Without close-on-exec, below and above the numbers that we use ourselves.
  std::vector<UniqueFd> strays;
  while (strays.empty() || strays.back().get() < 2 * kStubFdMin) strays.emplace_back(open("/dev/null", O_RDONLY));
  Crew crew(FaultPool({"describe"}));
  crew.StartReady();
  EXPECT_THAT(Described(crew, "fd"), UnorderedElementsAre("0", "1", "2", "3"));
}

// Descriptors of this process that a program which it starts would find.
std::vector<int> Inheritable() {
  std::vector<int> found;
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    const int flags = fcntl(descriptor, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) found.push_back(descriptor);
  }
  return found;
}

TEST(StartTest, OthersOfTheHostInheritNothingOfOurs) {
  const std::vector<int> before = Inheritable();
  Crew crew(FaultPool({"good"}));
  crew.StartReady();
  EXPECT_EQ(Inheritable(), before);
}

TEST(StartTest, SignalsOfTheHostAreLeftAsTheyWere) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Crew crew(FaultPool({"good"}));
  crew.StartReady();
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int number = 1; number < NSIG; ++number) {
    EXPECT_EQ(sigismember(&after, number), sigismember(&before, number)) << number;
  }
}

TEST(StartTest, ChildLeadsItsOwnSessionWithStandardSignals) {
  Shows("R48", "R102");
  signal(SIGUSR2, SIG_IGN);
  Crew crew(FaultPool({"describe"}));
  crew.StartReady();
  signal(SIGUSR2, SIG_DFL);
  EXPECT_THAT(Described(crew, "leader"), ElementsAre("1"));
  EXPECT_THAT(Described(crew, "blocked"), IsEmpty());
  EXPECT_THAT(Described(crew, "ignored"), IsEmpty());
}

TEST(StartTest, ChildIsToldItsChannelAndItsName) {
  Crew crew(FaultPool({"describe"}));
  const ChildId child = crew.StartReady(3);
  const std::vector<std::string> environment = Described(crew, "env");
  EXPECT_THAT(environment, Contains("ANDIRON_CHANNEL_FD=3"));
  EXPECT_THAT(environment, Contains("ANDIRON_CHILD=" + crew.pool_name() + "/3." + std::to_string(child.generation)));
}

TEST(StartTest, EnvironmentFollowsTheRule) {
  const char* const worker[] = {"PATH=/bin",
                                "HOME=/root",
                                "ANDIRON_SOCKET=/x",
                                "NOTIFY_SOCKET=/n",
                                "LIVEKIT_API_KEY=k",
                                "NATS_CREDS=/c",
                                "NATS_CREDS_FILE=/d",
                                "ODD",
                                nullptr};
  PoolSettings pool;
  pool.env = {{"HOME", "/srv"}, {"MODE", "fast"}, {"ANDIRON_CHILD", "forged"}};
  EXPECT_THAT(ChildEnvironment(pool, worker), UnorderedElementsAre("PATH=/bin", "ODD", "HOME=/srv", "MODE=fast"));
  pool.env_inherit.kind = EnvInherit::Kind::kNone;
  EXPECT_THAT(ChildEnvironment(pool, worker), UnorderedElementsAre("HOME=/srv", "MODE=fast"));
  pool.env_inherit.kind = EnvInherit::Kind::kNames;
  pool.env_inherit.names = {"PATH", "LIVEKIT_API_KEY"};
  EXPECT_THAT(ChildEnvironment(pool, worker), UnorderedElementsAre("PATH=/bin", "HOME=/srv", "MODE=fast"));
}

TEST(StartTest, WorkingDirectoryIsThePools) {
  const Directory directory;
  PoolSettings pool = FaultPool({"describe"});
  pool.cwd = directory.path();
  Crew crew(pool);
  crew.StartReady();
  EXPECT_THAT(Described(crew, "cwd"), ElementsAre(directory.path()));
}

TEST(StartTest, CommandWithoutASlashIsLookedUpInThePath) {
  const Directory directory;
  std::filesystem::create_symlink(ProgramPath("fault-child"), directory.path() + "/my-child");
  PoolSettings pool = CommandPool({"my-child"});
  pool.env = {{"PATH", "/nowhere:" + directory.path()}};
  Crew crew(pool);
  crew.StartReady();
}

TEST(StartTest, MissingProgramIsNamed) {
  Shows("A1");
  EXPECT_EQ(FailureOf(CommandPool({"/no/such/program"})), "exec /no/such/program: No such file or directory");
  EXPECT_THAT(FailureOf(CommandPool({"no-such-program"})), StartsWith("exec no-such-program (looked up in "));
}

TEST(StartTest, FileThatIsNoProgramIsNamed) {
  Shows("A1");
  const Directory directory;
  const std::string plain = directory.File("plain", "text", 0644);
  EXPECT_EQ(FailureOf(CommandPool({plain})), "exec " + plain + ": Permission denied");
  const std::string odd = directory.File("odd", "text", 0755);
  EXPECT_EQ(FailureOf(CommandPool({odd})), "exec " + odd + ": Exec format error");
  const std::string loop = directory.path() + "/loop";
  std::filesystem::create_symlink(loop, loop);
  EXPECT_EQ(FailureOf(CommandPool({loop})), "exec " + loop + ": Too many levels of symbolic links");
  const std::string orphan = directory.File("script", "#!/no/such/shell\n", 0755);
  EXPECT_THAT(FailureOf(CommandPool({orphan})), HasSubstr("its interpreter"));
}

TEST(StartTest, MissingDirectoryAndUserAreNamed) {
  PoolSettings pool = FaultPool({"good"});
  pool.cwd = "/no/such/directory";
  EXPECT_EQ(FailureOf(pool), "chdir /no/such/directory: No such file or directory");
  pool.cwd = "";
  pool.user = "no-such-user";
  EXPECT_THAT(FailureOf(pool), StartsWith("user no-such-user"));
}

TEST(StartTest, FailedStartLeavesNoDescriptor) {
  Shows("R08");
  Crew crew(CommandPool({"/no/such/program"}));
  ASSERT_TRUE(crew.AwaitEnd(crew.Start()));
  const int before = OpenDescriptors();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(crew.AwaitEnd(crew.Start()));
  EXPECT_EQ(OpenDescriptors(), before);
}

// The kernel gives the next `count` descriptors and no more, as long as one of these lives.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(int count) {
    getrlimit(RLIMIT_NOFILE, &before_);
    // All numbers below a bound are taken, so that the limit, which is one of numbers, counts.
    constexpr int kBound = 100;
    for (int number = 0; number < kBound; number = taken_.back().get()) taken_.emplace_back(dup(2));
    const rlimit tight{static_cast<rlim_t>(taken_.back().get() + 1 + count), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight);
  }
  ~DescriptorsLeft() { setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorsLeft(const DescriptorsLeft&) = delete;
  DescriptorsLeft& operator=(const DescriptorsLeft&) = delete;

 private:
  rlimit before_{};
  std::vector<UniqueFd> taken_;
};

// A start fails at each step that needs a descriptor, says which, leaves none behind, and the next one succeeds.
TEST(StartTest, NoDescriptorLeftIsAFailedStartAndPasses) {
  Shows("A2");
  Crew crew(FaultPool({"good"}));
  crew.StartReady(0);  // what is made once, a helper thread, is there
  const int before = OpenDescriptors();
  std::set<std::string> steps;
  std::uint32_t slot = 1;
  for (int left = 0;; ++left) {
    ChildId child;
    bool settled = false;
    {
      const DescriptorsLeft few(left);
      child = crew.Start(slot++);
      settled = crew.Await([&] { return crew.Count<SpawnFailed>(child) > 0 || crew.Count<ChildReady>(child) > 0; });
    }
    ASSERT_TRUE(settled);
    if (crew.Count<ChildReady>(child) > 0) break;
    const std::string what = crew.Last<SpawnFailed>(child)->what;
    EXPECT_THAT(what, HasSubstr("Too many open files"));
    steps.insert(what.substr(0, what.find(':')));
    EXPECT_EQ(OpenDescriptors(), before) << what;
    ASSERT_LT(left, 100);
  }
  EXPECT_THAT(steps, testing::ElementsAre("clone", "open /dev/null", "pipe", "socketpair"));
  crew.StartReady(slot);
}

TEST(StartTest, ChildThatIsCancelledBeforeItBeginsNeverRuns) {
  Shows("A15");
  Crew crew(FaultPool({"good"}));
  const ChildId child = crew.Start();
  crew.Kill(child);
  ASSERT_TRUE(crew.AwaitEnd(child));
  EXPECT_EQ(crew.Count<ChildReady>(child), 0);
}

TEST(StartTest, ProcessThatNobodyComesForGoesWithItsLaunch) {
  std::vector<std::byte> stack(std::size_t{64} << 10);
  const LaunchSpec spec = SpecOf(FaultPool({"never-ready"}), environ);
  pid_t pid = 0;
  {
    Launch launch(Launch::Kind::kChild, ChildId{}, spec, "", 0);
    launch.AddVariable("ANDIRON_CHANNEL_FD=" + std::to_string(kChildChannelFd));
    launch.Run(stack);
    ASSERT_EQ(launch.failure(), "");
    pid = launch.pid();
    EXPECT_TRUE(ProcessExists(pid));
  }
  EXPECT_FALSE(ProcessExists(pid));
}

// How a process ends that takes `parent` for the worker that started it.
int ExitCodeUnder(pid_t parent) {
  const UniqueFd null(fcntl(UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)).get(), F_DUPFD_CLOEXEC, kStubFdMin));
  const std::atomic<bool> cancelled{false};
  char program[] = "/bin/true";
  char* const words[] = {program, nullptr};
  ChildStub stub;
  stub.program = program;
  stub.argv = words;
  stub.envp = words + 1;
  stub.stdin_fd = stub.stdout_fd = stub.stderr_fd = null.get();
  stub.parent = parent;
  stub.cancelled = &cancelled;
  const pid_t child = fork();
  if (child == 0) _exit(RunChildStub(&stub));
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StartTest, OrphanOfAWorkerThatDiedMeanwhileNeverRuns) {
  EXPECT_EQ(ExitCodeUnder(getpid()), 0);
  // Its worker has gone, and it is somebody else's child, before it could ask to die with its worker.
  EXPECT_EQ(ExitCodeUnder(getppid()), 127);
}

// Supplementary groups of a process, as the kernel writes them: "4 20 ".
std::string GroupsOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Groups:\t")) return line.substr(8);
  }
  return "?";
}

TEST(StartTest, ChildRunsAsThePoolsUser) {
  if (getuid() != 0) GTEST_SKIP() << "only root may become somebody else";  // the failure is tested below
  PoolSettings pool = FaultPool({"describe"});
  pool.user = "nobody";
  const Directory directory;
  chmod(directory.path().c_str(), 0755);
  std::filesystem::copy_file(ProgramPath("fault-child"), directory.path() + "/child");
  pool.command[0] = directory.path() + "/child";
  std::vector<gid_t> groups(256);
  groups.resize(static_cast<std::size_t>(std::max(getgroups(256, groups.data()), 0)));
  const gid_t of_root[] = {0, 4711};
  ASSERT_EQ(setgroups(2, of_root), 0);
  Crew crew(pool);
  const ChildId child = crew.StartReady();
  EXPECT_EQ(setgroups(groups.size(), groups.data()), 0);
  EXPECT_THAT(Described(crew, "uid"), Not(Contains("0")));
  EXPECT_THAT(GroupsOf(crew.PidOf(child)), Not(AnyOf(StartsWith("0 "), HasSubstr(" 0 "), HasSubstr("4711"))));
}

// Until its exec such a child has the other user's rights and our memory: whoever is that user could trace it. The
// kernel closes that memory, ours, with the change of user.
TEST(StartTest, ChildThatBecomesAnotherUserCannotBeTracedIntoOurMemory) {
  if (getuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  constexpr int kDumpable = 1;
  ASSERT_EQ(prctl(PR_SET_DUMPABLE, kDumpable, 0, 0, 0), 0);
  PoolSettings pool = CommandPool({"/bin/cat"});
  {
    Crew crew(pool);
    ASSERT_TRUE(crew.Await<Spawned>(crew.Start()));
    EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), kDumpable) << "no user, no change";
  }
  pool.user = "nobody";
  {
    Crew crew(pool);
    ASSERT_TRUE(crew.Await<Spawned>(crew.Start()));
    EXPECT_NE(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), kDumpable);
  }
  prctl(PR_SET_DUMPABLE, kDumpable, 0, 0, 0);
}

}  // namespace
}  // namespace andiron
