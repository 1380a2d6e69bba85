// The table of `andiron status`.
#include <array>
#include <cstdio>
#include <string_view>

#include "tools/andiron/status_view.h"
#include "tools/andiron/text.h"
#include "worker/base/escape.h"

namespace andiron {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string Plain(std::string_view text) {
  std::string plain;
  AppendPlain(plain, text);
  return plain;
}

std::string WorkerLine(const StatusView& status) {
  std::array<char, 64> lag{};
  std::snprintf(lag.data(), lag.size(), "%.1fms", status.loop_lag_ms);
  return Plain(status.name) + " " + Plain(status.version) + ", pid " + std::to_string(status.pid) + ": " +
         Plain(status.state) + ", up " + ShortDuration(status.uptime) + ", loop lag " + lag.data() + ", containment " +
         Plain(status.containment) + "\n";
}

std::string PoolTable(const StatusView& status) {
  Rows rows{{"POOL", "WARM", "MAX", "VACANT", "STARTING", "IDLE", "BUSY", "STOPPING", "DYING", "QUEUED", "RESERVED",
             "CAPACITY", "BREAKER"}};
  for (const PoolView& pool : status.pools) {
    std::vector<std::string> row{Plain(pool.name), std::to_string(At(pool.numbers, "warm")),
                                 std::to_string(At(pool.numbers, "max_children"))};
    for (const auto& [state, count] : pool.slots) row.push_back(std::to_string(count));
    for (const char* number : {"queued", "reserved", "capacity"}) {
      row.push_back(std::to_string(At(pool.numbers, number)));
    }
    row.push_back(Plain(pool.breaker));
    rows.push_back(std::move(row));
  }
  std::vector<bool> right(rows[0].size(), true);
  right.front() = false;
  right.back() = false;
  return Table(rows, right);
}

// "  120 accepted, 118 succeeded, 2 failed": what isn't zero, or the first.
std::string CountsLine(const char* title, const NamedCounts& counts) {
  std::string line;
  for (const auto& [name, count] : counts) {
    if (count == 0 && name != counts.front().first) continue;
    if (!line.empty()) line += ", ";
    line += std::to_string(count) + " " + name;
  }
  return std::string(title) + line + "\n";
}

std::string PoolHistory(const PoolView& pool) {
  std::string text = "\n" + Plain(pool.name) + "\n";
  text += CountsLine("  jobs        ", pool.jobs);
  text += CountsLine("  initialize  ", pool.initialize);
  text += "  children    " + std::to_string(At(pool.numbers, "spawned")) + " spawned, " +
          std::to_string(At(pool.numbers, "exited")) + " exited";
  const std::int64_t quarantined = At(pool.numbers, "quarantined");
  if (quarantined > 0) text += ", " + std::to_string(quarantined) + " could not be killed (quarantined)";
  return text + "\n";
}

std::string ChildTable(const PoolView& pool) {
  if (pool.children.empty()) return "";
  Rows rows{{"  CHILD", "PID", "STATE", "SINCE", "JOB"}};
  for (const ChildView& child : pool.children) {
    rows.push_back({"  " + Plain(child.name), std::to_string(child.pid), Plain(child.state), ShortDuration(child.since),
                    Plain(child.job)});
  }
  return Table(rows, {false, true, false, true, false});
}

std::string SourceTable(const StatusView& status) {
  if (status.sources.empty()) return "";
  Rows rows{{"SOURCE", "AGENT", "POOL", "STATE", "JOBS", "OFFERED", "REFUSED", "ASSIGNED", "SUCCEEDED", "FAILED",
             "OUTBOX", "RECONNECTS"}};
  std::string troubles;
  for (const SourceView& source : status.sources) {
    std::vector<std::string> row{Plain(source.kind), source.agent.empty() ? "(unnamed)" : Plain(source.agent),
                                 Plain(source.pool), Plain(source.state)};
    for (const char* number :
         {"jobs", "offered", "refused", "assigned", "succeeded", "failed", "outbox", "reconnects"}) {
      row.push_back(std::to_string(At(source.numbers, number)));
    }
    rows.push_back(std::move(row));
    if (source.state != "registered" && !source.last_error.empty())
      troubles += "  " + Plain(source.url) + ": " + Plain(source.last_error) + "\n";
  }
  std::vector<bool> right(rows[0].size(), true);
  for (std::size_t i = 0; i < 4; ++i) right[i] = false;
  return "\n" + Table(rows, right) + troubles;
}

// The newest ones: why, and what to do about it.
std::string Deaths(const StatusView& status) {
  constexpr std::size_t kShown = 5;
  if (status.deaths.empty()) return "";
  std::string text = "\nunplanned deaths, the newest last\n";
  for (std::size_t i = status.deaths.size() > kShown ? status.deaths.size() - kShown : 0; i < status.deaths.size();
       ++i) {
    const DeathView& death = status.deaths[i];
    text += "  " + Plain(death.time) + "  " + Plain(death.summary) + "\n";
    if (!death.advice.empty()) text += "      " + Plain(death.advice) + "\n";
  }
  return text;
}

}  // namespace

std::string StatusText(const StatusView& status) {
  std::string text = WorkerLine(status) + "\n" + PoolTable(status);
  for (const PoolView& pool : status.pools) text += PoolHistory(pool) + ChildTable(pool);
  return text + SourceTable(status) + Deaths(status);
}

}  // namespace andiron
