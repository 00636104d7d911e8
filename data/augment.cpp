#include "data/augment.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace limbeck {

void shift(std::span<real> image, const Shape& shape, Index right, Index down) {
  const Index height = shape.dim(-2);
  const Index width = shape.dim(-1);
  const std::vector<real> before(image.begin(), image.end());
  std::ranges::fill(image, real{0});
  const Index kept = width - std::abs(right);  // columns that stay in sight
  if (kept <= 0) return;
  const Index from_x = std::max<Index>(-right, 0);
  const Index to_x = std::max<Index>(right, 0);
  for (Index plane = 0; plane < shape.size(); plane += height * width) {
    for (Index y = std::max<Index>(down, 0); y < std::min(height, height + down); ++y) {
      const auto* const from = before.data() + plane + (y - down) * width + from_x;
      std::copy(from, from + kept, image.data() + plane + y * width + to_x);
    }
  }
}

Augmentation random_shift(Index k) {
  if (k < 0) fail("random_shift", "the largest shift must be at least 0 pixels; got {}", k);
  return [k](std::span<real> image, const Shape& shape, Rng& rng) {
    const Index right = rng.below(2 * k + 1) - k;
    const Index down = rng.below(2 * k + 1) - k;
    shift(image, shape, right, down);
  };
}

Augmentation random_flip(double p) {
  if (!(p >= 0 && p <= 1)) fail("random_flip", "the probability must be in [0, 1]; got {}", p);
  return [p](std::span<real> image, const Shape& shape, Rng& rng) {
    if (!(rng.uniform() < p)) return;
    const auto width = static_cast<std::size_t>(shape.dim(-1));
    for (std::size_t row = 0; row < image.size(); row += width) {
      std::ranges::reverse(image.subspan(row, width));
    }
  };
}

Augmentation both(Augmentation first, Augmentation second) {
  return [=](std::span<real> image, const Shape& shape, Rng& rng) {
    first(image, shape, rng);
    second(image, shape, rng);
  };
}

Augmentation either(double p, Augmentation first, Augmentation second) {
  if (!(p >= 0 && p <= 1)) fail("either", "the probability must be in [0, 1]; got {}", p);
  return [=](std::span<real> image, const Shape& shape, Rng& rng) {
    rng.uniform() < p ? first(image, shape, rng) : second(image, shape, rng);
  };
}

}  // namespace limbeck
