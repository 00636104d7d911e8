// Images of another size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/shape.h"

namespace limbeck::detail {

// What a pixel of a scaled line takes from pixels `first` on of the line before: weights of sum 1.
struct Share {
  Index first;
  std::vector<double> weights;
};
// For a line of `before` pixels that becomes one of `after`, both at least 1. Where it shrinks, a
// pixel is the mean of what it covers; where it grows, it lies between its two neighbours.
std::vector<Share> shares_of(Index before, Index after);

// All images of one shape (C, H, W) at another with as many channels: along the rows, then the
// columns, rounded once.
std::vector<std::uint8_t> resized(std::span<const std::uint8_t> pixels, const Shape& from,
                                  const Shape& to);

}  // namespace limbeck::detail
