// What the log tells of children that die and of the breaker: each event once, in order, with its reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/driver/rig.h"
#include "tests/support/shows.h"
#include "tests/support/stuck_program.h"
#include "worker/base/unique_fd.h"

namespace andiron {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A text in a line that is a JSON object, as it is written there; "" if there is none of that name.
std::string Member(const std::string& line, const std::string& name) {
  const std::string begin = "\"" + name + "\":\"";
  const std::size_t found = line.find(begin);
  if (found == line.npos) return "";
  const std::size_t first = found + begin.size();
  std::size_t end = first;
  while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
  return line.substr(first, end - first);
}

// The lines of the log that tell of a death that nobody planned, or of a breaker.
std::vector<std::string> Told(int log) {
  std::string text(100'000, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(pread(log, text.data(), text.size(), 0), 0)));
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    const std::string event = Member(line, "event");
    if (event == "child_died" || event.starts_with("breaker_")) lines.push_back(line);
  }
  return lines;
}

TEST(LifeLog, HasEachUnplannedDeathAndEachTurnOfTheBreakerInOrder) {
  Shows("R118");
  const UniqueFd log(memfd_create("log", MFD_CLOEXEC));
  ProgramLink program("/no/such/program");
  WorkerSettings settings = SettingsOf(EchoPool());
  settings.log_level = LogLevel::kInfo;
  settings.log_format = LogFormat::kJson;
  settings.pools[0].command = {program.path()};
  settings.pools[0].backoff_min = settings.pools[0].backoff_max = 1ms;
  settings.pools[0].breaker_failures = 2;
  settings.pools[0].breaker_probe = 500ms;
  Rig rig;
  rig.StartWorker(settings, log.get());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().breaker == BreakerState::kOpen; }));
  program.PointTo(Program("echo-child"));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Slots(SlotState::kIdle) == 1; }));
  ASSERT_EQ(kill(rig.Pool().children.at(0).pid, SIGKILL), 0);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Pool().exited == 1 && rig.Slots(SlotState::kIdle) == 1; }));
  EXPECT_TRUE(rig.Stop(true));

  const std::vector<std::string> lines = Told(log.get());
  std::vector<std::string> story;
  for (const std::string& line : lines) {
    story.push_back(Member(line, "event") + " " + Member(line, "child") + Member(line, "pool"));
  }
  ASSERT_THAT(story, ElementsAre("child_died echo/0.1", "child_died echo/0.2", "breaker_open echo",
                                 "breaker_probing echo", "breaker_closed echo", "child_died echo/0.3"));
  EXPECT_THAT(Member(lines[0], "message"), HasSubstr("echo/0.1 could not be started: "));
  EXPECT_THAT(Member(lines[1], "message"), HasSubstr("echo/0.2 could not be started: "));
  EXPECT_THAT(Member(lines[2], "message"), HasSubstr("The last: echo/0.2 could not be started: "));
  EXPECT_THAT(Member(lines[5], "message"), HasSubstr("was killed by SIGKILL while it was idle"));
  for (const std::size_t death : {0U, 1U, 5U}) {
    EXPECT_EQ(Member(lines[death], "intent"), Name(Intent::kNone)) << lines[death];
    EXPECT_THAT(Member(lines[death], "autopsy"), HasSubstr("phase: ")) << lines[death];
  }
}

}  // namespace
}  // namespace andiron
