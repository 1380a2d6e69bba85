// spell: a child that keeps a Hunspell dictionary warm. A job is a text, its result one line (see spelling.h).
//
//     andiron run --warm=2 --max-jobs-per-child=0 --split=file *.txt -- spell
//     spell --direct *.txt            the same lines, without a worker
//
// A new process loads the dictionary before it can check its first word; a warm child did that before the job came.
#include <andiron/child.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "examples/spell/spelling.h"

namespace {

constexpr std::string_view kUsage = R"(Usage: spell [OPTIONS]                      as a child of a worker
       spell [OPTIONS] --direct FILE...    without one

Spell-checks texts. Each text gives one line: words, misspelt words, the most frequent misspelt words.

  --dictionary NAME   en_US; or a path without its ending, for PATH.aff and PATH.dic
  --most N            how many misspelt words to name (5)
  --entry-time        begin each line with the moment at which the check began: nanoseconds of the monotonic clock
  --demo-faults       obey the texts "demo: hang" (never answer, never listen) and "demo: crash"
)";

struct Options {
  std::string dictionary = "en_US";
  int most = 5;
  bool entry_time = false;
  bool demo_faults = false;
  bool direct = false;
  std::vector<std::string> files;
};

// Whether `arguments` could be understood. Everything after --direct is a file.
bool Parse(const std::vector<std::string>& arguments, Options& options) {
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& argument = arguments[index];
    const bool has_value = index + 1 < arguments.size();
    if (options.direct) {
      options.files.push_back(argument);
    } else if (argument == "--direct") {
      options.direct = true;
    } else if (argument == "--entry-time") {
      options.entry_time = true;
    } else if (argument == "--demo-faults") {
      options.demo_faults = true;
    } else if (argument == "--dictionary" && has_value) {
      options.dictionary = arguments[++index];
    } else if (argument == "--most" && has_value) {
      const std::string& number = arguments[++index];
      const char* end = number.data() + number.size();
      const auto [stop, error] = std::from_chars(number.data(), end, options.most);
      if (error != std::errc() || stop != end || options.most < 0) return false;
    } else {
      return false;
    }
  }
  return !options.direct || !options.files.empty();
}

std::string MonotonicNow() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::to_string(now.tv_sec * 1'000'000'000LL + now.tv_nsec);
}

class Checker : public andiron::JobHandler {
 public:
  explicit Checker(const Options& options) : options_(options), spelling_(options.dictionary) {}

  std::string Prewarm(andiron::WarmUp& warm_up) override {
    warm_up.Progress(-1, "loading " + options_.dictionary);
    return Load();
  }

  andiron::JobResult Run(andiron::JobContext& job) override {
    if (options_.demo_faults) Obey(job.payload());
    return andiron::JobResult::Success(Check(job.payload()));
  }

  std::string Load() { return spelling_.Load(); }

  std::string Check(std::string_view text) {
    const std::string entry = options_.entry_time ? MonotonicNow() + '\t' : "";
    return entry + spelling_.Check(text, options_.most);
  }

 private:
  // For demonstrations of what the worker does about such a child.
  static void Obey(std::string_view text) {
    if (text == "demo: hang") {
      while (true) pause();
    }
    if (text == "demo: crash") raise(SIGSEGV);
  }

  const Options& options_;
  spell::Spelling spelling_;
};

int CheckFiles(Checker& checker, const std::vector<std::string>& files) {
  if (const std::string error = checker.Load(); !error.empty()) {
    std::cerr << "spell: " << error << '\n';
    return 1;
  }
  for (const std::string& name : files) {
    std::ifstream file(name, std::ios::binary);
    std::ostringstream text;
    // Nothing to insert would be a failure of the stream: an empty file is none.
    const bool empty = file.peek() == std::ifstream::traits_type::eof();
    if (!file || (!empty && !(text << file.rdbuf()))) {
      std::cerr << "spell: can't read " << name << '\n';
      return 1;
    }
    std::cout << checker.Check(text.str()) << '\n';
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!Parse({argv + 1, argv + argc}, options)) {
    std::cerr << kUsage;
    return 64;
  }
  Checker checker(options);
  return options.direct ? CheckFiles(checker, options.files) : andiron::ChildMain(argc, argv, checker);
}
