// All deadlines of the core in one heap: each owner has at most one, and can move or clear it in O(log n).
//
// An owner takes a handle for life. Times equal to another's expire in the order of the handles' last change,
// so a run replays.
#ifndef ANDIRON_JOBS_DEADLINES_H_
#define ANDIRON_JOBS_DEADLINES_H_

#include <andiron/time.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace andiron {

class Deadlines {
 public:
  enum class Kind : std::uint8_t { kSlot, kJob, kReservation, kWaiter, kPool, kDrain };
  struct Owner {
    Kind kind = Kind::kSlot;
    std::uint32_t pool = 0;
    std::uint64_t number = 0;  // slot index, or the job's, reservation's or waiter's number
  };
  using Handle = std::uint32_t;

  Handle Add(Owner owner);
  void Remove(Handle handle);

  // kNever clears it.
  void Set(Handle handle, TimePoint at);
  TimePoint At(Handle handle) const { return nodes_[handle].at; }

  TimePoint Next() const { return heap_.empty() ? kNever : nodes_[heap_.front()].at; }

  // Takes the earliest deadline that is <= as_of: cleared, and its owner returned.
  std::optional<Owner> TakeDue(TimePoint as_of);

  std::size_t armed() const { return heap_.size(); }

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  struct Node {
    Owner owner;
    TimePoint at = kNever;
    std::uint64_t change = 0;
    std::uint32_t place = kNowhere;  // in heap_
  };

  bool Before(Handle a, Handle b) const;
  void Place(std::uint32_t place, Handle handle);
  void Up(std::uint32_t place);
  void Down(std::uint32_t place);
  void Unlink(Handle handle);

  std::vector<Node> nodes_;
  std::vector<Handle> free_;
  std::vector<Handle> heap_;
  std::uint64_t changes_ = 0;
};

}  // namespace andiron

#endif  // ANDIRON_JOBS_DEADLINES_H_
