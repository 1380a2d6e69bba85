// That the list of settings, the structs, the rules and the document say the same.
#include "worker/config/settings_table.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "jobs/settings_rules.h"
#include "worker/config/config.h"

namespace andiron {
namespace {

TEST(SettingsTable, HasAFieldForEverySetting) {
  const SettingsTable table = MakeSettingsTable();
  WorkerSettings worker;
  PoolSettings pool;
  for (const Setting& setting : table.worker) {
    EXPECT_FALSE(std::holds_alternative<std::monostate>(FieldOf(worker, setting.key))) << setting.key;
    EXPECT_NE(setting.help, "") << setting.key;
  }
  for (const Setting& setting : table.pool) {
    EXPECT_FALSE(std::holds_alternative<std::monostate>(FieldOf(pool, setting.key))) << setting.key;
    EXPECT_NE(setting.help, "") << setting.key;
  }
  EXPECT_EQ(FieldOf(pool, "nothing").index(), 0u);
  EXPECT_EQ(FieldOf(worker, "warm").index(), 0u);
}

TEST(SettingsTable, HasARangeForEveryNumber) {
  const SettingsTable table = MakeSettingsTable();
  std::size_t numbers = 0;
  for (const Setting& setting : table.pool) {
    const bool number = setting.kind == Kind::kInteger || setting.kind == Kind::kDuration ||
                        setting.kind == Kind::kSize || setting.kind == Kind::kRate;
    EXPECT_EQ(number, setting.max > 0) << setting.key;
    EXPECT_TRUE(setting.zero.empty() || setting.min == 0) << setting.key;
    numbers += number ? 1 : 0;
  }
  EXPECT_EQ(numbers, NumberRules().size());
}

// The keys of design and documents; one that is lost here would be lost to users.
TEST(SettingsTable, HasTheKeysThatUsersKnow) {
  const std::set<std::string> keys = [] {
    const std::vector<std::string> list = Keys(MakeSettingsTable().pool);
    return std::set<std::string>(list.begin(), list.end());
  }();
  const std::set<std::string> known = {"command",
                                       "cwd",
                                       "user",
                                       "env",
                                       "env_inherit",
                                       "warm",
                                       "max_children",
                                       "max_starting",
                                       "init_timeout",
                                       "init_stall_timeout",
                                       "idle_timeout",
                                       "max_child_age",
                                       "memory_limit",
                                       "queue_limit",
                                       "max_jobs_per_child",
                                       "start_by",
                                       "run_for",
                                       "ack_timeout",
                                       "frame_timeout",
                                       "max_concurrent_jobs_per_child",
                                       "write_timeout",
                                       "ping_interval",
                                       "ping_timeout",
                                       "cancel_grace",
                                       "stop_signal",
                                       "stop_command",
                                       "stop_grace",
                                       "kill_grace",
                                       "exit_drain",
                                       "quarantine_max",
                                       "stable_time",
                                       "backoff_min",
                                       "backoff_max",
                                       "breaker_probe",
                                       "breaker_failures",
                                       "max_payload",
                                       "max_result",
                                       "log_line_limit",
                                       "log_rate_limit",
                                       "reservation_timeout"};
  EXPECT_EQ(keys, known);
}

std::string Document(const std::string& path) {
  const char* root = std::getenv("ANDIRON_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A bar would end the cell of a table.
std::string Cell(const std::string& text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? "\\|" : std::string(1, c);
  return " " + cell + " |";
}

// A row for each, in the order of the list.
std::string Rows(const std::vector<SettingDescription>& settings) {
  std::string rows;
  for (const SettingDescription& setting : settings) {
    rows += "|" + Cell("`" + setting.key + "`") + Cell(setting.form) + Cell(setting.help) +
            Cell(setting.default_value) + Cell(setting.limits) + "\n";
  }
  return rows;
}

TEST(OperatingDocument, HasTheListOfSettingsAsItIs) {
  const std::string document = Document("docs/operating.md");
  EXPECT_NE(document.find(Rows(DescribeWorkerSettings())), std::string::npos) << "docs/operating.md should hold:\n"
                                                                              << Rows(DescribeWorkerSettings());
  EXPECT_NE(document.find(Rows(DescribePoolSettings())), std::string::npos) << "docs/operating.md should hold:\n"
                                                                            << Rows(DescribePoolSettings());
}

TEST(LiveKitDocument, HasTheListOfSettingsAsItIs) {
  const std::string document = Document("docs/livekit.md");
  EXPECT_NE(document.find(Rows(DescribeLiveKitSettings())), std::string::npos) << "docs/livekit.md should hold:\n"
                                                                               << Rows(DescribeLiveKitSettings());
  EXPECT_NE(document.find(Rows(DescribeAgentSettings())), std::string::npos) << "docs/livekit.md should hold:\n"
                                                                             << Rows(DescribeAgentSettings());
}

}  // namespace
}  // namespace andiron
