#include "tools/andiron/submit_run.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <utility>

#include "tools/andiron/exit_code.h"
#include "worker/base/clock.h"
#include "worker/control/control_limits.h"
#include "worker/control/control_words.h"

namespace andiron {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);
constexpr std::size_t kQueuedMax = std::size_t{1} << 20;
constexpr std::size_t kUnwrittenMax = std::size_t{1} << 20;
constexpr int kFlightMax = 4000;
// The worker hangs up on who leaves 64 MiB unread (ControlBounds), and a result may have max_result (4 MiB): so few
// jobs until it shows how big they are, then as many as fit into half of that.
constexpr int kFlightFirst = 8;
constexpr std::size_t kFlightBytes = std::size_t{32} << 20;
// More with each tick, too, up to so many: long jobs are to fill a big pool before the first of them ends.
constexpr int kFlightStep = 8;
constexpr int kFlightByTime = 256;

// What a Submit says besides its payload fits well into this: what is beyond max_payload, and not much, is the worker's
// to refuse.
constexpr std::size_t kSubmitOverhead = 2048;
static_assert(kSubmitOverhead < kControlSubmitEnvelope);

BatchOptions OptionsOf(const SubmitOptions& options) {
  BatchOptions batch;
  batch.ordered = options.ordered;
  batch.json = options.json;
  batch.flight_max = kFlightMax;
  return batch;
}

std::size_t Without(std::size_t envelope, const ControlClient& client) {
  const std::size_t whole = client.worker().max_submit();
  return whole > envelope ? whole - envelope : 0;
}

std::size_t PayloadMax(const ControlClient& client) { return Without(kSubmitOverhead, client); }

Duration FromMs(double milliseconds) { return Duration(std::llround(milliseconds * 1e6)); }

}  // namespace

JobReport ReportOf(const control::Outcome& outcome) {
  JobReport report;
  report.id = outcome.id();
  report.outcome = FromWire(outcome.outcome()).value_or(Outcome::kFailed);
  report.output = outcome.output();
  report.error = outcome.error();
  report.queued = FromMs(outcome.queue_ms());
  report.ran = FromMs(outcome.run_ms());
  report.child = outcome.child();
  report.signal = outcome.signal();
  report.still_running = outcome.still_running();
  return report;
}

JobReport ReportOf(const control::Refused& refused) {
  JobReport report;
  report.refused = true;
  report.refusal = FromWire(refused.reason()).value_or(Refusal::kQueueFull);
  report.retry_after = FromMs(static_cast<double>(refused.retry_after_ms()));
  report.error = refused.text();
  return report;
}

SubmitRun::SubmitRun(EventLoop& loop, ControlClient& client, const SubmitOptions& options)
    : loop_(loop),
      client_(client),
      options_(options),
      batch_(OptionsOf(options)),
      out_(loop.get(), STDOUT_FILENO, [this] { Pump(); }),
      err_(loop.get(), STDERR_FILENO, [this] { Pump(); }),
      inputs_(loop.get(), options.files, Split::kLine, PayloadMax(client), [this] { Pump(); }),
      ticker_(loop.get(), kTick, [this] { OnTick(); }),
      flight_(options.detach ? kFlightMax : kFlightFirst),
      patience_(options.patience) {
  inputs_.PassOverTooLarge();
}

int SubmitRun::Run() {
  watcher_.emplace(loop_.get(), client_.fd(), [this] { Read(); });
  Pump();
  loop_.Run();
  return ExitCode();
}

void SubmitRun::Pump() {
  if (lost_.ok()) Feed();
  Write();
  if (watcher_.has_value()) watcher_->Want(client_.wants_write());
  const bool done = !lost_.ok() || (inputs_.over() && batch_.idle());
  const bool written = out_.pending() == 0 && err_.pending() == 0;
  if (out_.error() != 0) inputs_.Close();
  if (out_.error() != 0 || (done && written)) loop_.Stop();
}

void SubmitRun::Feed() {
  if (Now() < submit_after_) return;
  while (client_.queued_bytes() < kQueuedMax && batch_.counts().in_flight < flight_) {
    const std::size_t unwritten = out_.pending() + err_.pending();
    if (!batch_.has_next()) {
      if (unwritten > kUnwrittenMax || !batch_.HasRoom(unwritten)) return;
      std::optional<BatchInputs::Payload> payload = inputs_.Next();
      if (!payload.has_value()) return;
      batch_.Add(std::move(payload->place), std::move(payload->bytes));
      if (payload->too_large) {
        RefuseNext();
        continue;
      }
    }
    Submit();
  }
}

// What is larger than any pool of the worker takes is not even sent.
void SubmitRun::RefuseNext() {
  JobReport report;
  report.refused = true;
  report.refusal = Refusal::kTooLarge;
  report.error = "larger than max_payload (" + std::to_string(Without(kControlSubmitEnvelope, client_)) +
                 " bytes); raise max_payload of the worker's pool";
  batch_.End(batch_.Next().number, report);
  NoteEnd(report);
}

void SubmitRun::Submit() {
  Batch::Submission next = batch_.Next();
  const std::uint64_t request = client_.NewRequest();
  numbers_.emplace(request, next.number);
  control::ToWorker message;
  *message.mutable_submit() = options_.job;
  message.mutable_submit()->set_request(request);
  message.mutable_submit()->set_detach(options_.detach);
  message.mutable_submit()->set_payload(std::move(next.payload));
  if (absl::Status queued = client_.Queue(message); !queued.ok()) {
    JobReport report;
    report.refused = true;
    report.refusal = Refusal::kTooLarge;
    report.error = std::string(queued.message());
    End(request, std::move(report));
  }
}

void SubmitRun::Read() {
  const absl::Status pumped = client_.Pump();
  while (const std::optional<control::FromWorker> message = client_.Take()) Handle(*message);
  if (!pumped.ok()) {
    lost_ = pumped;
    inputs_.Close();
    unknown_ = batch_.DropUnfinished();
    watcher_.reset();
  }
  Pump();
}

void SubmitRun::Handle(const control::FromWorker& message) {
  if (message.has_outcome()) {
    End(message.outcome().request(), ReportOf(message.outcome()));
  } else if (message.has_refused()) {
    End(message.refused().request(), ReportOf(message.refused()));
  } else if (message.has_error()) {
    JobReport report;
    report.outcome = Outcome::kFailed;
    report.error = message.error().text();
    End(message.error().request(), std::move(report));
  } else if (message.has_accepted()) {
    OnAccepted(message.accepted());
  }
}

void SubmitRun::OnAccepted(const control::Accepted& accepted) {
  patience_.Renew();
  if (options_.detach) {
    EndDetached(accepted);
  } else if (numbers_.contains(accepted.request())) {
    under_way_.insert(accepted.request());
  }
}

void SubmitRun::EndDetached(const control::Accepted& accepted) {
  const auto found = numbers_.find(accepted.request());
  if (found == numbers_.end()) return;
  const std::string& place = batch_.place(found->second);
  batch_.EndWith(found->second, options_.json ? AcceptedJson(accepted.id(), place) : accepted.id() + "\n");
  numbers_.erase(found);
}

void SubmitRun::End(std::uint64_t request, JobReport report) {
  const auto found = numbers_.find(request);
  if (found == numbers_.end()) return;
  const std::int64_t number = found->second;
  numbers_.erase(found);
  under_way_.erase(request);
  const TimePoint now = Now();
  if (!report.refused) {
    patience_.Renew();
    NoteResult(report.output.size() + report.error.size());
  } else if (report.retry_after > Duration::zero() && !patience_.Lasts(now, report.retry_after, !under_way_.empty())) {
    report.retry_after = Duration::zero();
  }
  if (batch_.End(number, report)) {
    NoteEnd(report);
  } else {
    submit_after_ = Later(now, report.retry_after);
  }
}

void SubmitRun::OnTick() {
  if (flight_ < kFlightByTime) SetFlight(flight_ + kFlightStep);
  Pump();
}

// One more with each result, and never more than the biggest of them allows.
void SubmitRun::NoteResult(std::size_t bytes) {
  largest_ = std::max(largest_, bytes);
  SetFlight(flight_ + 1);
}

void SubmitRun::SetFlight(int wanted) {
  const std::size_t fit = kFlightBytes / std::max<std::size_t>(largest_, 1);
  const auto most = static_cast<std::size_t>(std::min(wanted, kFlightMax));
  flight_ = static_cast<int>(std::clamp<std::size_t>(fit, 1, most));
}

void SubmitRun::NoteEnd(const JobReport& report) {
  const int code = report.refused ? ExitCodeFor(report.refusal) : ExitCodeFor(report.outcome, report.signal);
  if (code == kExitDone) return;
  failure_ = failure_ == kExitDone || failure_ == code ? code : kExitJobFailed;
}

void SubmitRun::Write() {
  err_.Write(batch_.TakeErrors());
  out_.Write(batch_.TakeOutput());
}

int SubmitRun::ExitCode() const {
  if (out_.error() != 0) return out_.error() == EPIPE ? kExitSignal + SIGPIPE : kExitInternal;
  return inputs_.error().empty() ? failure_ : kExitInput;
}

std::string SubmitRun::problem() const {
  if (out_.error() != 0 && out_.error() != EPIPE) return std::string("stdout: ") + std::strerror(out_.error());
  return inputs_.error();
}

}  // namespace andiron
