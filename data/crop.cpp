#include "data/crop.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace limbeck {
namespace {

Index part_of(Index side, double share) {
  return std::llround(share * static_cast<double>(side));
}

}  // namespace

Augmentation random_crop(double margin) {
  if (!(margin >= 0 && margin <= 1)) {
    fail("random_crop", "the margin must be in [0, 1] of the image's sides; got {}", margin);
  }
  return [margin](std::span<real> image, const Shape& shape, Rng& rng) {
    const Index down = part_of(shape.dim(-2), margin), right = part_of(shape.dim(-1), margin);
    const Index x = rng.below(2 * right + 1) - right;
    shift(image, shape, x, rng.below(2 * down + 1) - down);
  };
}

Augmentation cutout(double share) {
  if (!(share >= 0 && share <= 1)) {
    fail("cutout", "the share must be in [0, 1] of the shorter side; got {}", share);
  }
  return [share](std::span<real> image, const Shape& shape, Rng& rng) {
    const Index height = shape.dim(-2), width = shape.dim(-1);
    const Index side = part_of(std::min(height, width), share);
    const Index top = rng.below(height) - side / 2, left = rng.below(width) - side / 2;
    const Index from = std::max<Index>(left, 0), to = std::min(left + side, width);
    for (Index plane = 0; plane < shape.size(); plane += height * width) {
      for (Index y = std::max<Index>(top, 0); y < std::min(top + side, height); ++y) {
        std::fill_n(image.data() + plane + y * width + from, std::max<Index>(to - from, 0),
                    real{0});
      }
    }
  };
}

}  // namespace limbeck
