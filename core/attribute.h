// Attribute: what an op does beside its inputs, as a name and numbers, for who writes its graph
// down (nn/export): {"stride", stride}, {"eps", 1e-5}, {"axes", axes}.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <ranges>
#include <span>
#include <type_traits>

#include "core/error.h"
#include "core/window.h"

namespace limbeck {

// Held inline: making one costs a few stores, and no memory is asked for.
class Attribute {
 public:
  // As many numbers as a padding of each side of all dimensions has.
  static constexpr std::size_t most = 2 * static_cast<std::size_t>(Shape::max_rank);

  // One number; a truth is 0 or 1. The name must be a string literal.
  template <class T>
  requires std::is_arithmetic_v<T> Attribute(const char* name, T value) : name_(name) {
    add(value);
  }
  // A height and a width.
  Attribute(const char* name, const Size2d& size) : name_(name) {
    add(size.height);
    add(size.width);
  }
  // Several. Error: more than `most`.
  template <std::ranges::input_range R>
  Attribute(const char* name, const R& values) : name_(name) {
    for (const auto value : values) add(value);
  }

  const char* name() const { return name_; }
  std::span<const double> values() const { return {values_.data(), size_}; }

 private:
  template <class T>
  void add(T value) {
    if (size_ == most) fail("record", "attribute {} has more than {} numbers", name_, most);
    values_[size_++] = static_cast<double>(value);
  }

  const char* name_;
  std::size_t size_ = 0;
  std::array<double, most> values_{};
};

// Those of an op, as record() takes them.
using Attributes = std::initializer_list<Attribute>;

}  // namespace limbeck
