// The kernels behind max_pool2d and avg_pool2d (core/ops/pool.h): planes of pixels, one after the
// other, in parallel where there are enough of them.
#pragma once

#include <cstdint>
#include <limits>

#include "core/parallel.h"
#include "core/window.h"

namespace limbeck {

// x: planes of `in`; y: as many of `out`, each element of which sees a window.
struct PoolSizes {
  Index planes;
  Size2d in, out;  // (H, W)
  Window2d window;
};

// The place of a maximum in its window, row by row: all that the gradient needs.
using Argmax = std::uint16_t;
inline constexpr Index argmax_limit = std::numeric_limits<Argmax>::max() + Index{1};

// y = the largest pixel in the window, and its place; of equal ones the first, and NaN is larger
// than all. Padding is −∞ and never a place.
void max_pool_forward(real* y, Argmax* argmax, const real* x, const PoolSizes& sizes);
// dx = the sum of dy over the windows whose maximum the pixel is.
void max_pool_backward(real* dx, const real* dy, const Argmax* argmax, const PoolSizes& sizes);

// y = Σ of the window / its area; padding is 0.
void avg_pool_forward(real* y, const real* x, const PoolSizes& sizes);
// dx = Σ of dy over the windows that see the pixel / area.
void avg_pool_backward(real* dx, const real* dy, const PoolSizes& sizes);

// body(p) for each of the planes, in parallel where they have enough pixels.
template <class Body>
void for_planes(Index planes, Index pixels, const Body& body) {
  parallel_for(planes, elementwise_grain / std::max<Index>(pixels, 1) + 1,
               [&](Index begin, Index end) {
                 for (Index p = begin; p < end; ++p) body(p);
               });
}

}  // namespace limbeck
