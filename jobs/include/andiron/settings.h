// What a pool and a worker are told: every limit with its name, unit and default.
//
// The names are those of the configuration file (pools.NAME.KEY), of the flags (--KEY) and of
// `andiron config show`. A duration of zero means "off" where the comment says so. Plain values:
// copy them, change them, hand them over; nothing here refers to anything else.
#ifndef ANDIRON_SETTINGS_H_
#define ANDIRON_SETTINGS_H_

#include <andiron/time.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace andiron {

using namespace std::chrono_literals;

// Which variables of the worker's environment a child gets. Never ANDIRON_*, NOTIFY_SOCKET or the
// credentials of job sources, whatever this says.
struct EnvInherit {
  enum class Kind { kAll, kNone, kNames };
  Kind kind = Kind::kAll;
  std::vector<std::string> names;  // for kNames
};

struct PoolSettings {
  std::string name = "default";

  // What a child is.
  std::vector<std::string> command;  // program and arguments; no shell
  std::string cwd;                   // "" = the worker's
  std::string user;                  // "" = the worker's; needs root
  std::vector<std::pair<std::string, std::string>> env;
  EnvInherit env_inherit;

  // How many. The configuration layer turns "unset" (0 in max_children and max_starting, -1 in warm)
  // into the defaults, which depend on the CPUs; the core wants them resolved.
  int warm = -1;         // idle children to keep ready; default: CPUs of the container
  int max_children = 0;  // slots; default: max(warm, 2 x CPUs)
  int max_starting = 0;  // children initializing at once; default: CPUs

  // Starting.
  Duration init_timeout = 10s;
  Duration init_stall_timeout = 0s;  // longest silence while a child reports progress; 0 = off

  // How a child is used.
  int max_jobs_per_child = 1;             // 0 = unlimited
  int max_concurrent_jobs_per_child = 1;  // 0 = unlimited (up to kConcurrencyMax)
  Duration max_child_age = 0s;            // 0 = off
  std::int64_t memory_limit = 0;          // bytes of one child with its descendants; 0 = off
  Duration idle_timeout = 60s;            // a child beyond `warm` that stays idle so long is stopped; 0 = never

  // Jobs.
  int queue_limit = 10000;
  Duration start_by = 30s;
  Duration run_for = 1h;  // 0 = unlimited
  Duration ack_timeout = 2s;
  std::int64_t max_payload = 4 << 20;  // bytes
  std::int64_t max_result = 4 << 20;   // bytes

  // Channels and liveness.
  Duration frame_timeout = 10s;  // a frame that has begun to arrive
  Duration write_timeout = 10s;  // bytes that the child doesn't read
  Duration ping_interval = 5s;   // 0 = no pings
  Duration ping_timeout = 10s;

  // Stopping.
  Duration cancel_grace = 1s;
  std::string stop_signal = "TERM";
  std::vector<std::string> stop_command;  // run instead of the signal
  Duration stop_grace = 5s;
  Duration kill_grace = 5s;
  Duration exit_drain = 500ms;

  // Failing.
  int quarantine_max = 0;  // default: max(1, slots / 8)
  Duration reservation_timeout = 5s;
  Duration stable_time = 10s;
  Duration backoff_min = 100ms;
  Duration backoff_max = 30s;
  int breaker_failures = 5;  // 0 = no breaker
  Duration breaker_probe = 5s;

  // Logs of the child.
  std::int64_t log_line_limit = 16 << 10;  // bytes
  std::int64_t log_rate_limit = 1 << 20;   // bytes per second
};

inline constexpr int kConcurrencyMax = 1000;
inline constexpr int kChildrenMax = 10000;

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

struct WorkerSettings {
  std::string name = "andiron";
  std::string socket;  // "" = the default place for `name`
  Duration drain_timeout = 30s;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::vector<PoolSettings> pools;
};

}  // namespace andiron

#endif  // ANDIRON_SETTINGS_H_
