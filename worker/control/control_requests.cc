// The server's second half: what clients ask, and what the core answers.
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "ipc/limits.h"
#include "ipc/text.h"
#include "worker/control/control_server.h"
#include "worker/control/control_words.h"
#include "worker/driver/end_text.h"

namespace andiron {
namespace {

// A year, as in the settings: more doesn't fit a deadline, and means the same.
Duration FromWireTime(std::uint64_t milliseconds) {
  constexpr std::uint64_t kMillisecondsMax = std::uint64_t{365} * 24 * 3600 * 1000;
  return std::chrono::milliseconds(std::min(milliseconds, kMillisecondsMax));
}

// The number of a request; 0 for a hello, which has none.
std::uint64_t RequestOf(const control::ToWorker& message) {
  switch (message.kind_case()) {
    case control::ToWorker::kSubmit:
      return message.submit().request();
    case control::ToWorker::kCancel:
      return message.cancel().request();
    case control::ToWorker::kStatus:
      return message.status().request();
    case control::ToWorker::kDrain:
      return message.drain().request();
    case control::ToWorker::kResume:
      return message.resume().request();
    case control::ToWorker::kStop:
      return message.stop().request();
    case control::ToWorker::kHello:
    case control::ToWorker::KIND_NOT_SET:
      return 0;
  }
  return 0;
}

}  // namespace

void ControlServer::Hear(ControlPeer& peer, control::ToWorker& message) {
  if (message.kind_case() == control::ToWorker::kHello) {
    Greet(peer, message.hello());
    return;
  }
  if (!peer.greeted) {
    peer.Expel(control::Error::PROTOCOL, "a request before the hello");
    return;
  }
  if (RequestOf(message) == 0) {
    peer.Expel(control::Error::PROTOCOL, "a request without a number");
    return;
  }
  switch (message.kind_case()) {
    case control::ToWorker::kSubmit:
      return Take(peer, *message.mutable_submit());
    case control::ToWorker::kCancel:
      return Take(peer, message.cancel());
    case control::ToWorker::kStatus:
      return Take(peer, message.status());
    case control::ToWorker::kDrain:
      return Take(peer, message.drain());
    case control::ToWorker::kResume:
      return Take(peer, message.resume());
    case control::ToWorker::kStop:
      return Take(peer, message.stop());
    case control::ToWorker::kHello:
    case control::ToWorker::KIND_NOT_SET:
      return;
  }
}

void ControlServer::Greet(ControlPeer& peer, const control::ClientHello& hello) {
  constexpr std::size_t kClientMax = 128;
  if (peer.greeted) {
    peer.Expel(control::Error::PROTOCOL, "a second hello");
    return;
  }
  if (hello.protocol_version() != kControlProtocolVersion) {
    peer.Expel(control::Error::PROTOCOL, "the client speaks version " + std::to_string(hello.protocol_version()) +
                                             " of the control protocol, this worker (" + std::string(Version()) +
                                             ") version " + std::to_string(kControlProtocolVersion));
    return;
  }
  peer.greeted = true;
  peer.client = CleanUtf8(hello.client(), kClientMax);
  control::FromWorker answer;
  control::WorkerHello& own = *answer.mutable_hello();
  own.set_protocol_version(kControlProtocolVersion);
  own.set_version(std::string(Version()));
  own.set_name(worker_.settings().name);
  own.set_pid(getpid());
  own.set_max_submit(limits_[control::ToWorker::kSubmit].max);
  peer.Say(answer);
}

void ControlServer::Take(ControlPeer& peer, control::Submit& submit) {
  Asked asked{peer.number(), submit.request(), submit.id().empty() ? worker_.desk().MakeUpId() : submit.id(),
              submit.detach()};
  JobSubmitted job;
  job.pool = std::move(*submit.mutable_pool());
  job.id = asked.id;
  job.payload = std::move(*submit.mutable_payload());
  if (submit.has_start_by_ms()) job.start_by = FromWireTime(submit.start_by_ms());
  if (submit.has_run_for_ms()) job.run_for = FromWireTime(submit.run_for_ms());
  job.priority = submit.priority();
  const JobNumber number = worker_.desk().Submit(*this, std::move(job));
  if (!asked.detach) peer.jobs.insert(static_cast<std::uint64_t>(number));
  asked_.emplace(static_cast<std::uint64_t>(number), std::move(asked));
  ++peer.undecided;
}

void ControlServer::Take(ControlPeer& peer, const control::Cancel& cancel) {
  const std::optional<JobNumber> job = worker_.desk().FindJob(cancel.pool(), cancel.id());
  if (!job) {
    const std::string pool = CleanUtf8(cancel.pool(), kControlIdBytesMax);
    const std::string where = pool.empty() ? "" : " in the pool " + pool;
    peer.SayError(cancel.request(), control::Error::NOT_FOUND,
                  "no job of this id is queued or running" + where + ": " + CleanUtf8(cancel.id(), kControlIdBytesMax));
    return;
  }
  worker_.desk().Cancel(*job, std::nullopt);
  peer.SayDone(cancel.request());
}

void ControlServer::Take(ControlPeer& peer, const control::StatusRequest& status) {
  control::FromWorker answer;
  answer.mutable_status()->set_request(status.request());
  *answer.mutable_status()->mutable_json() = worker_.StatusJson();
  peer.Say(answer);
}

void ControlServer::Take(ControlPeer& peer, const control::Drain& drain) {
  worker_.log().Write(LogLevel::kInfo, "drain_requested", "a client asked for a drain", {{"client", peer.client}});
  worker_.control().Drain({});
  if (drain.wait()) {
    drain_waiting_.push_back({peer.number(), drain.request(), worker_.control().resumes()});
    ++peer.undecided;
  } else {
    peer.SayDone(drain.request());
  }
}

void ControlServer::Take(ControlPeer& peer, const control::Resume& resume) {
  if (worker_.control().stopping()) {
    return peer.SayError(resume.request(), control::Error::CALLED_OFF, "the worker stops: it can't be resumed");
  }
  worker_.log().Write(LogLevel::kInfo, "resume_requested", "a client asked to resume", {{"client", peer.client}});
  worker_.control().Resume();
  peer.SayDone(resume.request());
}

void ControlServer::Take(ControlPeer& peer, const control::Stop& stop) {
  worker_.log().Write(LogLevel::kInfo, "stop_requested",
                      stop.now() ? "a client asked to stop at once" : "a client asked to stop",
                      {{"client", peer.client}});
  worker_.control().Stop(stop.now(), {});
  if (stop.wait() && !worker_.stopped()) {
    stop_waiting_.push_back({peer.number(), stop.request(), 0});
    ++peer.undecided;
  } else {
    peer.SayDone(stop.request());
  }
}

// ---- the core's answers ----

void ControlServer::OnAccepted(JobNumber job) {
  const auto found = asked_.find(static_cast<std::uint64_t>(job));
  if (found == asked_.end()) return;
  const Asked& asked = found->second;
  if (ControlPeer* peer = Address(asked.peer)) {
    --peer->undecided;
    control::FromWorker message;
    message.mutable_accepted()->set_request(asked.request);
    message.mutable_accepted()->set_id(asked.id);
    peer->Say(message);
  }
  // Of a detached job its client hears no more, and nobody cancels it when that client goes.
  if (asked.detach) asked_.erase(found);
}

void ControlServer::OnRefused(const Refused& refused) {
  const auto asked = asked_.extract(static_cast<std::uint64_t>(refused.job));
  if (asked.empty()) return;
  ControlPeer* peer = Address(asked.mapped().peer);
  if (peer == nullptr) return;
  --peer->undecided;
  peer->jobs.erase(static_cast<std::uint64_t>(refused.job));
  control::FromWorker message;
  control::Refused& answer = *message.mutable_refused();
  answer.set_request(asked.mapped().request);
  answer.set_reason(ToWire(refused.reason));
  const auto retry = std::chrono::ceil<std::chrono::milliseconds>(refused.retry_after).count();
  answer.set_retry_after_ms(static_cast<std::uint64_t>(std::max<std::int64_t>(0, retry)));
  answer.set_text(ExplainRefusal(refused.reason, worker_.settings().pools));
  peer->Say(message);
}

void ControlServer::OnStarted(JobNumber job, ChildId child) {
  const auto found = asked_.find(static_cast<std::uint64_t>(job));
  if (found == asked_.end()) return;
  ControlPeer* peer = Address(found->second.peer);
  if (peer == nullptr) return;
  control::FromWorker message;
  message.mutable_started()->set_request(found->second.request);
  message.mutable_started()->set_child(ChildName(worker_.settings().pools[child.pool].name, child));
  peer->Say(message);
}

void ControlServer::OnOutcome(JobEnd& end) {
  auto asked = asked_.extract(static_cast<std::uint64_t>(end.report.job));
  if (asked.empty()) return;
  ControlPeer* peer = Address(asked.mapped().peer);
  if (peer == nullptr) return;
  peer->jobs.erase(static_cast<std::uint64_t>(end.report.job));
  control::FromWorker message;
  control::Outcome& outcome = *message.mutable_outcome();
  outcome.set_request(asked.mapped().request);
  *outcome.mutable_id() = std::move(asked.mapped().id);
  outcome.set_outcome(ToWire(end.report.outcome));
  if (end.report.outcome == Outcome::kSucceeded) *outcome.mutable_output() = std::move(end.report.result);
  outcome.set_error(CleanUtf8(end.error, kErrorTextBytesMax));
  outcome.set_queue_ms(Milliseconds(end.report.queued));
  outcome.set_run_ms(Milliseconds(end.report.ran));
  outcome.set_child(end.child);
  outcome.set_signal(end.signal);
  outcome.set_exit_code(end.exit_code);
  outcome.set_still_running(end.report.still_running);
  peer->Say(message);
}

void ControlServer::OnWorkerState(WorkerState state) {
  state_ = state;
  if (state == WorkerState::kStopped) LimitLastWords();
}

void ControlServer::AnswerWaiting() {
  const bool drained = state_ == WorkerState::kDrained || state_ == WorkerState::kStopped;
  const bool stopped = state_ == WorkerState::kStopped;
  std::erase_if(drain_waiting_, [&](const Waiting& waiting) {
    const bool called_off = waiting.resumes != worker_.control().resumes();
    if (!drained && !called_off) return false;
    if (ControlPeer* peer = Address(waiting.peer)) {
      --peer->undecided;
      if (called_off) {
        peer->SayError(waiting.request, control::Error::CALLED_OFF, "the worker was resumed before the drain's end");
      } else {
        peer->SayDone(waiting.request);
      }
    }
    return true;
  });
  std::erase_if(stop_waiting_, [&](const Waiting& waiting) {
    if (!stopped) return false;
    if (ControlPeer* peer = Address(waiting.peer)) {
      --peer->undecided;
      peer->SayDone(waiting.request);
    }
    return true;
  });
}

}  // namespace andiron
