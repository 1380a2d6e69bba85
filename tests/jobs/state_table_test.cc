// Drives Step itself through every cell of the slot table and compares with docs/states.md, so that the document can't
// lie. To write the table anew after a change that you have understood: ANDIRON_REWRITE=1 state_table_test
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/jobs/rig.h"
#include "tests/support/shows.h"

namespace andiron {
namespace {

constexpr char kBegin[] = "<!-- table: begin -->\n";
constexpr char kEnd[] = "<!-- table: end -->\n";

struct Row {
  std::string title;
  std::function<void(Rig&)> reach;
  int warm = 1;
  bool spawned = true;  // else nothing can come from the process yet
};

struct Column {
  std::string title;
  std::function<Fact(ChildId)> fact;  // none = the state's deadline passes
};

void Acked(Rig& rig) {
  rig.MakeReady();
  rig.Submit(1);
  rig.Step(JobAcked{rig.Child(), JobNumber{1}});
}

std::vector<Row> QuietRows() {
  return {
      {"Vacant, not wanted", [](Rig&) {}, 0},
      {"Vacant, back-off", [](Rig& rig) { rig.Step(SpawnFailed{rig.Child(), "exec"}); }},
      {"Starting, not spawned", [](Rig&) {}, 1, false},
      {"Starting", [](Rig& rig) { rig.Step(Spawned{rig.Child(), 100}); }},
      {"Starting, reports progress",
       [](Rig& rig) { rig.Step(Spawned{rig.Child(), 100}, ChildProgressed{rig.Child()}); }},
      {"Starting, channel closed", [](Rig& rig) { rig.Step(Spawned{rig.Child(), 100}, ChannelClosed{rig.Child()}); }},
      {"Idle", [](Rig& rig) { rig.MakeReady(); }},
      {"Busy, not acknowledged",
       [](Rig& rig) {
         rig.MakeReady();
         rig.Submit(1);
       }},
      {"Busy, acknowledged", Acked},
      {"Busy, job told to end",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(JobCancelled{JobNumber{1}});
       }},
      {"Busy, two jobs",
       [](Rig& rig) {
         Acked(rig);
         rig.Submit(2);
         rig.Step(JobAcked{rig.Child(), JobNumber{2}});
       }},
  };
}

std::vector<Row> EndingRows() {
  return {
      {"Busy, retiring",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(ChildStopRequested{WaiterNumber{1}, rig.Child(), false});
       }},
      {"Busy, exited",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(ChildExited{rig.Child(), 0, 9, false});
       }},
      {"Stopping",
       [](Rig& rig) {
         rig.MakeReady();
         rig.Step(ChildStopRequested{WaiterNumber{1}, rig.Child(), false});
       }},
      {"Stopping, channel lost",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(ChannelClosed{rig.Child()});
       }},
      {"Dying, not spawned", [](Rig& rig) { rig.Step(ChildStopRequested{WaiterNumber{1}, rig.Child(), true}); }, 1,
       false},
      {"Dying",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(ChildMisbehaved{rig.Child(), "garbage"});
       }},
      {"Dying, exited",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(ChildMisbehaved{rig.Child(), "x"}, ChildExited{rig.Child(), 0, 9, false});
       }},
      {"Dying, channel closed",
       [](Rig& rig) {
         Acked(rig);
         rig.Step(ChildMisbehaved{rig.Child(), "x"}, ChannelClosed{rig.Child()});
       }},
  };
}

std::vector<Row> Rows() {
  std::vector<Row> rows = QuietRows();
  for (const Row& row : EndingRows()) rows.push_back(row);
  return rows;
}

std::vector<Column> Columns() {
  return {
      {"Spawned", [](ChildId c) { return Spawned{c, 100}; }},
      {"SpawnFailed", [](ChildId c) { return SpawnFailed{c, "exec"}; }},
      {"ChildProgressed", [](ChildId c) { return ChildProgressed{c}; }},
      {"ChildReady", [](ChildId c) { return ChildReady{c}; }},
      {"ChildMisbehaved", [](ChildId c) { return ChildMisbehaved{c, "garbage"}; }},
      {"JobAcked", [](ChildId c) { return JobAcked{c, JobNumber{1}}; }},
      {"JobAcked, not its job", [](ChildId c) { return JobAcked{c, JobNumber{77}}; }},
      {"JobReturned", [](ChildId c) { return JobReturned{c, JobNumber{1}, JobReturned::End::kSucceeded, "r"}; }},
      {"JobReturned, not its job",
       [](ChildId c) { return JobReturned{c, JobNumber{77}, JobReturned::End::kSucceeded, "r"}; }},
      {"ChildPonged", [](ChildId c) { return ChildPonged{c}; }},
      {"ChildHalted", [](ChildId c) { return ChildHalted{c, true}; }},
      {"FrameHalfRead", [](ChildId c) { return FrameHalfRead{c, true}; }},
      {"WriteBlocked", [](ChildId c) { return WriteBlocked{c, true}; }},
      {"ChildExited", [](ChildId c) { return ChildExited{c, 0, 9, false}; }},
      {"ChannelClosed", [](ChildId c) { return ChannelClosed{c}; }},
      {"stop asked", [](ChildId c) { return ChildStopRequested{WaiterNumber{9}, c, false}; }},
      {"force stop asked", [](ChildId c) { return ChildStopRequested{WaiterNumber{9}, c, true}; }},
      {"fact of an old generation",
       [](ChildId c) { return ChildExited{{c.pool, c.slot, c.generation - 1}, 0, 9, false}; }},
      {"deadline", nullptr},
  };
}

PoolSettings TableSettings(int warm) {
  PoolSettings pool = Rig::Settings();
  pool.warm = warm;
  pool.max_concurrent_jobs_per_child = 2;
  pool.backoff_min = pool.backoff_max = 3s;
  return pool;
}

// Every timeout of the rig has a value of its own; 3 s less jitter is the back-off.
std::string NameOf(Duration wait) {
  const PoolSettings pool = TableSettings(1);
  const std::vector<std::pair<Duration, std::string>> names = {
      {pool.init_timeout, "init_timeout"},   {pool.init_stall_timeout, "init_stall_timeout"},
      {pool.ack_timeout, "ack_timeout"},     {pool.run_for, "run_for"},
      {pool.cancel_grace, "cancel_grace"},   {pool.stop_grace, "stop_grace"},
      {pool.kill_grace, "kill_grace"},       {pool.exit_drain, "exit_drain"},
      {pool.ping_interval, "ping_interval"}, {pool.ping_timeout, "ping_timeout"},
      {pool.idle_timeout, "idle_timeout"},   {pool.frame_timeout, "frame_timeout"},
      {pool.write_timeout, "write_timeout"}, {pool.start_by, "start_by"}};
  for (const auto& [value, name] : names)
    if (value == wait) return name;
  if (wait >= 1500ms && wait <= 3s) return "back-off";
  return std::to_string(Milliseconds(wait)) + " ms?";
}

struct Describe {
  std::string operator()(const StartChild&) const { return "StartChild"; }
  std::string operator()(const SendJob&) const { return "SendJob"; }
  std::string operator()(const SendCancel&) const { return "SendCancel"; }
  std::string operator()(const SendPing&) const { return "SendPing"; }
  std::string operator()(const AskToStop& a) const { return "AskToStop(" + std::string(Name(a.intent)) + ")"; }
  std::string operator()(const KillChild& a) const { return "KillChild(" + std::string(Name(a.intent)) + ")"; }
  std::string operator()(const CloseChannel&) const { return "CloseChannel"; }
  std::string operator()(const AbandonChild& action) const {
    return std::string("AbandonChild") + (action.withheld ? "(withheld)" : "");
  }
  std::string operator()(const ReportDeath& a) const { return a.expected ? "ReportDeath(expected)" : "ReportDeath"; }
  std::string operator()(const Accepted&) const { return "Accepted"; }
  std::string operator()(const Refused&) const { return "Refused"; }
  std::string operator()(const ReportStarted&) const { return "ReportStarted"; }
  std::string operator()(const ReportOutcome& a) const { return "ReportOutcome(" + std::string(Name(a.outcome)) + ")"; }
  std::string operator()(const ReservationAnswered&) const { return "ReservationAnswered"; }
  std::string operator()(const WaiterAnswered&) const { return "WaiterAnswered"; }
  std::string operator()(const StopAnswered&) const { return "StopAnswered"; }
  std::string operator()(const CapacityChanged&) const { return ""; }
  std::string operator()(const BreakerChanged&) const { return "BreakerChanged"; }
  std::string operator()(const Drained&) const { return "Drained"; }
  std::string operator()(const WorkerStopped&) const { return "WorkerStopped"; }
};

std::string StateOf(const Rig& rig) {
  const auto children = rig.Pool().children;
  std::string state = children.empty() ? "vacant" : std::string(Name(children[0].state));
  state[0] = static_cast<char>(state[0] - 'a' + 'A');
  return state;
}

std::string DeadlineOf(const Rig& rig) {
  return rig.core.NextDeadline() == kNever ? "-" : NameOf(rig.core.NextDeadline() - rig.now);
}

bool ComesFromTheProcess(const Column& column) {
  static const std::set<std::string> others = {"Spawned",          "SpawnFailed", "stop asked",
                                               "force stop asked", "deadline",    "fact of an old generation"};
  return !others.contains(column.title);
}

std::string Cell(const Row& row, const Column& column) {
  Rig rig(TableSettings(row.warm));
  row.reach(rig);
  // In a vacant slot, the generation that would be its child's.
  const std::uint32_t next = row.title.rfind("Vacant, back", 0) == 0 ? 2 : 1;
  const ChildId child = rig.Pool().children.empty() ? ChildId{0, 0, next} : rig.Child();
  const std::string before = StateOf(rig) + DeadlineOf(rig);
  if (column.fact == nullptr) {
    if (rig.core.NextDeadline() == kNever) return {};
    rig.now = rig.core.NextDeadline();
    rig.Step();
  } else {
    rig.Step(column.fact(child));
  }
  std::string actions;
  for (const Action& action : rig.actions) {
    const std::string text = std::visit(Describe{}, action);
    if (!text.empty()) actions += (actions.empty() ? "" : ", ") + text;
  }
  if (actions.empty() && StateOf(rig) + DeadlineOf(rig) == before) return {};
  return "| " + column.title + " | " + StateOf(rig) + " | " + DeadlineOf(rig) + " | " + actions + " |\n";
}

std::string Table() {
  std::string table;
  for (const Row& row : Rows()) {
    Rig rig(TableSettings(row.warm));
    row.reach(rig);
    table += "\n### " + row.title + "\n\nDeadline: " + DeadlineOf(rig) + "\n\n";
    std::string cells;
    std::string unchanged;
    for (const Column& column : Columns()) {
      if (!row.spawned && ComesFromTheProcess(column)) continue;
      const std::string cell = Cell(row, column);
      cells += cell;
      if (cell.empty()) unchanged += (unchanged.empty() ? "" : ", ") + column.title;
    }
    if (!cells.empty()) table += "| when | then | deadline | actions |\n|---|---|---|---|\n" + cells + "\n";
    table += "Nothing changes on: " + unchanged + ".\n";
  }
  return table + "\n";
}

TEST(StateTable, DocsStatesMdIsWhatStepDoes) {
  Shows("R50");
  const std::string path =
      std::string(std::getenv("ANDIRON_SOURCE_DIR") ? std::getenv("ANDIRON_SOURCE_DIR") : ".") + "/docs/states.md";
  std::stringstream read;
  read << std::ifstream(path).rdbuf();
  std::string text = read.str();
  const std::size_t begin = text.find(kBegin);
  const std::size_t end = text.find(kEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const std::size_t from = begin + sizeof kBegin - 1;
  const std::string table = Table();
  if (std::getenv("ANDIRON_REWRITE") != nullptr) {
    text.replace(from, end - from, table);
    std::ofstream(path) << text;
    return;
  }
  EXPECT_EQ(text.substr(from, end - from), table) << "understand the change, then run with ANDIRON_REWRITE=1";
}

TEST(StateTable, EveryStateIsARow) {
  Shows("R50");
  std::array<bool, kSlotStateCount> seen{};
  for (const Row& row : Rows()) {
    Rig rig(TableSettings(row.warm));
    row.reach(rig);
    const auto children = rig.Pool().children;
    seen[static_cast<std::size_t>(children.empty() ? SlotState::kVacant : children[0].state)] = true;
  }
  for (const bool state : seen) EXPECT_TRUE(state);
}

}  // namespace
}  // namespace andiron
