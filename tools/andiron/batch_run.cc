#include "tools/andiron/batch_run.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/text.h"
#include "worker/base/clock.h"
#include "worker/children/autopsy.h"
#include "worker/children/signals.h"

namespace andiron {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(200);
constexpr Duration kBreakerCheck = std::chrono::seconds(1);
// A pool whose children did start earlier gets this long to recover.
constexpr Duration kRecovery = std::chrono::seconds(30);
constexpr std::size_t kUnwrittenMax = std::size_t{1} << 20;
constexpr int kFlightCeiling = 10000;
constexpr const char* kEraseLine = "\r\x1b[K";

BatchOptions OptionsOf(const RunOptions& options) {
  BatchOptions batch;
  batch.ordered = options.ordered;
  batch.json = options.json;
  batch.flight_max = FlightMax(options.settings.pools.front());
  return batch;
}

std::size_t TerminalColumns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - std::size_t{1} : 79;
}

bool CannotStart(const PoolStatus& pool) {
  return pool.breaker != BreakerState::kClosed && pool.slots[static_cast<std::size_t>(SlotState::kIdle)] == 0 &&
         pool.slots[static_cast<std::size_t>(SlotState::kBusy)] == 0;
}

}  // namespace

int FlightMax(const PoolSettings& pool) {
  const std::int64_t each =
      pool.max_concurrent_jobs_per_child > 0 ? pool.max_concurrent_jobs_per_child : kConcurrencyMax;
  const std::int64_t wanted = std::min<std::int64_t>(2 * each * std::max(pool.max_children, 1), kFlightCeiling);
  // Never more than the queue takes: then nothing is refused because it is full.
  return static_cast<int>(std::clamp<std::int64_t>(wanted, 1, std::max(pool.queue_limit, 1)));
}

BatchRun::BatchRun(EventLoop& loop, const RunOptions& options)
    : loop_(loop),
      options_(options),
      started_(Now()),
      batch_(OptionsOf(options)),
      out_(loop.get(), STDOUT_FILENO, [this] { Pump(); }),
      err_(loop.get(), STDERR_FILENO, [this] { Pump(); }),
      inputs_(loop.get(), options.files, options.split,
              static_cast<std::size_t>(options.settings.pools.front().max_payload), [this] { Pump(); }),
      signals_(loop.get(), {SIGINT, SIGTERM}, [this](int number) { OnSignal(number); }),
      ticker_(loop.get(), kTick, [this] { OnTick(); }),
      live_(!options.quiet && isatty(STDERR_FILENO) == 1) {}

int BatchRun::Run() {
  absl::StatusOr<std::unique_ptr<WorkerImpl>> worker = WorkerImpl::Make(loop_.get(), options_.settings, {});
  if (!worker.ok()) {
    Say(std::string(worker.status().message()));
    return absl::IsInvalidArgument(worker.status()) ? kExitConfig : kExitInternal;
  }
  worker_ = std::move(*worker);
  if (live_ && options_.files.empty() && isatty(STDIN_FILENO) == 1)
    Say("reading jobs from the terminal; Ctrl-D ends them");
  Pump();
  loop_.Run();
  worker_.reset();
  return ExitCode();
}

void BatchRun::Pump() {
  if (!worker_) return;
  Feed();
  Write();
  CheckOutputs();
  CheckEnd();
}

void BatchRun::Feed() {
  if (phase_ != Phase::kFeeding || Now() < submit_after_) return;
  while (true) {
    const std::size_t unwritten = out_.pending() + err_.pending();
    if (!batch_.has_next()) {
      if (unwritten > kUnwrittenMax || !batch_.HasRoom(unwritten)) return;
      std::optional<BatchInputs::Payload> payload = inputs_.Next();
      if (!payload.has_value()) return;
      batch_.Add(std::move(payload->place), std::move(payload->bytes));
    }
    Submit();
  }
}

void BatchRun::Submit() {
  Batch::Submission next = batch_.Next();
  JobRequest request;
  request.pool = options_.settings.pools.front().name;
  request.id = std::to_string(next.number);
  request.payload = std::move(next.payload);
  worker_->Submit(std::move(request), [this, number = next.number](const JobReport& report) {
    OnReport(number, report);
    Pump();
  });
}

void BatchRun::OnReport(std::int64_t number, JobReport report) {
  // Where the child died, the whole autopsy: it ends with the same advice.
  const bool died = report.outcome == Outcome::kChildCrashed || report.outcome == Outcome::kOomKilled;
  for (const RememberedDeath& death : worker_->driver().deaths()) {
    if (!report.refused && died && death.child == report.child) report.error = death.text;
  }
  if (!batch_.End(number, report)) submit_after_ = Later(Now(), report.retry_after);
}

void BatchRun::Write() {
  const std::string errors = batch_.TakeErrors();
  // After giving up, what is killed has not failed by itself: the reason has been said once.
  if (!errors.empty() && exit_code_ == 0) {
    if (std::exchange(line_shown_, false)) err_.Write(kEraseLine);
    err_.Write(errors);
  }
  out_.Write(batch_.TakeOutput());
}

void BatchRun::CheckOutputs() {
  if (out_.error() == 0 || exit_code_ != 0) return;
  if (out_.error() == EPIPE) {
    exit_code_ = kExitSignal + SIGPIPE;
    Stop(true);
  } else {
    GiveUp(kExitInternal, std::string("stdout: ") + std::strerror(out_.error()) + "; what ran has been stopped");
  }
}

void BatchRun::CheckEnd() {
  if (phase_ == Phase::kFeeding && inputs_.over() && !batch_.has_next() && batch_.idle()) Stop(false);
  if (phase_ == Phase::kEnded && out_.pending() == 0 && err_.pending() == 0) loop_.Stop();
}

void BatchRun::Stop(bool now) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kStopping;
  inputs_.Close();
  worker_->Stop(now, [this] {
    if (phase_ == Phase::kEnded) return;
    phase_ = Phase::kEnded;
    batch_.DropUnfinished();
    if (std::exchange(line_shown_, false)) err_.Write(kEraseLine);
    if (!inputs_.error().empty()) Say(inputs_.error());
    if (!options_.quiet && exit_code_ != kExitSignal + SIGPIPE) {
      Say(SummaryLine(batch_.counts(), Now() - started_));
    }
    Pump();
  });
}

void BatchRun::OnSignal(int number) {
  const bool first = signal_ == 0;
  if (first) signal_ = number;
  if (phase_ == Phase::kEnded) {
    if (!first) loop_.Stop();
    return;
  }
  const bool now = !first || phase_ == Phase::kStopping;
  const std::string running = Count(batch_.counts().in_flight, "job") + " under way";
  const std::string name = SignalName(number);
  Say(now ? name + ": stopping the children at once, with " + running
          : name + ": reading no more, waiting for " + running + " for at most " +
                DurationText(options_.settings.drain_timeout) + "; once more kills");
  Stop(now);
}

void BatchRun::OnTick() {
  pace_.Note(Now() - started_, batch_.counts().done());
  CheckBreaker();
  Pump();
  ShowProgress();
}

void BatchRun::CheckBreaker() {
  if (phase_ != Phase::kFeeding || !worker_ || Now() < next_check_) return;
  next_check_ = Later(Now(), kBreakerCheck);
  const PoolStatus pool = worker_->driver().Status().pools.front();
  if (!CannotStart(pool)) {
    stuck_since_.reset();
    return;
  }
  if (!stuck_since_.has_value()) stuck_since_ = Now();
  const bool started_once = pool.initialize[static_cast<std::size_t>(InitializeEnd::kReady)] > 0;
  if (started_once && Now() - *stuck_since_ < kRecovery) return;
  std::string why = "no child gets ready, giving up";
  if (!worker_->driver().deaths().empty()) {
    const RememberedDeath& death = worker_->driver().deaths().back();
    why += ". The last one:\n    " + Printable(death.text);
  }
  GiveUp(kExitRefused, why);
}

void BatchRun::ShowProgress() {
  if (!live_ || phase_ == Phase::kEnded || err_.pending() > 0) return;
  std::optional<double> fraction = inputs_.fraction();
  const BatchCounts& counts = batch_.counts();
  if (fraction.has_value() && counts.done() + counts.in_flight > 0) {
    *fraction *= static_cast<double>(counts.done()) / static_cast<double>(counts.done() + counts.in_flight);
  }
  // The cursor goes back to the left, so that the log's lines begin there.
  err_.Write(kEraseLine + ProgressLine(counts, pace_.per_second(), fraction, Now() - started_, TerminalColumns()) +
             "\r");
  line_shown_ = true;
}

void BatchRun::Say(const std::string& line) {
  if (std::exchange(line_shown_, false)) err_.Write(kEraseLine);
  err_.Write("andiron: " + line + "\n");
}

void BatchRun::GiveUp(int exit_code, const std::string& why) {
  Say(why);
  exit_code_ = exit_code;
  Stop(true);
}

int BatchRun::ExitCode() const {
  if (exit_code_ != 0) return exit_code_;
  if (signal_ != 0) return kExitSignal + signal_;
  if (!inputs_.error().empty()) return kExitInput;
  if (batch_.counts().failed() == 0) return kExitDone;
  return batch_.counts().failed() == batch_.counts().refused ? kExitRefused : kExitJobFailed;
}

}  // namespace andiron
