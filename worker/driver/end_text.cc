#include "worker/driver/end_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>

namespace andiron {
namespace {

std::string Death(const ReportOutcome& report, const EndFacts& facts, std::string_view otherwise) {
  std::string text(facts.death);
  if (text.empty()) {
    text = otherwise;
    if (report.intent != Intent::kNone) text += " (" + std::string(Name(report.intent)) + ")";
  }
  if (!facts.advice.empty()) text += ". " + std::string(facts.advice);
  return text;
}

std::string Cancelled(const ReportOutcome& report, const EndFacts& facts) {
  if (report.child.generation == 0) return "cancelled while it was queued";
  std::string text = report.begun ? "cancelled after it had run for " + TimeText(report.ran)
                                  : std::string("cancelled before its child had begun it");
  if (!facts.death.empty()) text += "; it did not end when told: " + std::string(facts.death);
  return text;
}

std::string TimedOut(const ReportOutcome& report, const EndFacts& facts) {
  std::string text = "ran longer than run_for (" + TimeText(facts.run_for) + ") and was told to end";
  if (!facts.death.empty()) text += ", which it did not: " + std::string(facts.death);
  if (report.intent == Intent::kRunTimeout && !facts.advice.empty()) return text + ". " + std::string(facts.advice);
  return text + ". Raise run_for if the job needs more";
}

std::string QueueTimeout(const ReportOutcome& report, const EndFacts& facts) {
  std::string text = "no child could take it within start_by (" + TimeText(facts.start_by) + ")";
  if (report.child.generation != 0 && facts.pool != nullptr) {
    text = ChildName(facts.pool->name, report.child) + " took it and ended before it had begun, and " + text;
  }
  if (!facts.pool_trouble.empty())
    return text + ": the pool's children fail to start: " + std::string(facts.pool_trouble);
  if (report.child.generation != 0) return text + ". The worker's log says what became of that child";
  return text + ": all were busy or starting. Raise max_children or start_by, or submit more slowly";
}

std::string LostBeforeStart(const ReportOutcome& report, const EndFacts& facts) {
  std::string text = "handed to two children in turn, and neither acknowledged it";
  if (facts.pool != nullptr && report.intent == Intent::kAckTimeout)
    text += " within ack_timeout (" + TimeText(facts.pool->ack_timeout) + ")";
  text += ": its code never ran, so it is safe to submit it again";
  if (!facts.death.empty()) text += ". The last of them: " + std::string(facts.death);
  return text;
}

std::string KilledShutdown(const ReportOutcome& report, const EndFacts& facts) {
  if (report.intent == Intent::kDrainTimeout)
    return "drain_timeout (" + TimeText(facts.drain_timeout) + ") was over before the job had ended";
  if (report.intent == Intent::kWorkerStopping) return "the worker stopped at once, before the job had ended";
  return "the worker stopped before the job had ended";
}

std::string Explain(const ReportOutcome& report, const EndFacts& facts) {
  switch (report.outcome) {
    case Outcome::kSucceeded:
      return "";
    case Outcome::kFailed:
      return report.result.empty() ? "the child returned an error without a text" : report.result;
    case Outcome::kCancelled:
      return Cancelled(report, facts);
    case Outcome::kTimedOut:
      return TimedOut(report, facts);
    case Outcome::kQueueTimeout:
      return QueueTimeout(report, facts);
    case Outcome::kChildCrashed:
      return Death(report, facts, "its child ended while it ran the job");
    case Outcome::kOomKilled:
      return Death(report, facts, "its child was killed because memory ran out");
    case Outcome::kKilledShutdown:
      return KilledShutdown(report, facts);
    case Outcome::kLostBeforeStart:
      return LostBeforeStart(report, facts);
  }
  return "";
}

std::string_view Explain(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return "the pool's queue is full: try again later, or raise queue_limit or max_children";
    case Refusal::kDraining:
      return "the worker is draining: it accepts no jobs until it is resumed or replaced";
    case Refusal::kBreakerOpen:
      return "the pool's children fail to start and none is ready: see the worker's log for the reason";
    case Refusal::kUnknownPool:
      return "the worker has no pool of that name";
    case Refusal::kDuplicateId:
      return "a job of this id is queued or running";
    case Refusal::kTooLarge:
      return "the payload is larger than the pool's max_payload";
    case Refusal::kInvalidId:
      return "a job's id is UTF-8 text of 1 to 256 bytes";
  }
  return "refused";
}

// ": it has 'spell', 'search'"; of many, the first.
std::string PoolNames(const std::vector<PoolSettings>& pools) {
  constexpr std::size_t kNamed = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(pools.size(), kNamed); ++i) {
    text += (i == 0 ? ": it has '" : ", '") + pools[i].name + "'";
  }
  if (pools.size() > kNamed) text += " and " + std::to_string(pools.size() - kNamed) + " more";
  return text;
}

}  // namespace

std::string ExplainRefusal(Refusal refusal, const std::vector<PoolSettings>& pools) {
  std::string text(Explain(refusal));
  if (refusal == Refusal::kUnknownPool) text += PoolNames(pools);
  return text;
}

std::string ExplainEnd(const ReportOutcome& report, const EndFacts& facts) {
  std::string text = Explain(report, facts);
  if (report.still_running) text += "; " + std::string(kMayStillRun);
  return text;
}

std::string TimeText(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  char digits[32];
  // What would be rounded to a whole second is one.
  if (duration < std::chrono::microseconds(999'500)) {
    std::snprintf(digits, sizeof digits, "%.3g", Milliseconds(duration));
    return std::string(digits) + "ms";
  }
  const auto milliseconds = std::chrono::round<std::chrono::milliseconds>(duration).count();
  const auto minutes = milliseconds / 60'000;
  std::string text;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes % 60 > 0) text += std::to_string(minutes % 60) + "m";
  if (milliseconds % 60'000 > 0 || text.empty()) {
    std::snprintf(digits, sizeof digits, "%.5g", static_cast<double>(milliseconds % 60'000) / 1000);
    text += std::string(digits) + "s";
  }
  return text;
}

std::string ChildName(const std::string& pool, ChildId child) {
  return pool + "/" + std::to_string(child.slot) + "." + std::to_string(child.generation);
}

}  // namespace andiron
