// The sentences that a job's submitter reads when the job did not succeed: what happened, and what to do about it.
#ifndef ANDIRON_WORKER_DRIVER_END_TEXT_H_
#define ANDIRON_WORKER_DRIVER_END_TEXT_H_

#include <andiron/outcome.h>
#include <andiron/settings.h>
#include <andiron/time.h>

#include <string>
#include <string_view>
#include <vector>

#include "jobs/action.h"

namespace andiron {

// What the driver knows besides the outcome itself.
struct EndFacts {
  const PoolSettings* pool = nullptr;  // null = none of that name
  Duration start_by{};                 // of this job
  Duration run_for{};
  Duration drain_timeout{};
  std::string_view death;         // the summary of its child's autopsy; "" = its child didn't die
  std::string_view advice;        // and its advice
  std::string_view pool_trouble;  // why the pool's children don't start, if they don't
};

// How the text of a job ends whose child is still there.
inline constexpr std::string_view kMayStillRun = "its child could not be killed and may still run";

// "" after kSucceeded.
std::string ExplainEnd(const ReportOutcome& report, const EndFacts& facts);

// Why a job was refused, and what to do: "the pool's queue is full: ...". `pools` are those that there are.
std::string ExplainRefusal(Refusal refusal, const std::vector<PoolSettings>& pools);

// "1h", "30s", "1m30s", "1.5s", "250ms", "1.5ms", "0s": as people write it in the settings, to the millisecond, and to
// three digits below a second.
std::string TimeText(Duration duration);

// "spell/3.7"
std::string ChildName(const std::string& pool, ChildId child);

}  // namespace andiron

#endif  // ANDIRON_WORKER_DRIVER_END_TEXT_H_
