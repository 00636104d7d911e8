// A picture of a digit made as MNIST's were, so that a network that learned from those can read it.
#pragma once

#include <string>
#include <vector>

#include "apps/predict/image_file.h"

namespace limbeck {

struct Preparation {
  Index height = 28, width = 28;  // of the result
  // Takes the pixels as they are, light on dark; the picture must have the result's size.
  bool as_is = false;
};

// The pixels that a network gets, 0 ground and 255 ink, height · width.
//
// A picture of just this size whose ground is dark is taken as it is. Any other goes the way of
// MNIST's own (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits":
// size-normalised to 20 × 20, centred in 28 × 28 by the centre of mass):
//   - Its ground is the median of its outermost pixels, and light if above 127; ink is how much
//     darker a pixel is than a light ground, or lighter than a dark one. Less than an eighth of the
//     strongest ink is taken for ground: paper is not even.
//   - The smallest box around all ink is scaled to fit into 20/28 of the result's height and width,
//     in its own ratio: a pixel is the mean of what it covers or, where the box grows, lies between
//     its neighbours.
//   - The strongest pixel becomes 255: thin lines fade when they shrink.
//   - The centre of mass comes to lie within half a pixel of row H/2 and column W/2, counted from
//     0, where MNIST's are; as near to it as the box stays within the image.
// Error, beginning with `name`: a picture without ink, which differs from its ground by less than
// 32 of 255 everywhere, or of another size with as_is.
std::vector<std::uint8_t> prepare_image(const GreyImage& image, const std::string& name,
                                        const Preparation& preparation);

}  // namespace limbeck
