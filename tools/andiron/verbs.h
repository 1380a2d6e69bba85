// The verbs of the command but config (config_verb.h). One file each.
//
// Each adds itself to the App in its constructor; after the parse, if chosen(), Run() does it and returns the exit
// code. None copies or moves: the App refers to them.
#ifndef ANDIRON_TOOLS_ANDIRON_VERBS_H_
#define ANDIRON_TOOLS_ANDIRON_VERBS_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/andiron/flags.h"
#include "tools/andiron/worker_address.h"

namespace andiron {

class Verb {
 public:
  Verb(CLI::App& app, const std::string& name, const std::string& summary, const std::string& examples)
      : app_(*app.add_subcommand(name, summary)) {
    app_.footer(examples);
  }
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;
  bool chosen() const { return app_.parsed(); }

 protected:
  ~Verb() = default;
  CLI::App& app_;
};

class StartVerb : public Verb {
 public:
  explicit StartVerb(CLI::App& app);
  int Run(const CommandLine& line) const;

 private:
  SettingsFlags flags_;
};

class RunVerb : public Verb {
 public:
  explicit RunVerb(CLI::App& app);
  int Run(const CommandLine& line) const;

 private:
  SettingsFlags flags_;
  std::vector<std::string> files_;
  std::string split_ = "line";
  std::string output_ = "text";
  bool unordered_ = false;
  bool quiet_ = false;
};

class SubmitVerb : public Verb {
 public:
  explicit SubmitVerb(CLI::App& app);
  int Run(const CommandLine& line) const;

 private:
  int RunOne(ControlClient& client, control::Submit submit) const;
  int RunLines(ControlClient& client, control::Submit submit, const std::string& argument) const;
  absl::StatusOr<std::string> Payload(const std::string& argument, std::size_t bytes_max) const;
  absl::StatusOr<control::Submit> Template() const;

  WorkerAddress address_;
  std::string pool_;
  std::string payload_;
  std::string id_;
  std::string start_by_;
  std::string run_for_;
  std::string output_ = "text";
  int priority_ = 0;
  bool detach_ = false;
  bool lines_ = false;
  bool unordered_ = false;
};

class StatusVerb : public Verb {
 public:
  explicit StatusVerb(CLI::App& app);
  int Run() const;

 private:
  WorkerAddress address_;
  std::string output_ = "text";
};

class CancelVerb : public Verb {
 public:
  explicit CancelVerb(CLI::App& app);
  int Run(const CommandLine& line) const;

 private:
  WorkerAddress address_;
  std::vector<std::string> names_;  // [POOL] JOB, as far as they come before "--"
};

class DrainVerb : public Verb {
 public:
  explicit DrainVerb(CLI::App& app);
  int Run() const;

 private:
  WorkerAddress address_;
  bool wait_ = false;
  std::string timeout_ = "1h";
};

class ResumeVerb : public Verb {
 public:
  explicit ResumeVerb(CLI::App& app);
  int Run() const;

 private:
  WorkerAddress address_;
};

class StopVerb : public Verb {
 public:
  explicit StopVerb(CLI::App& app);
  int Run() const;

 private:
  WorkerAddress address_;
  bool now_ = false;
  std::string timeout_ = "5m";
};

}  // namespace andiron

#endif  // ANDIRON_TOOLS_ANDIRON_VERBS_H_
