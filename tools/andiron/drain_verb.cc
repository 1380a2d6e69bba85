// andiron drain and resume: accept no more jobs, and accept them again.
#include <iostream>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/verbs.h"
#include "worker/base/clock.h"

namespace andiron {

DrainVerb::DrainVerb(CLI::App& app)
    : Verb(app, "drain", "accept no more jobs, and let those that are there end",
           "After drain_timeout what still runs is killed. The worker stays: `andiron resume` makes it\n"
           "accept jobs again.\n"
           "Examples:\n"
           "  andiron drain --wait && andiron stop"),
      address_(app_) {
  app_.add_flag("--wait", wait_, "return when no job is left");
  app_.add_option("--timeout", timeout_, "longest wait (DURATION)")->capture_default_str();
}

int DrainVerb::Run() const {
  const std::optional<Duration> timeout = ReadTimeout(timeout_, std::cerr);
  if (!timeout.has_value()) return kExitUsage;
  const TimePoint deadline = Later(Now(), *timeout);
  auto client = address_.Connect("andiron drain", wait_ ? *timeout : kAnswerTimeout);
  if (!client.ok()) return address_.Report(client.status(), std::cerr);
  control::ToWorker request;
  request.mutable_drain()->set_request((*client)->NewRequest());
  request.mutable_drain()->set_wait(wait_);
  const auto answer = Ask(**client, request, wait_ ? deadline - Now() : kAnswerTimeout);
  if (absl::IsAborted(answer.status())) {
    std::cerr << "andiron: somebody has resumed the worker: it accepts jobs again\n";
    return kExitRefused;
  }
  if (absl::IsDeadlineExceeded(answer.status()) && wait_) {
    std::cerr << "andiron: still draining after " << timeout_ << "; `andiron status` shows what runs\n";
    return kExitTimedOut;
  }
  return answer.ok() ? kExitDone : address_.Report(answer.status(), std::cerr);
}

ResumeVerb::ResumeVerb(CLI::App& app)
    : Verb(app, "resume", "accept jobs again after a drain", "Examples:\n  andiron resume"), address_(app_) {}

int ResumeVerb::Run() const {
  auto client = address_.Connect("andiron resume");
  if (!client.ok()) return address_.Report(client.status(), std::cerr);
  control::ToWorker request;
  request.mutable_resume()->set_request((*client)->NewRequest());
  const auto answer = Ask(**client, request, kAnswerTimeout);
  if (absl::IsAborted(answer.status())) {
    std::cerr << "andiron: " << answer.status().message() << "; start another with `andiron start`\n";
    return kExitRefused;
  }
  return answer.ok() ? kExitDone : address_.Report(answer.status(), std::cerr);
}

}  // namespace andiron
