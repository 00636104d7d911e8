// Scratch: an array for a computation's own use, in memory of the pool (core/storage.h). That of a
// std::vector would come from the system, and be cleared, each time.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>

#include "core/storage.h"

namespace limbeck {

// `size` elements of a type of plain numbers, not initialised.
template <class T>
class Scratch {
  static_assert(std::is_trivially_copyable_v<T>, "its elements are never constructed or destroyed");

 public:
  Scratch() = default;  // of no elements
  explicit Scratch(Index size)
      : size_(static_cast<std::size_t>(size)), memory_(size_ * sizeof(T)) {}
  // All of them 0.
  static Scratch zeros(Index size) {
    Scratch scratch(size);
    std::ranges::fill(scratch.values(), T{});
    return scratch;
  }

  T* data() { return static_cast<T*>(memory_.data()); }
  const T* data() const { return static_cast<const T*>(memory_.data()); }
  std::span<T> values() { return {data(), size_}; }
  std::span<const T> values() const { return {data(), size_}; }

 private:
  std::size_t size_ = 0;
  detail::PoolMemory memory_;
};

}  // namespace limbeck
