// The JSON of `andiron status`, read back for the table that people see.
#ifndef ANDIRON_TOOLS_ANDIRON_STATUS_VIEW_H_
#define ANDIRON_TOOLS_ANDIRON_STATUS_VIEW_H_

#include <absl/status/statusor.h>
#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace andiron {

// Names with their numbers, in the order in which the table shows them. A name that the worker didn't send counts 0.
using NamedCounts = std::vector<std::pair<std::string, std::int64_t>>;

struct ChildView {
  std::string name;  // "spell/3.7"
  std::int64_t pid = 0;
  std::string state;
  Duration since{};
  std::string job;
};

struct PoolView {
  std::string name;
  NamedCounts numbers;     // warm, max_children, queued ...
  NamedCounts slots;       // vacant, starting ...
  NamedCounts jobs;        // accepted, succeeded ...
  NamedCounts initialize;  // ready, timed_out ...
  std::string breaker;
  std::vector<ChildView> children;
};

// Where jobs come from, beside the control socket.
struct SourceView {
  std::string kind;   // "livekit"
  std::string agent;  // "" = the unnamed one
  std::string pool;
  std::string url;
  std::string state;
  std::string last_error;
  NamedCounts numbers;  // jobs, outbox, offered ...
};

struct DeathView {
  std::string time;
  std::string summary;
  std::string advice;
};

struct StatusView {
  std::string name;
  std::string version;
  std::string state;
  std::int64_t pid = 0;
  Duration uptime{};
  double loop_lag_ms = 0;
  std::string containment;
  std::vector<PoolView> pools;
  std::vector<SourceView> sources;
  std::vector<DeathView> deaths;  // that nobody had planned; the oldest first
};

// InvalidArgument: not JSON.
absl::StatusOr<StatusView> ReadStatus(const std::string& json);

// The table, ends in a newline.
std::string StatusText(const StatusView& status);

// By name; 0 if it isn't there.
std::int64_t At(const NamedCounts& counts, std::string_view name);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_STATUS_VIEW_H_
