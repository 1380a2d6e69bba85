#include "tools/andiron/worker_address.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ostream>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/text.h"
#include "worker/base/clock.h"
#include "worker/config/quantities.h"
#include "worker/control/socket_path.h"

namespace andiron {
namespace {

std::string Remedy(const absl::Status& status) {
  if (absl::IsNotFound(status) || absl::IsUnavailable(status)) {
    return "start one with `andiron start`, or name the right one with --name or --socket";
  }
  if (absl::IsPermissionDenied(status)) return "it is another user's worker: run this as that user or as root";
  if (absl::IsDeadlineExceeded(status)) {
    return "it is there but does not answer: `kill -CONT` continues a process that was stopped, `kill -USR1` writes "
           "its state to its log";
  }
  if (absl::IsFailedPrecondition(status)) return "use the `andiron` of the worker's own version";
  return "";
}

// As everywhere, an empty variable counts as unset.
std::string FromEnvironment(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

// Not by CLI11's own envname: a value of the environment's would count as that of a flag.
WorkerAddress::WorkerAddress(CLI::App& verb)
    : name_(FromEnvironment("ANDIRON_NAME", "andiron")), socket_(FromEnvironment("ANDIRON_SOCKET", "")) {
  name_flag_ = verb.add_option("--name", name_, "the worker's name (or ANDIRON_NAME)")->capture_default_str();
  socket_flag_ = verb.add_option("--socket", socket_,
                                 "its control socket (or ANDIRON_SOCKET); default: "
                                 "$XDG_RUNTIME_DIR/andiron/NAME.sock, for root /run/andiron/NAME.sock");
}

std::string WorkerAddress::path() const { return socket_.empty() ? DefaultSocketPath(name_) : socket_; }

absl::StatusOr<std::unique_ptr<ControlClient>> WorkerAddress::Connect(const std::string& client,
                                                                      Duration patience) const {
  auto made = ControlClient::Connect(path(), std::min(patience, kAnswerTimeout), client);
  if (!made.ok() || name_flag_->count() == 0 || (*made)->worker().name() == name_) return made;
  const bool from_environment = !socket_.empty() && socket_flag_->count() == 0;
  return absl::AlreadyExistsError(
      "the worker at " + path() + " is '" + (*made)->worker().name() + "', not '" + name_ + "': give " +
      (from_environment ? "--socket, or unset ANDIRON_SOCKET" : "the right --name or --socket"));
}

int WorkerAddress::Report(const absl::Status& status, std::ostream& err) const {
  const int code = ExitCodeFor(status);
  err << "andiron: ";
  const std::string message(status.message());
  const bool nobody = !message.starts_with("no worker") && !absl::IsAlreadyExists(status);
  if (code == kExitNoWorker && nobody) err << "no worker there: ";
  err << Printable(message);
  if (message.find(path()) == std::string::npos) err << " (" << path() << ")";
  const std::string remedy = Remedy(status);
  if (!remedy.empty()) err << "; " << remedy;
  err << "\n";
  return code;
}

namespace {

absl::Status ErrorStatus(const control::Error& error) {
  if (error.code() == control::Error::CALLED_OFF) return absl::AbortedError(error.text());
  if (error.code() == control::Error::NOT_FOUND) return absl::OutOfRangeError(error.text());
  return absl::InternalError(error.text());
}

std::uint64_t RequestOf(const control::FromWorker& message) {
  if (message.has_done()) return message.done().request();
  if (message.has_status()) return message.status().request();
  if (message.has_error()) return message.error().request();
  return 0;
}

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

absl::StatusOr<control::FromWorker> Ask(ControlClient& client, const control::ToWorker& message, Duration timeout) {
  const TimePoint deadline = Later(Now(), timeout);
  if (absl::Status sent = client.Send(message, timeout); !sent.ok()) return sent;
  while (true) {
    absl::StatusOr<control::FromWorker> answer = client.Next(std::max(deadline - Now(), Duration::zero()));
    if (!answer.ok()) return answer.status();
    if (RequestOf(*answer) != RequestOf(message)) continue;
    if (answer->has_error()) return ErrorStatus(answer->error());
    return answer;
  }
}

std::optional<Duration> ReadTimeout(const std::string& text, std::ostream& err) {
  const std::optional<std::int64_t> nanoseconds = ParseDuration(text);
  if (nanoseconds.has_value() && *nanoseconds > 0) return Duration(*nanoseconds);
  err << "andiron: --timeout " << text << ": "
      << (nanoseconds.has_value() ? "without any time there is no answer; give it some, such as 30s or 5m\n"
                                  : "not a duration; write it with a unit, such as 30s or 5m\n");
  return std::nullopt;
}

void AddOutputFlag(CLI::App& verb, std::string& output) {
  verb.add_option("-o,--output", output, "text for people, json for scripts")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

}  // namespace andiron
