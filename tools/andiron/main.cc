// The `andiron` command: one binary, verbs first.
#include <andiron/worker.h>
#include <google/protobuf/stubs/logging.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <string>

#include "tools/andiron/config_verb.h"
#include "tools/andiron/exit_code.h"
#include "tools/andiron/flags.h"
#include "tools/andiron/verbs.h"
#include "worker/driver/worker_impl.h"

namespace andiron {
namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  seq 100 | andiron run -- ./child            a batch through warm children\n"
    "  andiron start -- ./child                    a worker, in the foreground\n"
    "  andiron submit default 'a payload'          a job for it\n"
    "`andiron VERB --help` tells more. Exit codes: 0 done or drained, 64 usage, 65 bad job input, 69 no worker there,\n"
    "70 internal, 75 refused for now, 77 permission, 78 configuration, 124 timed out, 125 a job failed,\n"
    "128+N child killed by signal N.";

class Program {
 public:
  Program() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "andiron " + std::string(Version()));
    app_.footer(kExamples);
  }

  int Run(int argc, const char* const* argv) {
    const CommandLine line = SplitCommandLine(argc, argv);
    try {
      line.Parse(app_);
    } catch (const CLI::ParseError& error) {
      return Written(ReportParseError(app_, error, std::cout, std::cerr));
    }
    return Written(RunChosen(line));
  }

 private:
  // Success is what has been written, too.
  static int Written(int code) {
    errno = 0;
    std::cout.flush();
    if (std::cout.good()) return code;
    // An earlier failure has kept no reason: a pipe without a reader shows it still.
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    if (errno == 0 && poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) errno = EPIPE;
    if (errno == EPIPE) return kExitSignal + SIGPIPE;
    std::cerr << "andiron: stdout: " << (errno == 0 ? "it can't be written" : std::strerror(errno)) << "\n";
    return code == kExitDone ? kExitInternal : code;
  }

  int RunChosen(const CommandLine& line) const {
    if (start_.chosen()) return start_.Run(line);
    if (run_.chosen()) return run_.Run(line);
    if (submit_.chosen()) return submit_.Run(line);
    if (cancel_.chosen()) return cancel_.Run(line);
    if (config_.chosen()) return config_.Run(line, std::cout, std::cerr);
    if (line.has_command) {
      std::cerr << "andiron: this verb starts no child: leave out `--` and what follows\n";
      return kExitUsage;
    }
    if (status_.chosen()) return status_.Run();
    if (drain_.chosen()) return drain_.Run();
    if (resume_.chosen()) return resume_.Run();
    return stop_.Run();
  }

  CLI::App app_{"Andiron keeps child processes warm, so that a job starts at once.", "andiron"};
  StartVerb start_{app_};
  RunVerb run_{app_};
  SubmitVerb submit_{app_};
  StatusVerb status_{app_};
  CancelVerb cancel_{app_};
  DrainVerb drain_{app_};
  ResumeVerb resume_{app_};
  StopVerb stop_{app_};
  ConfigVerb config_{app_};
};

}  // namespace
}  // namespace andiron

int main(int argc, char** argv) {
  andiron::PrepareProcess();
  google::protobuf::SetLogHandler(nullptr);  // what is wrong with a message is ours to say
  return andiron::Program().Run(argc, argv);
}
