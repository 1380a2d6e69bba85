// andiron status: what a running worker is doing.
#include <iostream>

#include "tools/andiron/exit_code.h"
#include "tools/andiron/status_view.h"
#include "tools/andiron/verbs.h"

namespace andiron {

StatusVerb::StatusVerb(CLI::App& app)
    : Verb(app, "status", "what a running worker is doing",
           "Examples:\n"
           "  andiron status\n"
           "  andiron status -o json | jq '.pools[].capacity'"),
      address_(app_) {
  AddOutputFlag(app_, output_);
}

int StatusVerb::Run() const {
  auto client = address_.Connect("andiron status");
  if (!client.ok()) return address_.Report(client.status(), std::cerr);
  control::ToWorker request;
  request.mutable_status()->set_request((*client)->NewRequest());
  const auto answer = Ask(**client, request, kAnswerTimeout);
  if (!answer.ok()) return address_.Report(answer.status(), std::cerr);
  if (output_ == "json") {
    std::cout << answer->status().json() << "\n";
    return kExitDone;
  }
  const absl::StatusOr<StatusView> status = ReadStatus(answer->status().json());
  if (!status.ok()) return address_.Report(absl::InternalError(status.status().message()), std::cerr);
  std::cout << StatusText(*status);
  return kExitDone;
}

}  // namespace andiron
