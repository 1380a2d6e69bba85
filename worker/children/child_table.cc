#include "worker/children/child_table.h"

#include <algorithm>

namespace andiron {

Child& ChildTable::Put(std::unique_ptr<Child> child) {
  const ChildId id = child->id();
  std::vector<Place>& slots = places_[id.pool];
  if (slots.size() <= id.slot) slots.resize(id.slot + 1);
  Place& place = slots[id.slot];
  if (place.child != nullptr && place.child->finished()) Erase(*place.child);
  if (place.child != nullptr) given_up_.push_back(std::move(place.child));
  place.child = std::move(child);
  place.generation_latest = id.generation;
  return *place.child;
}

Child* ChildTable::Find(ChildId id) const {
  if (id.pool < places_.size() && id.slot < places_[id.pool].size()) {
    Child* const child = places_[id.pool][id.slot].child.get();
    if (child != nullptr && child->id().generation == id.generation) return child;
  }
  const auto given_up =
      std::find_if(given_up_.begin(), given_up_.end(), [&](const auto& child) { return child->id() == id; });
  return given_up == given_up_.end() ? nullptr : given_up->get();
}

Child* ChildTable::FindToWrite(ChildId id) {
  Child* const child = Find(id);
  if (child == nullptr || child->finished()) return nullptr;
  Place& place = places_[id.pool][id.slot];
  if (place.child.get() == child && !place.dirty) {
    place.dirty = true;
    dirty_.emplace_back(id.pool, id.slot);
  }
  return child;
}

void ChildTable::Flush() {
  for (const auto& [pool, slot] : dirty_) {
    Place& place = places_[pool][slot];
    place.dirty = false;
    if (place.child != nullptr) place.child->Flush();
  }
  dirty_.clear();
}

bool ChildTable::Began(ChildId id) const {
  if (id.pool >= places_.size() || id.slot >= places_[id.pool].size()) return false;
  return id.generation <= places_[id.pool][id.slot].generation_latest;
}

void ChildTable::Forget(ChildId id) {
  const Child* const child = Find(id);
  if (child == nullptr) return;
  if (child->finished()) {
    Erase(*child);
  } else {
    unfinished_.push_back(id);
  }
}

void ChildTable::ForgetFinished() {
  for (const ChildId id : std::exchange(unfinished_, {})) Forget(id);
}

void ChildTable::Erase(const Child& child) {
  log_lines_dropped_ += child.log_lines_dropped();
  Place& place = places_[child.id().pool][child.id().slot];
  if (place.child.get() == &child) {
    place.child.reset();
  } else {
    std::erase_if(given_up_, [&](const auto& other) { return other.get() == &child; });
  }
}

int ChildTable::live() const {
  int count = 0;
  ForEach([&](const Child& child) { count += child.finished() ? 0 : 1; });
  return count;
}

std::int64_t ChildTable::log_lines_dropped() const {
  std::int64_t count = log_lines_dropped_;
  ForEach([&](const Child& child) { count += child.log_lines_dropped(); });
  return count;
}

}  // namespace andiron
