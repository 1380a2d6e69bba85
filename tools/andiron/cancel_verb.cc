// andiron cancel: end a job, whoever submitted it.
#include <iostream>

#include "ipc/text.h"
#include "tools/andiron/exit_code.h"
#include "tools/andiron/verbs.h"

namespace andiron {
namespace {

// Of a positional, its name and no more.
class PlainUsage : public CLI::Formatter {
 public:
  std::string make_option_usage(const CLI::Option* option) const override { return make_option_name(option, true); }
};

}  // namespace

CancelVerb::CancelVerb(CLI::App& app)
    : Verb(app, "cancel", "cancel a queued or running job, whoever submitted it",
           "The job is told, and its submitter gets its outcome; a child that doesn't end it within\n"
           "cancel_grace is stopped.\n"
           "Exit: 0 it has been told, 125 there is no such job.\n"
           "Examples:\n"
           "  andiron cancel job-17\n"
           "  andiron cancel spell job-17        only if it is a job of the pool spell\n"
           "  andiron cancel -- -17              where it begins with a dash"),
      address_(app_) {
  AddWords(app_, "[POOL] JOB", 2, names_, "the job's id; before it, its pool, to be sure")
      ->option_text("TEXT REQUIRED");
  app_.formatter(std::make_unique<PlainUsage>());
}

int CancelVerb::Run(const CommandLine& line) const {
  std::vector<std::string> names = names_;
  names.insert(names.end(), line.command.begin(), line.command.end());
  if (names.empty() || names.size() > 2) {
    std::cerr << "andiron cancel: expected [POOL] JOB" << (names.empty() ? "" : ", no more") << "\n"
              << "See andiron cancel --help.\n";
    return kExitUsage;
  }
  auto client = address_.Connect("andiron cancel");
  if (!client.ok()) return address_.Report(client.status(), std::cerr);
  control::ToWorker request;
  control::Cancel& cancel = *request.mutable_cancel();
  cancel.set_request((*client)->NewRequest());
  if (names.size() == 2) cancel.set_pool(names.front());
  cancel.set_id(names.back());
  if (!IsUtf8(cancel.id()) || !IsUtf8(cancel.pool())) {
    std::cerr << "andiron: a job's id and its pool's name are UTF-8\n";
    return kExitUsage;
  }
  const auto answer = Ask(**client, request, kAnswerTimeout);
  if (absl::IsOutOfRange(answer.status())) {
    std::cerr << "andiron: " << answer.status().message()
              << "; it has ended, or never was: `andiron status` shows the jobs that run\n";
    return kExitJobFailed;
  }
  return answer.ok() ? kExitDone : address_.Report(answer.status(), std::cerr);
}

}  // namespace andiron
