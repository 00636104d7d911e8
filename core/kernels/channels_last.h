// Images with their channels last, as kernels want them that work on eight channels at once.
#pragma once

#include <cstdint>

#include "core/shape.h"

namespace limbeck {

// Where pixels lie: pixel (i, j) at i · row + j · pixel, its channels from there on.
struct PixelLayout {
  Index channels, height, width;
  Index row, pixel;
};

// (C, H, W) → pixels, and back.
void channels_last(real* out, const real* in, const PixelLayout& layout);
void channels_first(real* out, const real* in, const PixelLayout& layout);
// The same for small whole numbers, such as the places of maxima.
void channels_first(std::uint8_t* out, const real* in, const PixelLayout& layout);

}  // namespace limbeck
