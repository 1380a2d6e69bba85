#include "tests/sim/scenario.h"

#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "jobs/core.h"
#include "jobs/settings_rules.h"
#include "tests/sim/oracle.h"
#include "tests/sim/trace.h"

namespace andiron::sim {
namespace {

// One line of a script: words, and key=value pairs.
struct Line {
  std::vector<std::string> words;
  std::map<std::string, std::string, std::less<>> keys;

  std::string Key(std::string_view key, std::string_view otherwise = "") const {
    const auto found = keys.find(key);
    return found == keys.end() ? std::string(otherwise) : found->second;
  }
  std::string Word(std::size_t i) const { return i < words.size() ? words[i] : std::string(); }
  bool Has(std::string_view word) const {
    for (const std::string& one : words) {
      if (one == word) return true;
    }
    return false;
  }
};

Line Split(std::string_view text) {
  Line line;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string word(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      line.words.push_back(word);
    } else {
      line.keys[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return line;
}

std::int64_t NumberIn(std::string_view text, std::string_view* rest = nullptr) {
  std::int64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (rest != nullptr) *rest = text.substr(static_cast<std::size_t>(end.ptr - text.data()));
  return number;
}

Duration DurationIn(std::string_view text) {
  std::string_view unit;
  const std::int64_t number = NumberIn(text, &unit);
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"h", 3'600'000'000'000}, {"min", 60'000'000'000}, {"s", 1'000'000'000},
      {"ms", 1'000'000},        {"us", 1'000},           {"ns", 1}};
  for (const auto& [name, size] : kUnits) {
    if (unit == name) return Duration(number * size);
  }
  return Duration(number);
}

// "p/0.1" with the pool's name.
ChildId ChildIn(std::string_view text, std::span<const PoolSettings> pools) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  ChildId id;
  while (id.pool < pools.size() && pools[id.pool].name != text.substr(0, slash)) ++id.pool;
  std::string_view rest;
  id.slot = static_cast<std::uint32_t>(NumberIn(text.substr(slash + 1), &rest));
  if (!rest.empty()) id.generation = static_cast<std::uint32_t>(NumberIn(rest.substr(1)));
  return id;
}

bool SetSetting(PoolSettings& pool, std::string_view key, const std::string& value) {
  for (const NumberRule& rule : NumberRules()) {
    if (rule.key != key) continue;
    if (const auto* count = std::get_if<int PoolSettings::*>(&rule.member)) {
      pool.*(*count) = static_cast<int>(NumberIn(value));
    } else if (const auto* bytes = std::get_if<std::int64_t PoolSettings::*>(&rule.member)) {
      pool.*(*bytes) = NumberIn(value);
    } else {
      pool.*std::get<Duration PoolSettings::*>(rule.member) = DurationIn(value);
    }
    return true;
  }
  return false;
}

// Facts about a child, in the words of traces.
std::optional<Fact> ChildFactIn(const Line& line, ChildId child) {
  const std::string& what = line.words[0];
  const JobNumber job{static_cast<std::uint64_t>(NumberIn(line.Word(2)))};
  if (what == "spawned") return Spawned{child, static_cast<std::int32_t>(NumberIn(line.Key("pid", "100")))};
  if (what == "spawn_failed") return SpawnFailed{child, line.Key("what", "no such file")};
  if (what == "progressed") return ChildProgressed{child};
  if (what == "ready") return ChildReady{child};
  if (what == "misbehaved") return ChildMisbehaved{child, line.Key("what", "garbage")};
  if (what == "acked") return JobAcked{child, job};
  if (what == "ponged") return ChildPonged{child};
  if (what == "halted" || what == "continued") return ChildHalted{child, what == "halted"};
  if (what == "half_frame" || what == "whole_frame") return FrameHalfRead{child, what == "half_frame"};
  if (what == "blocked" || what == "unblocked") return WriteBlocked{child, what == "blocked"};
  if (what == "closed") return ChannelClosed{child};
  if (what == "exited") {
    return ChildExited{child, static_cast<int>(NumberIn(line.Key("code", "0"))),
                       static_cast<int>(NumberIn(line.Key("signal", "0"))), line.Has("oom")};
  }
  if (what == "returned") {
    const auto end = line.Has("failed")      ? JobReturned::End::kFailed
                     : line.Has("cancelled") ? JobReturned::End::kCancelled
                                             : JobReturned::End::kSucceeded;
    return JobReturned{child, job, end, line.Key("result")};
  }
  return std::nullopt;
}

JobSubmitted SubmissionIn(const Line& line) {
  JobSubmitted fact;
  fact.job = JobNumber{static_cast<std::uint64_t>(NumberIn(line.Word(1)))};
  fact.pool = line.Key("pool", "p");
  fact.id = line.Key("id", line.Word(1));
  fact.payload = line.Key("payload");
  if (line.keys.contains("start_by")) fact.start_by = DurationIn(line.Key("start_by"));
  if (line.keys.contains("run_for")) fact.run_for = DurationIn(line.Key("run_for"));
  fact.priority = static_cast<int>(NumberIn(line.Key("priority", "0")));
  fact.reservation = ReservationNumber{static_cast<std::uint64_t>(NumberIn(line.Key("reservation", "0")))};
  return fact;
}

std::optional<Fact> FactIn(const Line& line, std::span<const PoolSettings> pools) {
  const std::string& what = line.words[0];
  const auto number = static_cast<std::uint64_t>(NumberIn(line.Word(1)));
  if (what == "submit") return SubmissionIn(line);
  if (what == "cancel") {
    JobCancelled fact{JobNumber{number}};
    if (line.keys.contains("grace")) fact.grace = DurationIn(line.Key("grace"));
    return fact;
  }
  if (what == "reserve") return ReservationAsked{ReservationNumber{number}, line.Key("pool", "p")};
  if (what == "release") return ReservationReleased{ReservationNumber{number}};
  if (what == "await")
    return ReadyAwaited{WaiterNumber{number}, line.Key("pool", "p"), DurationIn(line.Key("patience", "10s"))};
  if (what == "drain") return DrainRequested{};
  if (what == "resume") return ResumeRequested{};
  if (what == "stop") return StopRequested{line.Has("now")};
  if (what == "stop_child")
    return ChildStopRequested{WaiterNumber{number}, ChildIn(line.Word(2), pools), line.Has("force")};
  return ChildFactIn(line, ChildIn(line.Word(1), pools));
}

class Script {
 public:
  std::string Run(std::string_view script) {
    while (!script.empty() && good_) {
      const std::size_t end = script.find('\n');
      const std::string_view text = script.substr(0, end);
      script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
      ++number_;
      if (text.starts_with(">") || text.starts_with("!")) continue;
      Take(text);
    }
    Finish();
    return std::move(out_);
  }

 private:
  void Take(std::string_view text) {
    const Line line = Split(text.starts_with("#") ? "" : text);
    const std::string what = line.Word(0);
    const bool fact =
        !what.empty() && what != "turn" && what != "until" && what != "status" && what != "pool" && what != "worker";
    if (!fact && !what.empty()) Finish();
    if (what.empty() && turn_open_) Finish();
    out_ += std::string(text) + "\n";
    if (what.empty()) return;
    if (what == "worker") return TakeWorker(line);
    if (what == "pool") return TakePool(line);
    if (core_ == nullptr) Begin();
    if (what == "turn") return Open(line);
    if (what == "until") return Until(TimePoint(DurationIn(line.Word(1))));
    if (what == "status") return Status();
    std::optional<Fact> known = FactIn(line, pools_);
    if (!known || !turn_open_) return Complain(known ? "a fact outside a turn" : "unknown word '" + what + "'");
    facts_.push_back(std::move(*known));
  }

  void TakeWorker(const Line& line) {
    drain_timeout_ = DurationIn(line.Key("drain_timeout", "30s"));
    jitter_seed_ = static_cast<std::uint64_t>(NumberIn(line.Key("jitter_seed", "1")));
  }

  void TakePool(const Line& line) {
    PoolSettings pool;
    pool.name = line.Word(1);
    pool.command = {"child"};
    pool.ping_interval = Duration(0);  // a script's time is its own: pings only where they are its matter
    for (const auto& [key, value] : line.keys) {
      if (!SetSetting(pool, key, value)) return Complain("unknown setting '" + key + "'");
    }
    ResolveDefaults(pool, 1);
    for (const std::string& sentence : Contradictions(pool)) return Complain(sentence);
    pools_.push_back(std::move(pool));
  }

  void Begin() {
    core_ = std::make_unique<Core>(pools_, drain_timeout_, jitter_seed_, /*strict=*/true);
    oracle_.Begin(pools_, drain_timeout_);
  }

  void Open(const Line& line) {
    now_ = TimePoint(DurationIn(line.Word(1)));
    as_of_ = line.keys.contains("as_of") ? TimePoint(DurationIn(line.Key("as_of"))) : now_;
    performed_ = TimePoint(DurationIn(line.Key("performed", "0")));
    turn_open_ = true;
  }

  void Finish() {
    if (!turn_open_ || !good_) return;
    turn_open_ = false;
    Step("");
  }

  void Step(const std::string& prefix) {
    facts_.insert(facts_.begin(), TimeRead{now_, std::exchange(performed_, {})});
    oracle_.Read(as_of_, facts_);
    actions_.clear();
    core_->Step(as_of_, facts_, actions_);
    oracle_.Check(actions_, *core_, true);
    facts_.clear();
    for (const Action& action : actions_) out_ += "> " + prefix + TextOf(action, pools_) + "\n";
    if (oracle_.problem().empty()) return;
    out_ += "! " + oracle_.problem() + "\n";
    good_ = false;
  }

  void Until(TimePoint end) {
    for (int turns = 0; good_ && core_->NextDeadline() <= end && turns < 1000; ++turns) {
      now_ = as_of_ = core_->NextDeadline();
      Step(TextOf(now_) + " ");
    }
  }

  void Status() {
    for (const PoolStatus& pool : core_->Status().pools) {
      out_ += "> " + pool.name;
      for (int i = 0; i < kSlotStateCount; ++i) {
        const int count = pool.slots[static_cast<std::size_t>(i)];
        if (count > 0) out_ += " " + std::string(Name(static_cast<SlotState>(i))) + "=" + std::to_string(count);
      }
      const std::pair<const char*, int> counts[] = {{"quarantined", pool.quarantined},
                                                    {"withheld", pool.withheld},
                                                    {"queued", pool.queued},
                                                    {"running", pool.running},
                                                    {"reserved", pool.reserved}};
      for (const auto& [name, count] : counts) {
        if (count > 0) out_ += std::string(" ") + name + "=" + std::to_string(count);
      }
      out_ += " capacity=" + std::to_string(pool.capacity) + " breaker=" + std::string(Name(pool.breaker)) + "\n";
    }
  }

  void Complain(const std::string& what) {
    out_ += "! line " + std::to_string(number_) + ": " + what + "\n";
    good_ = false;
  }

  std::vector<PoolSettings> pools_;
  Duration drain_timeout_ = 30s;
  std::uint64_t jitter_seed_ = 1;
  std::unique_ptr<Core> core_;
  Oracle oracle_;
  std::vector<Fact> facts_;
  ActionList actions_;
  TimePoint now_{};
  TimePoint as_of_{};
  TimePoint performed_{};  // the actions of the turn before; the zero is long ago
  bool turn_open_ = false;
  bool good_ = true;
  int number_ = 0;
  std::string out_;
};

}  // namespace

std::string RunScenario(std::string_view script) { return Script().Run(script); }

}  // namespace andiron::sim
