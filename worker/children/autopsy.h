// The words about a death: what happened, what was seen, and what to do about it.
#ifndef ANDIRON_WORKER_CHILDREN_AUTOPSY_H_
#define ANDIRON_WORKER_CHILDREN_AUTOPSY_H_

#include <andiron/settings.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/action.h"
#include "worker/children/children.h"
#include "worker/children/proc_files.h"

namespace andiron {

// What was seen of one child's life and end. Times are counted from its start.
struct Evidence {
  std::string name;  // "pool/slot.generation"
  pid_t pid = 0;
  std::string program;
  std::string sdk;
  std::string last_job;                // the id of the job that it got last
  std::vector<std::string> open_jobs;  // the ids of those that it had and hadn't answered
  bool asked_to_stop = false;
  bool killed = false;           // by us
  std::string stop_signal;       // the polite one, if it was sent
  ProcessLook look;              // just before we killed it
  std::int64_t memory_peak = 0;  // bytes; 0 = unknown
  // In its cgroup; none = nothing counts them there.
  std::optional<std::int64_t> oom_kills;
  bool over_memory_limit = false;
  std::vector<std::string> stderr_lines;
  std::vector<std::string> stdout_lines;
};

Autopsy WriteAutopsy(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool);

// One line that says what to do about it.
std::string Advice(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool);

// Words that both use.
std::string DurationText(Duration duration);    // "10s", "1.5s", "250ms"
std::string BytesText(std::int64_t bytes);      // "512.0 MiB"
std::string WaitText(const ProcessLook& look);  // "was waiting in futex_wait_queue"; "" = unknown

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_AUTOPSY_H_
