// The JSON of `andiron status -o json`: names that scripts rely on. Fields may be added, never renamed.
#ifndef ANDIRON_WORKER_DRIVER_STATUS_JSON_H_
#define ANDIRON_WORKER_DRIVER_STATUS_JSON_H_

#include <andiron/time.h>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "jobs/status.h"

namespace andiron {

class JobDesk;

// A death that nobody had planned, as it is remembered.
struct RememberedDeath {
  std::string time;   // wall clock
  std::string child;  // "pool/slot.generation"
  std::string summary;
  std::string advice;
  std::string text;
};

// What the core doesn't know.
struct WorkerFigures {
  std::string_view name;
  std::string_view version;
  std::int64_t pid = 0;
  TimePoint now{};
  Duration uptime{};
  Duration loop_lag{};
  std::string_view containment;
  std::int64_t log_lines_dropped = 0;        // of the worker's own log
  std::int64_t child_log_lines_dropped = 0;  // of children over their log_rate_limit
  const std::deque<RememberedDeath>* deaths = nullptr;
  const JobDesk* desk = nullptr;
};

std::string StatusJson(const CoreStatus& status, const WorkerFigures& figures);

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_STATUS_JSON_H_
