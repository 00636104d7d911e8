// Augmentation: random changes of an image that leave its class as it is.
#pragma once

#include <functional>
#include <span>

#include "core/random.h"

namespace limbeck {

// Changes one image in place: `image` holds (C, H, W) reals of shape `shape`. All that is random
// comes from `rng`, which the caller makes anew for each image. Must be safe to call from several
// threads at once.
using Augmentation = std::function<void(std::span<real> image, const Shape& shape, Rng& rng)>;

// Shifts by up to k pixels to either side and up or down, every one of the (2k + 1)² shifts equally
// likely; what comes in from outside is background, 0. Error: k < 0.
Augmentation random_shift(Index k);

// Mirrors an image, left to right, with probability p: for things that look as well the other way
// round, as digits and letters do not. Error: p outside [0, 1].
Augmentation random_flip(double p = 0.5);

// One after the other, the second of what the first has left.
Augmentation both(Augmentation first, Augmentation second);

// The first with probability p, else the second, chosen anew for each image. Error: p outside [0,
// 1].
Augmentation either(double p, Augmentation first, Augmentation second);

// Moves an image `right` pixels to the right and `down` pixels down, filling with 0. Both may be
// negative.
void shift(std::span<real> image, const Shape& shape, Index right, Index down);

}  // namespace limbeck
