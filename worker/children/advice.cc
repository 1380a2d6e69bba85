#include <signal.h>

#include <string>

#include "worker/children/autopsy.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

bool Silent(const Evidence& evidence) { return evidence.stderr_lines.empty() && evidence.stdout_lines.empty(); }

// "pools.spell.command".
std::string Key(const PoolSettings& pool, std::string_view key) {
  return "pools." + pool.name + "." + std::string(key);
}

// What it was last heard or seen doing.
std::string LastSeen(const Evidence& evidence) {
  std::string text = Silent(evidence) ? "It printed nothing" : "See its last lines";
  const std::string wait = WaitText(evidence.look);
  if (!wait.empty()) text += (Silent(evidence) ? " and " : "; it ") + wait;
  return text;
}

std::string SpawnAdvice(const ReportDeath& death, const PoolSettings& pool) {
  const std::string& what = death.what;
  if (what.starts_with("chdir"))
    return "Check " + Key(pool, "cwd") + ": the directory must exist and be readable by the child's user.";
  if (what.find("user ") != std::string::npos)
    return "Check " + Key(pool, "user") + ": the user must exist, and the worker must run as root.";
  if (what.find("Too many open files") != std::string::npos) {
    return "Raise the worker's limit of open files (LimitNOFILE, ulimit -n): a child takes 5 descriptors.";
  }
  if (what.starts_with("clone") || what.starts_with("start a helper")) {
    return "The system refuses new processes: look at its memory and at the limits of processes (pids.max, ulimit -u).";
  }
  if (what.starts_with("watch")) {
    return "Look at the system's memory and at its limit of watched descriptors (fs.epoll.max_user_watches).";
  }
  if (what.find("Permission denied") != std::string::npos) {
    return "Make the program executable for the child's user (chmod +x), or check " + Key(pool, "command") + ".";
  }
  if (what.find("Exec format error") != std::string::npos) {
    return "The program is neither a binary for this machine nor a script with an interpreter in its first line (#!).";
  }
  if (!what.empty()) return "Check " + Key(pool, "command") + " and the PATH of the worker.";
  if (death.quarantined || death.intent == Intent::kInitTimeout) {
    return "Its program didn't run yet: its own start hangs, or one before it in its pool (a dead network file "
           "system?), "
           "or the machine is too busy; raise init_timeout (" +
           DurationText(pool.init_timeout) + ").";
  }
  return "Nothing: it was no longer wanted before it had been started.";
}

std::string SignalAdvice(const ReportDeath& death, const Evidence& evidence) {
  switch (death.signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
      return "The program crashed: " + std::string(Silent(evidence) ? "it printed nothing; " : "see its last lines; ") +
             "run its command by hand or look at a core dump (coredumpctl).";
    case SIGKILL:
      return "Something outside the worker killed it: look for the kernel's out-of-memory killer (dmesg) or an "
             "operator.";
    case SIGSYS:
      return "A system call was forbidden to it: look at the seccomp profile of the container or the service.";
    case SIGXCPU:
    case SIGXFSZ:
      return "It ran into a resource limit that it inherited (ulimit): raise the limit.";
    case SIGPIPE:
      return "It wrote to a closed pipe: see what it talks to besides the worker.";
    default:
      return "Find out who sends " + SignalName(death.signal) + " to it: the worker didn't.";
  }
}

std::string ExitAdvice(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool) {
  const bool starting = death.phase == SlotState::kStarting;
  if (death.code == 127 && starting)
    return "Code 127 mostly means that a shell or wrapper didn't find its program: check " + Key(pool, "command") + ".";
  if (death.code == 126 && starting)
    return "Code 126 mostly means that a wrapper's program isn't executable: check " + Key(pool, "command") + ".";
  if (death.code == 64 && starting) return "Code 64 mostly means wrong arguments: check " + Key(pool, "command") + ".";
  if (death.code == 0 && starting) {
    return "It ended as if it had nothing to do, before its first message: is it a child that speaks Andiron's "
           "protocol?";
  }
  if (death.code == 0) return "A child must stay until it is told to stop: it must not exit with 0 by itself.";
  if (Silent(evidence)) return "It printed nothing: run its command by hand, with more logging.";
  return starting ? "See its last lines: it failed while it warmed up." : "See its last lines.";
}

std::string InitAdvice(const Evidence& evidence, const PoolSettings& pool) {
  return LastSeen(evidence) + "; raise init_timeout (" + DurationText(pool.init_timeout) +
         ") or load less while warming up.";
}

std::string IntentAdvice(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool) {
  switch (death.intent) {
    case Intent::kNone:
      if (death.signal < 0)
        return "Something in this process calls waitpid for all children: it must wait for its own only.";
      return death.signal > 0 ? SignalAdvice(death, evidence) : ExitAdvice(death, evidence, pool);
    case Intent::kInitTimeout:
      return InitAdvice(evidence, pool);
    case Intent::kInitStalled:
      return LastSeen(evidence) + "; raise init_stall_timeout (" + DurationText(pool.init_stall_timeout) +
             ") or report progress more often.";
    case Intent::kProtocol:
      return "Is it a child that speaks Andiron's protocol, of this version? Nothing but frames may be written to its "
             "channel.";
    case Intent::kChannelLost:
      return "A child that closes descriptor 3 can't get jobs: let it keep the channel open, and exit when it is done.";
    case Intent::kAckTimeout:
      return LastSeen(evidence) + "; the channel must be read while jobs run. Raise ack_timeout (" +
             DurationText(pool.ack_timeout) + ") if the machine is overloaded.";
    case Intent::kRunTimeout:
      return LastSeen(evidence) + "; raise run_for, or make the job look at its cancellation.";
    case Intent::kJobCancelled:
      return LastSeen(evidence) + "; make the job look at its cancellation, or raise " +
             (death.cancel_grace == pool.cancel_grace
                  ? "cancel_grace (" + DurationText(pool.cancel_grace) + ")."
                  : "the grace that its source gave it (a LiveKit server's jobs: termination_grace).");
    case Intent::kPingTimeout:
      return LastSeen(evidence) + "; an idle child must answer pings: something blocks it.";
    case Intent::kHalted:
      return "Find out who sent SIGSTOP (a debugger, a job-control shell); a stopped child can't run its job.";
    case Intent::kFrameTimeout:
      return LastSeen(evidence) + "; a frame must be written whole: its thread may have stopped in the middle.";
    case Intent::kWriteTimeout:
      return LastSeen(evidence) + "; the child must read its channel also while a job runs.";
    case Intent::kRetired:
    case Intent::kStopRequested:
    case Intent::kDrainTimeout:
    case Intent::kWorkerStopping:
      if (!evidence.killed) return "Nothing: it was told to stop, and did.";
      return "It didn't end within stop_grace (" + DurationText(pool.stop_grace) + ") and was killed: let it handle " +
             (pool.stop_command.empty() ? "SIG" + pool.stop_signal : std::string("its stop command")) +
             ", or raise stop_grace.";
  }
  return {};
}

}  // namespace

std::string Advice(const ReportDeath& death, const Evidence& evidence, const PoolSettings& pool) {
  if (evidence.pid == 0) return SpawnAdvice(death, pool);
  if (death.quarantined) {
    return "The kernel holds it (a dead network file system, a driver): see what it waits on in /proc/" +
           std::to_string(evidence.pid) + "/stack; it goes when the kernel lets go.";
  }
  if (death.out_of_memory) {
    return pool.memory_limit > 0
               ? "Raise memory_limit (" + BytesText(pool.memory_limit) + "), or make the job need less."
               : "Give the machine or container more memory, lower max_children, or set memory_limit.";
  }
  return IntentAdvice(death, evidence, pool);
}

}  // namespace andiron
