// Who is where: all children of a worker, by pool, slot and generation.
//
// A child is found in O(1): by pool and slot, then by generation. One that is given up (quarantined) while a new
// generation takes its slot moves to a list of its own. Loop's thread.
#ifndef ANDIRON_WORKER_CHILDREN_CHILD_TABLE_H_
#define ANDIRON_WORKER_CHILDREN_CHILD_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "worker/children/child.h"

namespace andiron {

class ChildTable {
 public:
  explicit ChildTable(std::size_t pools) : places_(pools) {}

  // Gives a child its slot. Whoever is still there, of an earlier generation, goes on without it.
  Child& Put(std::unique_ptr<Child> child);
  // The child whose generation it is; null if it is forgotten.
  Child* Find(ChildId id) const;
  // The same, to write to it: Flush will come to it. Null as well if it has finished.
  Child* FindToWrite(ChildId id);
  // Writes what waits for those that were found to write to.
  void Flush();
  // There was such a child, or one of a later generation in its slot.
  bool Began(ChildId id) const;
  // Its death has been reported: it is forgotten now or, if it hasn't finished yet, by a later ForgetFinished.
  void Forget(ChildId id);
  void ForgetFinished();

  template <typename Function>
  void ForEach(Function function) const {
    for (const std::vector<Place>& slots : places_) {
      for (const Place& place : slots) {
        if (place.child != nullptr) function(*place.child);
      }
    }
    for (const auto& child : given_up_) function(*child);
  }
  // Those that haven't finished.
  int live() const;
  // Of all that have ever been here.
  std::int64_t log_lines_dropped() const;

 private:
  struct Place {
    std::unique_ptr<Child> child;
    std::uint32_t generation_latest = 0;
    bool dirty = false;
  };

  void Erase(const Child& child);

  std::vector<std::vector<Place>> places_;                      // by pool and slot
  std::vector<std::unique_ptr<Child>> given_up_;                // their slots have gone on without them
  std::vector<ChildId> unfinished_;                             // to be forgotten as soon as they have finished
  std::vector<std::pair<std::uint32_t, std::uint32_t>> dirty_;  // pool and slot of children with frames to write
  std::int64_t log_lines_dropped_ = 0;                          // by children that are forgotten
};

}  // namespace andiron

#endif  // ANDIRON_WORKER_CHILDREN_CHILD_TABLE_H_
