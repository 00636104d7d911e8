// What networks ask of the images that they are made for.
#pragma once

#include "core/shape.h"

namespace limbeck {

// Error, in the name of `op`: a shape that is not (C, H, W), without a channel, or with fewer than
// `least` × `least` pixels.
void check_image(const char* op, const Shape& image, Index least = 1);

}  // namespace limbeck
