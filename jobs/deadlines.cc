#include "jobs/deadlines.h"

namespace andiron {

Deadlines::Handle Deadlines::Add(Owner owner) {
  Handle handle = 0;
  if (free_.empty()) {
    handle = static_cast<Handle>(nodes_.size());
    nodes_.emplace_back();
  } else {
    handle = free_.back();
    free_.pop_back();
  }
  nodes_[handle].owner = owner;
  return handle;
}

void Deadlines::Remove(Handle handle) {
  Unlink(handle);
  nodes_[handle].at = kNever;
  free_.push_back(handle);
}

void Deadlines::Set(Handle handle, TimePoint at) {
  Node& node = nodes_[handle];
  if (node.at == at) return;
  if (at == kNever) {
    Unlink(handle);
    node.at = kNever;
    return;
  }
  node.at = at;
  node.change = ++changes_;
  if (node.place == kNowhere) {
    heap_.push_back(handle);
    node.place = static_cast<std::uint32_t>(heap_.size() - 1);
  }
  Up(node.place);
  Down(node.place);
}

std::optional<Deadlines::Owner> Deadlines::TakeDue(TimePoint as_of) {
  if (Next() > as_of || heap_.empty()) return std::nullopt;
  const Handle handle = heap_.front();
  Unlink(handle);
  nodes_[handle].at = kNever;
  return nodes_[handle].owner;
}

bool Deadlines::Before(Handle a, Handle b) const {
  const Node& x = nodes_[a];
  const Node& y = nodes_[b];
  return x.at != y.at ? x.at < y.at : x.change < y.change;
}

void Deadlines::Place(std::uint32_t place, Handle handle) {
  heap_[place] = handle;
  nodes_[handle].place = place;
}

void Deadlines::Up(std::uint32_t place) {
  const Handle handle = heap_[place];
  while (place > 0) {
    const std::uint32_t parent = (place - 1) / 2;
    if (!Before(handle, heap_[parent])) break;
    Place(place, heap_[parent]);
    place = parent;
  }
  Place(place, handle);
}

void Deadlines::Down(std::uint32_t place) {
  const Handle handle = heap_[place];
  const auto size = static_cast<std::uint32_t>(heap_.size());
  for (;;) {
    std::uint32_t child = 2 * place + 1;
    if (child >= size) break;
    if (child + 1 < size && Before(heap_[child + 1], heap_[child])) ++child;
    if (!Before(heap_[child], handle)) break;
    Place(place, heap_[child]);
    place = child;
  }
  Place(place, handle);
}

void Deadlines::Unlink(Handle handle) {
  const std::uint32_t place = nodes_[handle].place;
  if (place == kNowhere) return;
  nodes_[handle].place = kNowhere;
  const Handle last = heap_.back();
  heap_.pop_back();
  if (last == handle) return;
  Place(place, last);
  Up(place);
  Down(nodes_[last].place);
}

}  // namespace andiron
