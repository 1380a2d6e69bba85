// andiron run: one batch through a private worker.
#include <unistd.h>

#include <iostream>
#include <utility>

#include "tools/andiron/batch_run.h"
#include "tools/andiron/exit_code.h"
#include "tools/andiron/verbs.h"

namespace andiron {
namespace {

constexpr const char* kExamples =
    "A job for each input line; each result goes to stdout, in input order. Failures, progress (on a terminal) and a\n"
    "summary go to stderr. The flags and defaults are those of `andiron start`, but for: start_by 24h (a batch waits\n"
    "for its children), log_level error (--log-level info shows what the children print), and a name of its own.\n"
    "Ctrl-C reads no more and waits for what is under way; a second one kills it.\n"
    "Exit: 0 every job succeeded, 125 a job failed, 65 bad input, 75 the children don't start, 128+N ended by\n"
    "signal N.\n"
    "Examples:\n"
    "  andiron run names.txt -- ./greet --model large\n"
    "  seq 1000 | andiron run --warm 4 --max_jobs_per_child 0 -- python3 square.py\n"
    "  find . -name '*.wav' -print0 | andiron run --split=nul --unordered -- ./transcribe\n"
    "  andiron run --split=file -o json *.txt -- ./summarize > results.jsonl";

std::vector<Assignment> Defaults() {
  const auto assignment = [](const char* key, std::string value) {
    Assignment made;
    made.key = key;
    made.value = std::move(value);
    made.name = "andiron run";
    return made;
  };
  return {assignment("start_by", "24h"), assignment("log_level", "error"),
          assignment("name", "run-" + std::to_string(getpid()))};
}

Split SplitOf(const std::string& word) {
  if (word == "file") return Split::kFile;
  return word == "nul" ? Split::kNul : Split::kLine;
}

}  // namespace

RunVerb::RunVerb(CLI::App& app) : Verb(app, "run", "one batch through a private worker", kExamples), flags_(app_) {
  AddWords(app_, "FILE", 0, files_, "where the jobs are; none or -: stdin");
  app_.add_option("--split", split_, "what a job is: a line, a part that ends in a NUL byte, a whole FILE")
      ->check(CLI::IsMember({"line", "nul", "file"}))
      ->capture_default_str();
  app_.add_flag("--unordered", unordered_, "write each result at once, not in input order");
  AddOutputFlag(app_, output_);
  app_.add_flag("-q,--quiet", quiet_, "no progress and no summary; failures are still told");
}

int RunVerb::Run(const CommandLine& line) const {
  ConfigSources sources = flags_.Sources(line);
  sources.verb = "andiron run";
  sources.verb_defaults = Defaults();
  ConfigResult result = Load(sources);
  if (!result.ok()) {
    std::cerr << ErrorText(result);
    return andiron::ExitCode(result);
  }
  if (result.config.settings.pools.size() != 1) {
    std::cerr << "andiron: run wants exactly one pool, and the configuration has "
              << result.config.settings.pools.size() << "; give run a file with one, or `-- CHILD ARG...`\n";
    return kExitConfig;
  }
  RunOptions options;
  options.settings = std::move(result.config.settings);
  options.files = files_;
  options.split = SplitOf(split_);
  options.ordered = !unordered_;
  options.json = output_ == "json";
  options.quiet = quiet_;
  auto loop = EventLoop::Create();
  if (!loop.ok()) {
    std::cerr << "andiron: " << loop.status().message() << "\n";
    return kExitInternal;
  }
  return BatchRun(**loop, options).Run();
}

}  // namespace andiron
