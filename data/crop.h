// Augmentations for pictures of things: parts of them are enough to know them by.
#pragma once

#include "data/augment.h"

namespace limbeck {

// A window of the image's own size, anywhere in the image with a margin of background, 0, around:
// `margin` of the height above and below and of the width on both sides, rounded. Every place is
// equally likely. The usual 1/8 is four pixels of 32 (K. He, X. Zhang, S. Ren, J. Sun, "Deep
// residual learning for image recognition", CVPR 2016, section 4.2). Error: outside [0, 1].
Augmentation random_crop(double margin = 0.125);

// A square whose side is `share` of the shorter side, rounded, becomes 0 in all channels. Its
// centre is any pixel, so that part of it may lie outside (T. DeVries, G. Taylor, "Improved
// regularization of convolutional neural networks with cutout", 2017, section 3.2; there 16 of 32
// pixels). Error: outside [0, 1].
Augmentation cutout(double share = 0.5);

}  // namespace limbeck
