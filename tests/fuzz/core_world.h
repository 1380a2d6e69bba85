// A small world around a core whose every move is a byte of an input: facts, batches, times.
//
// Lawful: the driver's promises of jobs/fact.h are kept (a fact that would break one is left out), beside facts about
// children that are gone or never were; the oracle of the simulator judges every step, and after the last byte
// everybody is kind and the worker must settle. Lawless: any fact in any order about anybody, and clocks that jump;
// only the first about a child is still Spawned or SpawnFailed, by which the core counts its processes. Then it must
// keep its own invariants and end each accepted job once.
//
// With ANDIRON_FUZZ_TRACE set every turn is printed, in the words of the simulator's traces.
//
// The program: settings (6 bytes), then one letter (its byte % 32) for each move with its arguments. Digits as
// arguments stand for themselves, and blanks are moves that do nothing, so a program can be read: "b0 e0 a3".
#ifndef ANDIRON_TESTS_FUZZ_CORE_WORLD_H_
#define ANDIRON_TESTS_FUZZ_CORE_WORLD_H_

#include <andiron/settings.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "jobs/core.h"
#include "tests/fuzz/target.h"
#include "tests/sim/oracle.h"

namespace andiron::fuzz {

enum class Rule { kLawful, kLawless };

class CoreWorld {
 public:
  CoreWorld(Input input, Rule rule);

  // "" or what went wrong.
  std::string Run();

 private:
  // A child as its driver knows it.
  struct Known {
    ChildId id;
    std::vector<JobNumber> jobs;
    bool spawned = false;
    bool ready = false;
    bool halted = false;
    bool half = false;
    bool blocked = false;
    bool misbehaved = false;
    bool pinged = false;
    bool exited = false;
    bool closed = false;
    bool ending = false;
    bool close_wanted = false;  // before there was a channel

    bool over() const { return exited && closed; }
    bool speaks() const { return spawned && !closed && !misbehaved; }
  };

  void Settings();
  void Move(int letter);
  void AboutChild(int letter);
  void Foreign();
  void Submit(ReservationNumber reservation);
  void Advance(int choice);
  void ToDeadline();

  bool Lawful() const { return rule_ == Rule::kLawful; }
  // Adds the fact where the driver may say it; true if it did.
  template <typename T>
  bool Say(bool allowed, T fact);
  void Close(Known& child);
  void BeKind();

  void Step(TimePoint as_of);
  void Trace(TimePoint as_of) const;
  void Note(const Action& action);
  void NoteOrder(const Action& action);
  void Settle();
  void EndLawless();
  void Fail(std::string problem);

  Known* Chosen();
  Known* Find(ChildId id);
  JobNumber ChosenJob();
  ReservationNumber ChosenReservation();
  std::string ChosenPool();
  int Digit() { return input_.Byte() & 15; }

  Input input_;
  const Rule rule_;
  const bool trace_;
  std::vector<PoolSettings> pools_;
  Duration drain_timeout_{};
  std::unique_ptr<Core> core_;
  sim::Oracle oracle_;
  ActionList actions_;
  std::vector<Fact> facts_;
  std::vector<Fact> batch_;
  std::vector<Known> children_;
  std::unordered_map<std::uint64_t, int> ends_;  // of accepted jobs: outcomes that were told
  std::set<std::uint64_t> answered_;             // reservations
  int steps_ = 0;
  TimePoint now_{};
  TimePoint performed_{};  // the last step's actions, where that was late
  TimePoint as_of_{};
  std::uint64_t jobs_ = 0;
  std::uint64_t waiters_ = 0;
  std::uint64_t reservations_ = 0;
  std::string problem_;
};

}  // namespace andiron::fuzz

#endif  // ANDIRON_TESTS_FUZZ_CORE_WORLD_H_
