// andiron submit: a job, or a job for each line, to a running worker.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <utility>

#include "ipc/text.h"
#include "tools/andiron/exit_code.h"
#include "tools/andiron/submit_run.h"
#include "tools/andiron/text.h"
#include "tools/andiron/verbs.h"
#include "worker/base/unique_fd.h"
#include "worker/config/quantities.h"

namespace andiron {
namespace {

constexpr const char* kExamples =
    "Waits for the job's outcome: the result goes to stdout as it is, what went wrong to stderr. When this command is\n"
    "interrupted the job is cancelled (not with --detach).\n"
    "A payload that begins with @ or - goes through a file or stdin.\n"
    "Exit: 0 succeeded, 124 timed out (also in the queue), 125 failed, 128+N its child was killed by signal N,\n"
    "75 refused for now, 65 payload too large, 69 no worker there; of several jobs, 125 unless all failures are "
    "alike.\n"
    "Examples:\n"
    "  andiron submit spell 'recieve'\n"
    "  andiron submit transcribe @speech.wav --run-for 10m -o json\n"
    "  andiron submit spell --lines < words.txt\n"
    "  andiron submit spell --detach --id nightly-7 @words.txt";

constexpr Duration kOutcomePoll = std::chrono::minutes(1);

// All of a file or stdin, up to one byte more than `bytes_max`.
absl::StatusOr<std::string> ReadAll(int descriptor, const std::string& name, std::size_t bytes_max) {
  std::string text;
  std::array<char, 65536> chunk{};
  while (text.size() <= bytes_max) {
    const ssize_t count = read(descriptor, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::InvalidArgumentError(name + ": " + std::strerror(errno));
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return absl::InvalidArgumentError(name + ": larger than the worker takes (" + std::to_string(bytes_max) +
                                    " bytes); max_payload of the pool says how much");
}

int Report(const SubmitOptions& options, const JobReport& report) {
  if (options.json) {
    std::cout << JobJson(report.id, "", report);
  } else if (!report.refused && report.outcome == Outcome::kSucceeded) {
    std::cout << report.output;
  }
  if (report.refused || report.outcome != Outcome::kSucceeded) {
    std::cerr << "andiron: " << FailureText(report.id, "", report);
  }
  return report.refused ? ExitCodeFor(report.refusal) : ExitCodeFor(report.outcome, report.signal);
}

// Empty, or a duration; else InvalidArgument that names the flag.
absl::StatusOr<std::optional<std::uint64_t>> Milliseconds(const char* flag, const std::string& text) {
  if (text.empty()) return std::optional<std::uint64_t>();
  const std::optional<std::int64_t> nanoseconds = ParseDuration(text);
  if (!nanoseconds.has_value() || *nanoseconds < 0) {
    return absl::InvalidArgumentError(std::string(flag) + " " + text +
                                      ": not a duration; write it with a unit, such as 500ms, 30s or 1h");
  }
  // Rounded up: a duration that isn't zero must not become "unlimited".
  return std::optional<std::uint64_t>((static_cast<std::uint64_t>(*nanoseconds) + 999'999) / 1'000'000);
}

}  // namespace

SubmitVerb::SubmitVerb(CLI::App& app) : Verb(app, "submit", "a job for a running worker", kExamples), address_(app_) {
  app_.add_option("POOL", pool_, "the pool that is to run it")->required();
  app_.add_option("PAYLOAD", payload_, "the payload; @FILE: what is in the file; -: what comes on stdin; none: empty");
  app_.add_option("--id", id_, "the job's id; default: the worker makes one up");
  app_.add_option("--start-by,--start_by", start_by_, "longest wait for a child (DURATION); default: the pool's");
  app_.add_option("--run-for,--run_for", run_for_, "longest run (DURATION), 0 = unlimited; default: the pool's");
  app_.add_option("--priority", priority_, "higher goes first")->capture_default_str();
  app_.add_flag("--detach", detach_, "don't wait: print the job's id when it has been accepted");
  app_.add_flag("--lines", lines_, "a job for each line of stdin (or @FILE), many at a time");
  app_.add_flag("--unordered", unordered_, "with --lines: write each result at once, not in input order");
  AddOutputFlag(app_, output_);
}

absl::StatusOr<control::Submit> SubmitVerb::Template() const {
  control::Submit submit;
  submit.set_pool(pool_);
  submit.set_id(id_);
  submit.set_priority(priority_);
  submit.set_detach(detach_);
  const auto start_by = Milliseconds("--start-by", start_by_);
  if (!start_by.ok()) return start_by.status();
  if (start_by->has_value()) submit.set_start_by_ms(**start_by);
  const auto run_for = Milliseconds("--run-for", run_for_);
  if (!run_for.ok()) return run_for.status();
  if (run_for->has_value()) submit.set_run_for_ms(**run_for);
  return submit;
}

absl::StatusOr<std::string> SubmitVerb::Payload(const std::string& argument, std::size_t bytes_max) const {
  if (argument == "-") return ReadAll(STDIN_FILENO, "stdin", bytes_max);
  if (argument.empty() || argument.front() != '@') return argument;
  const std::string file = argument.substr(1);
  const UniqueFd descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor) return absl::InvalidArgumentError(file + ": " + std::strerror(errno));
  return ReadAll(descriptor.get(), file, bytes_max);
}

int SubmitVerb::Run(const CommandLine& line) const {
  const std::string argument = line.command.empty() ? payload_ : line.command.front();
  if (line.command.size() > 1 || (!line.command.empty() && !payload_.empty())) {
    std::cerr << "andiron: submit takes one payload; quote it if it has blanks\n";
    return kExitUsage;
  }
  if (const char* what = !IsUtf8(pool_) ? "the pool's name" : !IsUtf8(id_) ? "--id" : nullptr) {
    std::cerr << "andiron: " << what << " isn't UTF-8\n";
    return kExitUsage;
  }
  absl::StatusOr<control::Submit> submit = Template();
  if (!submit.ok()) {
    std::cerr << "andiron: " << submit.status().message() << "\n";
    return kExitUsage;
  }
  if (lines_ && (!id_.empty() || (!argument.empty() && argument != "-" && argument.front() != '@'))) {
    std::cerr << "andiron: --lines reads its jobs from stdin or @FILE, and each gets an id of its own\n";
    return kExitUsage;
  }
  auto client = address_.Connect("andiron submit");
  if (!client.ok()) return address_.Report(client.status(), std::cerr);
  if (lines_) return RunLines(**client, *std::move(submit), argument);
  absl::StatusOr<std::string> payload = Payload(argument, (*client)->worker().max_submit());
  if (!payload.ok()) {
    std::cerr << "andiron: " << payload.status().message() << "\n";
    return kExitInput;
  }
  submit->set_payload(*std::move(payload));
  return RunOne(**client, *std::move(submit));
}

int SubmitVerb::RunLines(ControlClient& client, control::Submit submit, const std::string& argument) const {
  SubmitOptions options;
  options.job = std::move(submit);
  if (argument.size() > 1) options.files = {argument.substr(1)};
  options.ordered = !unordered_;
  options.json = output_ == "json";
  options.detach = detach_;
  auto loop = EventLoop::Create();
  if (!loop.ok()) {
    std::cerr << "andiron: " << loop.status().message() << "\n";
    return kExitInternal;
  }
  SubmitRun run(**loop, client, options);
  const int code = run.Run();
  if (const std::string problem = run.problem(); !problem.empty()) std::cerr << "andiron: " << problem << "\n";
  if (run.lost().ok()) return code;
  std::cerr << "andiron: " << Count(run.unknown(), "job") << " without an outcome: " << run.lost().message()
            << "; the worker's log says why, if it is still there\n";
  return ExitCodeFor(run.lost());
}

int SubmitVerb::RunOne(ControlClient& client, control::Submit submit) const {
  SubmitOptions options;
  options.json = output_ == "json";
  control::ToWorker message;
  submit.set_request(client.NewRequest());
  *message.mutable_submit() = std::move(submit);
  if (absl::Status sent = client.Send(message, kAnswerTimeout); !sent.ok()) {
    const int code = address_.Report(sent, std::cerr);
    return absl::IsInvalidArgument(sent) ? kExitInput : code;
  }
  std::string id = id_;
  while (true) {
    // No bound of ours: start_by and run_for are the job's, and a worker that goes away closes the connection.
    const absl::StatusOr<control::FromWorker> answer = client.Next(kOutcomePoll);
    if (absl::IsDeadlineExceeded(answer.status())) continue;
    if (!answer.ok()) return address_.Report(answer.status(), std::cerr);
    if (answer->has_refused()) {
      JobReport report = ReportOf(answer->refused());
      report.id = id;
      return Report(options, report);
    }
    if (answer->has_outcome()) return Report(options, ReportOf(answer->outcome()));
    if (answer->has_error()) {
      std::cerr << "andiron: " << Printable(answer->error().text()) << "\n";
      return kExitUsage;
    }
    if (!answer->has_accepted()) continue;
    id = answer->accepted().id();
    if (detach_) {
      std::cout << (options.json ? AcceptedJson(id, "") : id + "\n");
      return kExitDone;
    }
  }
}

}  // namespace andiron
