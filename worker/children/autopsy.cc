#include "worker/children/autopsy.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include "worker/base/escape.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

std::string Format(const char* format, double value) {
  std::array<char, 64> text;
  const int length = std::snprintf(text.data(), text.size(), format, value);
  return {text.data(), static_cast<std::size_t>(length)};
}

// "while it was initializing": the state in which its end began.
std::string PhaseText(const ReportDeath& death, const Evidence& evidence) {
  switch (death.phase) {
    case SlotState::kVacant:
      return "before it was started";
    case SlotState::kStarting:
      return "while it was initializing";
    case SlotState::kIdle:
      return "while it was idle";
    case SlotState::kBusy:
      if (evidence.open_jobs.size() > 1) return "while it ran " + std::to_string(evidence.open_jobs.size()) + " jobs";
      if (!evidence.open_jobs.empty()) return "while it ran job " + evidence.open_jobs.front();
      return evidence.last_job.empty() ? "while it ran a job" : "while it ran job " + evidence.last_job;
    case SlotState::kStopping:
      return "while it was stopping";
    case SlotState::kDying:
      return "while it was dying";
  }
  return {};
}

// Why we ended it, in words; "" = we didn't.
std::string IntentText(const ReportDeath& death, const PoolSettings& pool) {
  switch (death.intent) {
    case Intent::kNone:
      return {};
    case Intent::kInitTimeout:
      return "it sent no first message within init_timeout (" + DurationText(pool.init_timeout) + ")";
    case Intent::kInitStalled:
      return "it reported no progress for init_stall_timeout (" + DurationText(pool.init_stall_timeout) + ")";
    case Intent::kProtocol:
      return "it broke the protocol";
    case Intent::kChannelLost:
      return "it closed its channel and lived on";
    case Intent::kAckTimeout:
      return "it didn't acknowledge a job within ack_timeout (" + DurationText(pool.ack_timeout) + ")";
    case Intent::kRunTimeout:
      return "its job ran longer than run_for and didn't end when told";
    case Intent::kJobCancelled:
      return "its job was cancelled and didn't end within the " + DurationText(death.cancel_grace) + " that it had";
    case Intent::kPingTimeout:
      return "it was idle and didn't answer pings for ping_timeout (" + DurationText(pool.ping_timeout) + ")";
    case Intent::kHalted:
      return "a signal had stopped it";
    case Intent::kFrameTimeout:
      return "it sent half a frame and no more for frame_timeout (" + DurationText(pool.frame_timeout) + ")";
    case Intent::kWriteTimeout:
      return "it didn't read its channel for write_timeout (" + DurationText(pool.write_timeout) + ")";
    case Intent::kRetired:
      return "it was no longer needed";
    case Intent::kStopRequested:
      return "somebody asked for it to stop";
    case Intent::kDrainTimeout:
      return "the drain's time was over";
    case Intent::kWorkerStopping:
      return "the worker stops";
  }
  return {};
}

std::string EndText(const ReportDeath& death) {
  if (death.signal < 0) return "ended, and its status was lost (something else in this process reaped it)";
  if (death.signal > 0) return "was killed by " + SignalName(death.signal);
  return "exited with code " + std::to_string(death.code);
}

std::string Summary(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool) {
  if (evidence.pid == 0) {
    const std::string why = death.what.empty() ? IntentText(death, pool) : death.what;
    return evidence.name + " could not be started" + (why.empty() ? "" : ": " + why);
  }
  std::string text = evidence.name + " (pid " + std::to_string(evidence.pid) + ") ";
  if (death.quarantined) {
    text += "can't be killed: it didn't die of SIGKILL within kill_grace (" + DurationText(pool.kill_grace) + ")";
    return text;
  }
  const std::string why = IntentText(death, pool);
  if (death.out_of_memory) {
    text += "was killed because memory ran out, ";
  } else if (evidence.killed && !why.empty() && (death.signal == SIGKILL || !evidence.asked_to_stop)) {
    // It may have ended by itself before the kill reached it.
    return text + (death.signal == SIGKILL ? "was killed" : EndText(death)) + " " + PhaseText(death, evidence) + ": " +
           why + (death.what.empty() ? "" : ": " + death.what);
  } else if (!why.empty()) {
    return text + EndText(death) + " when it was asked to stop: " + why;
  } else {
    text += EndText(death) + " ";
  }
  return text + PhaseText(death, evidence);
}

void AppendLine(std::string& text, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  text += "  ";
  text += key;
  text += ": ";
  AppendPlain(text, value);
  text += '\n';
}

void AppendTail(std::string& text, std::string_view stream, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  text += "  last lines of ";
  text += stream;
  text += ":\n";
  for (const std::string& line : lines) {
    text += "    ";
    AppendPlain(text, line);
    text += '\n';
  }
}

// "42, 43 and 7 more"
std::string JobsText(const std::vector<std::string>& ids) {
  constexpr std::size_t kNamed = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(ids.size(), kNamed); ++i) text += (i == 0 ? "" : ", ") + ids[i];
  if (ids.size() > kNamed) text += " and " + std::to_string(ids.size() - kNamed) + " more";
  return text;
}

std::string MemoryText(const Evidence& evidence, const PoolSettings& pool) {
  std::string text;
  if (evidence.memory_peak > 0) text = "highest " + BytesText(evidence.memory_peak);
  if (pool.memory_limit > 0) {
    text += (text.empty() ? "" : ", ") + std::string("memory_limit ") + BytesText(pool.memory_limit);
  }
  if (const std::int64_t kills = evidence.oom_kills.value_or(0); kills > 0) {
    text += ", the kernel's out-of-memory kills in its cgroup: " + std::to_string(kills);
  }
  if (evidence.over_memory_limit) text += ", over its limit when it was killed";
  return text;
}

}  // namespace

std::string DurationText(Duration duration) {
  const double milliseconds = Milliseconds(duration);
  if (milliseconds < 1000) return Format("%.4gms", milliseconds);
  if (milliseconds < 120'000) return Format("%.4gs", milliseconds / 1000);
  return milliseconds < 7'200'000 ? Format("%.4gm", milliseconds / 60'000) : Format("%.4gh", milliseconds / 3'600'000);
}

std::string BytesText(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < (1 << 20)) return Format("%.0f KiB", value / 1024);
  return bytes < (1 << 30) ? Format("%.1f MiB", value / (1 << 20)) : Format("%.1f GiB", value / (1 << 30));
}

std::string WaitText(const ProcessLook& look) {
  if (!look.waiting_on.empty()) return "was waiting in " + look.waiting_on;
  if (look.state.starts_with("R")) return "was running on a CPU";
  if (look.state.starts_with("T")) return "was stopped by a signal";
  if (look.state.starts_with("D")) return "was stuck in the kernel (state D)";
  return look.state.empty() || look.state.starts_with("Z") ? std::string() : "was asleep";
}

Autopsy WriteAutopsy(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool) {
  Autopsy autopsy;
  autopsy.child = death.child;
  autopsy.summary = Summary(death, evidence, pool);
  autopsy.advice = Advice(death, evidence, pool);
  std::string& text = autopsy.text;
  AppendPlain(text, autopsy.summary);
  text += '\n';
  AppendLine(text, "phase", std::string(Name(death.phase)));
  if (evidence.pid != 0)
    AppendLine(text, "our intent",
               death.intent == Intent::kNone ? "none: it ended by itself" : IntentText(death, pool));
  if (evidence.pid != 0 && !death.quarantined) AppendLine(text, "end", EndText(death));
  AppendLine(text, "what", death.what);
  AppendLine(text, "command", evidence.program);
  AppendLine(text, "sdk", evidence.sdk);
  AppendLine(text, "stop signal sent", evidence.stop_signal);
  AppendLine(text, "age", DurationText(death.age));
  AppendLine(text, "jobs done", std::to_string(death.jobs_done));
  AppendLine(text, evidence.open_jobs.size() > 1 ? "jobs" : "job", JobsText(evidence.open_jobs));
  AppendLine(text, "when we killed it, it", WaitText(evidence.look));
  AppendLine(text, "memory", MemoryText(evidence, pool));
  AppendTail(text, "stderr", evidence.stderr_lines);
  if (evidence.stderr_lines.empty()) AppendTail(text, "stdout", evidence.stdout_lines);
  AppendLine(text, "what to do", autopsy.advice);
  return autopsy;
}

}  // namespace andiron
