// How the verbs that talk to a running worker find it, and what they say when they can't.
#ifndef ANDIRON_TOOLS_ANDIRON_WORKER_ADDRESS_H_
#define ANDIRON_TOOLS_ANDIRON_WORKER_ADDRESS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <andiron/time.h>

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/control/control_client.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace andiron {

// How long connecting and a single answer may take.
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(10);

// The flags --name and --socket (also ANDIRON_NAME and ANDIRON_SOCKET). The socket counts more than the name; but who
// names a worker by the flag gets no other. Must live as long as the App.
class WorkerAddress {
 public:
  explicit WorkerAddress(CLI::App& verb);
  WorkerAddress(const WorkerAddress&) = delete;
  WorkerAddress& operator=(const WorkerAddress&) = delete;

  std::string path() const;
  // At most for `patience`, and for kAnswerTimeout. AlreadyExists: a worker of another name than the flag's is there.
  absl::StatusOr<std::unique_ptr<ControlClient>> Connect(const std::string& client,
                                                         Duration patience = kAnswerTimeout) const;

  // Says on `err` what went wrong with this worker and what to do about it; the exit code.
  int Report(const absl::Status& status, std::ostream& err) const;

 private:
  std::string name_;
  std::string socket_;
  CLI::Option* name_flag_ = nullptr;
  CLI::Option* socket_flag_ = nullptr;
};

// Sends a request other than Submit and waits for its answer. An Error becomes a status: NOT_FOUND OutOfRange (there
// is a worker, but not such a job), CALLED_OFF Aborted. Other messages are dropped.
absl::StatusOr<control::FromWorker> Ask(ControlClient& client, const control::ToWorker& message, Duration timeout);

// The value of --timeout: how long to wait, more than no time. None: what is wrong has been said on `err`.
std::optional<Duration> ReadTimeout(const std::string& text, std::ostream& err);

// -o text|json, with its help.
void AddOutputFlag(CLI::App& verb, std::string& output);

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_WORKER_ADDRESS_H_
