// Upsampling: images (N, C, H, W) made larger by a whole factor, without weights.
#pragma once

#include "core/tensor.h"
#include "core/window.h"

namespace limbeck {

// What a new pixel is made of.
enum class Upsampling {
  nearest,  // the pixel that it lies in
  bilinear  // the four pixels whose centres are around its own, by its distances from them
};

// How upsample2d enlarges.
struct UpsampleOptions {
  Size2d scale = 2;   // the new sizes by the old ones
  Upsampling mode{};  // nearest
};

// y (N, C, s_h H, s_w W). Along an axis, with the factor s, output o has its centre at
// u = (o + ½) / s − ½ of the input:
//   nearest    y[o] = x[⌊o / s⌋]
//   bilinear   y[o] = (1 − t) x[⌊u⌋] + t x[⌊u⌋ + 1],   t = u − ⌊u⌋, and first along the rows;
//              beyond the outermost centres the outermost pixel
// as PyTorch's interpolate by a whole factor, with align_corners=False. Where a weight is 0 its
// pixel is not looked at, so that what is infinite stays where it is.
//   dx = the sum of dy over the outputs that the pixel is in, each by its weight
// Error: another rank than 4, a scale below 1.
Tensor upsample2d(const Tensor& x, const UpsampleOptions& options = {});

}  // namespace limbeck
