#include "jobs/settings_rules.h"

#include <algorithm>
#include <csignal>
#include <set>
#include <utility>

namespace andiron {
namespace {

using P = PoolSettings;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLongest = kDurationMax.count();
constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kMemoryMax = std::int64_t{1} << 50;
constexpr int kJobsMax = 1'000'000'000;

// A wait that nothing else ends may not be zero; one that only gives somebody time to be polite may.
constexpr NumberRule kNumberRules[] = {
    {"warm", &P::warm, 0, kChildrenMax},
    {"max_children", &P::max_children, 1, kChildrenMax},
    {"max_starting", &P::max_starting, 1, kChildrenMax},
    {"init_timeout", &P::init_timeout, kMillisecond, kLongest},
    {"init_stall_timeout", &P::init_stall_timeout, 0, kLongest},
    {"max_jobs_per_child", &P::max_jobs_per_child, 0, kJobsMax},
    {"max_concurrent_jobs_per_child", &P::max_concurrent_jobs_per_child, 0, kConcurrencyMax},
    {"max_child_age", &P::max_child_age, 0, kLongest},
    {"memory_limit", &P::memory_limit, 0, kMemoryMax},
    {"idle_timeout", &P::idle_timeout, 0, kLongest},
    {"queue_limit", &P::queue_limit, 0, kQueueMax},
    {"start_by", &P::start_by, kMillisecond, kLongest},
    {"run_for", &P::run_for, 0, kLongest},
    {"ack_timeout", &P::ack_timeout, kMillisecond, kLongest},
    {"frame_timeout", &P::frame_timeout, kMillisecond, kLongest},
    {"write_timeout", &P::write_timeout, kMillisecond, kLongest},
    {"ping_interval", &P::ping_interval, 0, kLongest},
    {"ping_timeout", &P::ping_timeout, kMillisecond, kLongest},
    {"cancel_grace", &P::cancel_grace, 0, kLongest},
    {"stop_grace", &P::stop_grace, 0, kLongest},
    {"kill_grace", &P::kill_grace, kMillisecond, kLongest},
    {"exit_drain", &P::exit_drain, 0, kLongest},
    {"quarantine_max", &P::quarantine_max, 1, kChildrenMax},
    {"reservation_timeout", &P::reservation_timeout, kMillisecond, kLongest},
    {"stable_time", &P::stable_time, 0, kLongest},
    {"backoff_min", &P::backoff_min, kMillisecond, kLongest},
    {"backoff_max", &P::backoff_max, kMillisecond, kLongest},
    {"breaker_failures", &P::breaker_failures, 0, kJobsMax},
    {"breaker_probe", &P::breaker_probe, kMillisecond, kLongest},
    {"max_payload", &P::max_payload, 1, kMessageBytesMax},
    {"max_result", &P::max_result, 1, kMessageBytesMax},
    {"log_line_limit", &P::log_line_limit, 64, kMiB},
    {"log_rate_limit", &P::log_rate_limit, kKiB, kMessageBytesMax},
};

struct StopSignal {
  std::string_view name;
  int number;
};
constexpr StopSignal kStopSignals[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT},
                                       {"HUP", SIGHUP},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
                                       {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"KILL", SIGKILL}};

std::int64_t ValueOf(const PoolSettings& pool, const NumberRule& rule) {
  if (auto* number = std::get_if<int P::*>(&rule.member)) return pool.*(*number);
  if (auto* bytes = std::get_if<std::int64_t P::*>(&rule.member)) return pool.*(*bytes);
  return (pool.*std::get<Duration P::*>(rule.member)).count();
}

// "4", "4096 bytes", "1500ms": exact, and short enough for a sentence.
std::string InUnit(const NumberRule& rule, std::int64_t value) {
  if (std::holds_alternative<int P::*>(rule.member)) return std::to_string(value);
  if (std::holds_alternative<std::int64_t P::*>(rule.member)) return std::to_string(value) + " bytes";
  if (value % 1'000'000'000 == 0) return std::to_string(value / 1'000'000'000) + "s";
  if (value % kMillisecond == 0) return std::to_string(value / kMillisecond) + "ms";
  return std::to_string(value) + "ns";
}

std::string InUnit(Duration value) { return InUnit({"", &P::init_timeout, 0, 0}, value.count()); }

// Collects what is wrong with one pool.
class PoolRules {
 public:
  explicit PoolRules(const PoolSettings& pool) : pool_(pool) {}

  std::vector<Contradiction> Find() {
    Words();
    for (const NumberRule& rule : kNumberRules) Range(rule);
    Counts();
    Durations();
    return std::move(found_);
  }

 private:
  void Add(std::string_view key, std::string text, std::string_view other = {}) {
    found_.push_back({pool_.name, std::string(key), std::string(other), std::move(text)});
  }

  void Words() {
    if (!IsName(pool_.name)) {
      Add("", "the pool's name '" + pool_.name +
                  "' is not 1 to 64 of A-Z a-z 0-9 _ -, beginning without a dash: rename it");
    }
    if (pool_.command.empty() || pool_.command.front().empty()) {
      Add("command", "command is empty: give the program that a child runs, and its arguments");
    }
    if (std::any_of(pool_.command.begin(), pool_.command.end(), HasNul)) Add("command", "command holds a NUL byte");
    if (std::any_of(pool_.stop_command.begin(), pool_.stop_command.end(), HasNul)) {
      Add("stop_command", "stop_command holds a NUL byte");
    }
    for (const auto& [name, value] : pool_.env) {
      if (name.empty() || name.find('=') != std::string::npos || HasNul(name) || HasNul(value)) {
        Add("env", "env has a variable named '" + name + "': a name is not empty, without '=' and NUL bytes");
      } else if (name.starts_with("ANDIRON_")) {
        Add("env", "env sets " + name + ": names that begin with ANDIRON_ are the worker's own; use another");
      }
    }
    if (pool_.env_inherit.kind != EnvInherit::Kind::kNames && !pool_.env_inherit.names.empty()) {
      Add("env_inherit", "env_inherit lists names and also says all or none: keep one of them");
    }
    if (StopSignalNumber(pool_.stop_signal) == 0) {
      Add("stop_signal", "stop_signal '" + pool_.stop_signal + "' is not one of " + StopSignalNames());
    }
  }

  static bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

  void Range(const NumberRule& rule) {
    const std::int64_t value = ValueOf(pool_, rule);
    if (value >= rule.min && value <= rule.max) return;
    Add(rule.key, std::string(rule.key) + " (" + InUnit(rule, value) + ") is out of range: use " +
                      InUnit(rule, rule.min) + " to " + InUnit(rule, rule.max));
  }

  void Counts() {
    const std::string slots = "max_children (" + std::to_string(pool_.max_children) + ")";
    if (pool_.max_children >= 1 && pool_.warm > pool_.max_children) {
      Add("warm",
          "warm (" + std::to_string(pool_.warm) + ") is more than " + slots + ": lower warm or raise max_children",
          "max_children");
    }
    const int jobs = pool_.max_jobs_per_child;
    const int at_once = pool_.max_concurrent_jobs_per_child;
    if (jobs > 0 && at_once > jobs) {
      Add("max_concurrent_jobs_per_child",
          "max_concurrent_jobs_per_child (" + std::to_string(at_once) + ") is more than max_jobs_per_child (" +
              std::to_string(jobs) + "), so it is never reached: raise max_jobs_per_child (0 = unlimited)",
          "max_jobs_per_child");
    }
    if (pool_.memory_limit > 0 && pool_.memory_limit < kMiB) {
      Add("memory_limit", "memory_limit (" + std::to_string(pool_.memory_limit) +
                              " bytes) is less than any process needs: use 1MiB or more, or 0 for none");
    }
  }

  void Durations() {
    if (pool_.backoff_min > pool_.backoff_max) {
      Add("backoff_min",
          "backoff_min (" + InUnit(pool_.backoff_min) + ") is more than backoff_max (" + InUnit(pool_.backoff_max) +
              "): lower backoff_min or raise backoff_max",
          "backoff_max");
    }
    if (pool_.init_stall_timeout > pool_.init_timeout) {
      Add("init_stall_timeout",
          "init_stall_timeout (" + InUnit(pool_.init_stall_timeout) + ") is more than init_timeout (" +
              InUnit(pool_.init_timeout) + "), so it never comes: lower it or raise init_timeout",
          "init_timeout");
    }
  }

  const PoolSettings& pool_;
  std::vector<Contradiction> found_;
};

std::vector<std::string> Sentences(const std::vector<Contradiction>& found) {
  std::vector<std::string> sentences;
  sentences.reserve(found.size());
  for (const Contradiction& one : found) {
    sentences.push_back(one.pool.empty() ? one.text : "pool " + one.pool + ": " + one.text);
  }
  return sentences;
}

}  // namespace

std::span<const NumberRule> NumberRules() { return kNumberRules; }

std::vector<Contradiction> FindContradictions(const PoolSettings& pool) { return PoolRules(pool).Find(); }

std::vector<Contradiction> FindContradictions(const WorkerSettings& worker) {
  std::vector<Contradiction> found;
  if (!IsName(worker.name)) {
    found.push_back({"", "name", "",
                     "the worker's name '" + worker.name +
                         "' is not 1 to 64 of A-Z a-z 0-9 _ -, beginning without a dash: choose another"});
  }
  if (worker.drain_timeout < Duration::zero() || worker.drain_timeout > kDrainTimeoutMax) {
    found.push_back({"", "drain_timeout", "",
                     "drain_timeout (" + InUnit(worker.drain_timeout) + ") is out of range: use 0s to " +
                         InUnit(kDrainTimeoutMax)});
  }
  if (worker.pools.empty()) found.push_back({"", "pools", "", "there is no pool: name at least one, with its command"});
  std::set<std::string> names;
  for (const PoolSettings& pool : worker.pools) {
    if (!names.insert(pool.name).second) {
      found.push_back({pool.name, "", "", "two pools have this name: rename one"});
    }
    for (Contradiction& one : FindContradictions(pool)) found.push_back(std::move(one));
  }
  return found;
}

std::vector<std::string> Contradictions(const PoolSettings& pool) { return Sentences(FindContradictions(pool)); }
std::vector<std::string> Contradictions(const WorkerSettings& worker) { return Sentences(FindContradictions(worker)); }

void ResolveDefaults(PoolSettings& pool, int cpus) {
  cpus = std::clamp(cpus, 1, kChildrenMax / 2);
  if (pool.warm == -1) pool.warm = pool.max_children > 0 ? std::min(cpus, pool.max_children) : cpus;
  if (pool.max_children == 0) pool.max_children = std::max(pool.warm, 2 * cpus);
  if (pool.max_starting == 0) pool.max_starting = cpus;
  if (pool.quarantine_max == 0) pool.quarantine_max = std::max(1, pool.max_children / 8);
  if (pool.max_concurrent_jobs_per_child == 0) {
    const int jobs = pool.max_jobs_per_child;
    pool.max_concurrent_jobs_per_child = jobs > 0 ? std::min(jobs, kConcurrencyMax) : kConcurrencyMax;
  }
}

int StopSignalNumber(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (const StopSignal& signal : kStopSignals) {
    if (signal.name == name) return signal.number;
  }
  return 0;
}

std::string StopSignalNames() {
  std::string names;
  for (const StopSignal& signal : kStopSignals) names += (names.empty() ? "" : ", ") + std::string(signal.name);
  return names;
}

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace andiron
