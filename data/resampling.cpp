#include "data/resampling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace limbeck {

// Forward, the map is p → R S D p + m about the middle, with y downwards: D the scales, S (1, −s;
// 0, 1), R (cos, sin; −sin, cos). Backward it is D⁻¹ S⁻¹ R⁻¹ (p − m).
Sources affine_sources(Index height, Index width, const Affine& map) {
  const double angle = map.rotation * std::numbers::pi / 180;
  const double cos = std::cos(angle), sin = std::sin(angle);
  const auto xx = static_cast<real>((cos + map.shear * sin) / map.scale_x);
  const auto xy = static_cast<real>((map.shear * cos - sin) / map.scale_x);
  const auto yx = static_cast<real>(sin / map.scale_y);
  const auto yy = static_cast<real>(cos / map.scale_y);
  const auto middle_x = static_cast<real>(width - 1) / 2;
  const auto middle_y = static_cast<real>(height - 1) / 2;
  const auto right = static_cast<real>(map.right), down = static_cast<real>(map.down);
  const auto size = static_cast<std::size_t>(height * width);
  Sources sources{.height = height, .width = width, .x = std::vector<real>(size), .y = sources.x};
  for (Index y = 0; y < height; ++y) {
    const real v = static_cast<real>(y) - middle_y - down;
    for (Index x = 0; x < width; ++x) {
      const real u = static_cast<real>(x) - middle_x - right;
      const auto i = static_cast<std::size_t>(y * width + x);
      sources.x[i] = xx * u + xy * v + middle_x;
      sources.y[i] = yx * u + yy * v + middle_y;
    }
  }
  return sources;
}

void resample(std::span<real> image, const Sources& sources) {
  const Index height = sources.height, width = sources.width;
  const std::size_t size = sources.x.size();
  if (size == 0 || image.size() % size != 0) {
    fail("resample", "the sources are for images of {} × {}; got one of {} values", height, width,
         image.size());
  }
  // The old image lies in a frame of 0, one pixel wide above and left and two wide below and right.
  // Sources outside are moved into it; so all four neighbours of every source are in the frame.
  const Index wide = width + 3;
  std::vector<real> framed(static_cast<std::size_t>((height + 3) * wide), 0);
  struct Corner {
    std::int32_t at;  // the upper left neighbour
    real right, down;
  };
  std::vector<Corner> corners(size);
  const auto into_frame = [](real v, Index end) {
    return std::min(std::max(real{-1}, v), static_cast<real>(end)) + 1;
  };
  for (std::size_t i = 0; i < size; ++i) {
    const real x = into_frame(sources.x[i], width), y = into_frame(sources.y[i], height);
    const auto x0 = static_cast<std::int32_t>(x), y0 = static_cast<std::int32_t>(y);
    corners[i] = {.at = y0 * static_cast<std::int32_t>(wide) + x0,
                  .right = x - static_cast<real>(x0),
                  .down = y - static_cast<real>(y0)};
  }
  for (std::size_t plane = 0; plane < image.size(); plane += size) {
    for (Index y = 0; y < height; ++y) {
      std::copy_n(image.begin() + static_cast<Index>(plane) + y * width, width,
                  framed.begin() + (y + 1) * wide + 1);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const real* const p = framed.data() + corners[i].at;
      const real above = p[0] + corners[i].right * (p[1] - p[0]);
      const real below = p[wide] + corners[i].right * (p[wide + 1] - p[wide]);
      image[plane + i] = above + corners[i].down * (below - above);
    }
  }
}

}  // namespace limbeck
