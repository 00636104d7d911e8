// Max-pooling. (core/ops/pool.cpp has the other poolings.)
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/pool.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

constexpr real infinity = std::numeric_limits<real>::infinity();

// The place of a maximum in its window, row-major: all that the gradient needs.
using Place = std::uint16_t;
constexpr Index max_places = std::numeric_limits<Place>::max() + Index{1};

// Whether v is the maximum rather than the best before it. A later equal value is not; NaN always
// is. With | for ||, since a branch on noise is guessed wrong half of the time.
bool beats(real v, real best) {
  return static_cast<bool>((v > best) | (v != v));
}

// f(first, lanes) over [0, n) in blocks of a number of lanes that the compiler knows, so that a
// block becomes a few vector instructions. The last block is shifted back over the one before and
// does some outputs twice: rows have 14 or 7 outputs, say, and an ordinary loop would do up to half
// of them in its slow end, one by one.
template <class F>
void for_blocks(Index n, F f) {
  const auto run = [&](auto lanes) {
    for (Index i = 0; i < n; i += lanes) f(std::min(i, n - lanes), lanes);
  };
  if (n >= 8) {
    run(std::integral_constant<Index, 8>{});
  } else if (n >= 4) {
    run(std::integral_constant<Index, 4>{});
  } else {
    run(std::integral_constant<Index, 1>{});
  }
}

// The maxima so far of a block of outputs. The places are as wide as a float while they are
// compared with one, and narrow only when stored.
template <std::size_t lanes>
struct Best {
  std::array<real, lanes> value;
  std::array<std::int32_t, lanes> place;

  void store(real* y, Place* places) const {
    for (std::size_t j = 0; j < lanes; ++j) y[j] = value[j];
    for (std::size_t j = 0; j < lanes; ++j) places[j] = static_cast<Place>(place[j]);
  }
};

// The windows of a block of outputs; the first begins at x, the next ones `step` pixels on each.
// `best` comes by value, for the compiler to keep it in registers.
template <std::size_t lanes>
void max_block(real* y, Place* places, Best<lanes> best, const real* x, Index x_width,
               Size2d kernel, Index step) {
  std::int32_t place = 0;
  for (Index h = 0; h < kernel.height; ++h) {
    for (Index w = 0; w < kernel.width; ++w, ++place) {
      const real* pixels = x + h * x_width + w;
#pragma omp simd
      for (std::size_t j = 0; j < lanes; ++j) {
        const real v = pixels[static_cast<Index>(j) * step];
        const bool wins = beats(v, best.value[j]);
        best.value[j] = wins ? v : best.value[j];
        best.place[j] = wins ? place : best.place[j];
      }
    }
  }
  best.store(y, places);
}

// The same for windows of 2 by 2 side by side, in one pass: three times as fast.
template <std::size_t lanes>
void max_block_2x2(real* y, Place* places, const real* above, const real* below) {
  Best<lanes> best;
#pragma omp simd
  for (std::size_t j = 0; j < lanes; ++j) {
    real value = above[2 * j];
    std::int32_t place = 0;
    const auto meet = [&](real v, std::int32_t at) {
      const bool wins = beats(v, value);
      value = wins ? v : value;
      place = wins ? at : place;
    };
    meet(above[2 * j + 1], 1);
    meet(below[2 * j], 2);
    meet(below[2 * j + 1], 3);
    best.value[j] = value;
    best.place[j] = place;
  }
  best.store(y, places);
}

// The plane with −∞ around it as padding, in memory of the thread, good until its next call.
const real* padded_plane(const real* x, const PoolPlane& plane) {
  static thread_local std::vector<real> padded;
  const Size2d in = plane.in, padding = plane.window.padding;
  const Index width = in.width + 2 * padding.width;
  padded.assign(static_cast<std::size_t>(width * (in.height + 2 * padding.height)), -infinity);
  real* to = padded.data() + padding.height * width + padding.width;
  for (Index row = 0; row < in.height; ++row, to += width) {
    std::copy_n(x + row * in.width, in.width, to);
  }
  return padded.data();
}

void max_plane(real* y, Place* places, const real* x, const PoolPlane& plane) {
  const Size2d kernel = plane.window.kernel, stride = plane.window.stride;
  const Size2d padding = plane.window.padding, out = plane.out;
  const Index x_width = plane.in.width + 2 * padding.width;
  if (padding != 0) x = padded_plane(x, plane);
  for (Index row = 0; row < out.height; ++row, y += out.width, places += out.width) {
    // A window of −∞ everywhere has its maximum at the first pixel that is not padding.
    const Index first_h = std::max<Index>(padding.height - row * stride.height, 0);
    for_blocks(out.width, [=](Index first, auto lanes) {
      Best<lanes> best;
      for (std::size_t j = 0; j < lanes; ++j) {
        const Index column = first + static_cast<Index>(j);
        const Index first_w = std::max<Index>(padding.width - column * stride.width, 0);
        best.value[j] = -infinity;
        best.place[j] = static_cast<std::int32_t>(first_h * kernel.width + first_w);
      }
      const real* corner = x + row * stride.height * x_width + first * stride.width;
      max_block<lanes>(y + first, places + first, best, corner, x_width, kernel, stride.width);
    });
  }
}

void max_plane_2x2(real* y, Place* places, const real* x, const PoolPlane& plane) {
  const Size2d out = plane.out;
  for (Index row = 0; row < out.height; ++row, y += out.width, places += out.width) {
    const real* above = x + 2 * row * plane.in.width;
    const real* below = above + plane.in.width;
    for_blocks(out.width, [=](Index first, auto lanes) {
      max_block_2x2<lanes>(y + first, places + first, above + 2 * first, below + 2 * first);
    });
  }
}

// offsets[place]: how far that place of a window lies from its corner in the plane.
std::vector<Index> place_offsets(const PoolPlane& plane) {
  std::vector<Index> offsets;
  for (Index h = 0; h < plane.window.kernel.height; ++h) {
    for (Index w = 0; w < plane.window.kernel.width; ++w) {
      offsets.push_back(h * plane.in.width + w);
    }
  }
  return offsets;
}

void max_plane_backward(real* dx, const real* dy, const Place* places, const PoolPlane& plane,
                        const std::vector<Index>& offsets) {
  const Size2d stride = plane.window.stride, padding = plane.window.padding;
  std::fill_n(dx, plane.in.area(), real{0});
  for (Index row = 0; row < plane.out.height; ++row) {
    Index corner = (row * stride.height - padding.height) * plane.in.width - padding.width;
    for (Index column = 0; column < plane.out.width; ++column, corner += stride.width) {
      dx[corner + offsets[*places++]] += *dy++;
    }
  }
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const PoolOptions& options) {
  const PoolPlane plane = pool_plane("max_pool2d", x.shape(), options);
  const Window2d& window = plane.window;
  if (window.kernel.area() > max_places) {
    fail("max_pool2d", "a window may have {} pixels at most; got a kernel of {}", max_places,
         window.kernel);
  }
  const bool is_2x2 = window.kernel == 2 && window.stride == 2 && window.padding == 0;
  const Index in = plane.in.area(), out = plane.out.area();
  Tensor y = Tensor::empty({x.dim(0), x.dim(1), plane.out.height, plane.out.width});
  const auto places = std::make_shared<Scratch<Place>>(y.size());
  for_planes(x.shape(), [&](Index p) {
    (is_2x2 ? max_plane_2x2 : max_plane)(y.data() + p * out, places->data() + p * out,
                                         x.data() + p * in, plane);
  });
  return record("max_pool2d", y, {x}, {}, [=, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape);
    const std::vector<Index> offsets = place_offsets(plane);
    for_planes(shape, [&](Index p) {
      max_plane_backward(dx.data() + p * in, dy.data() + p * out, places->data() + p * out, plane,
                         offsets);
    });
    return {dx};
  });
}

}  // namespace limbeck
