// Names for children, jobs and callers. Numbers are handed out by the shell and never used twice in a
// worker's life, so an old one can't be taken for a new one.
#ifndef ANDIRON_JOBS_IDS_H_
#define ANDIRON_JOBS_IDS_H_

#include <compare>
#include <cstdint>

namespace andiron {

// One process in the place that it was started for. The generation makes what an earlier process of
// the slot says recognisable as old.
struct ChildId {
  std::uint32_t pool = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend auto operator<=>(const ChildId&, const ChildId&) = default;
};

enum class JobNumber : std::uint64_t {};
enum class ReservationNumber : std::uint64_t {};  // 0 = none
enum class WaiterNumber : std::uint64_t {};

}  // namespace andiron

#endif  // ANDIRON_JOBS_IDS_H_
