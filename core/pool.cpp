#include "core/pool.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

// One plane, its output and the window that leads from one to the other.
struct Plane {
  Size2d in;
  Size2d out;
  Window2d window;
};

Plane plane_of(const char* op, const Tensor& x, const PoolOptions& options) {
  const Window2d window = pool_window(op, options);
  const Size2d out = output_size(op, x.shape(), window);
  return {.in = {x.dim(2), x.dim(3)}, .out = out, .window = window};
}

Shape output_shape(const Tensor& x, const Plane& plane) {
  return {x.dim(0), x.dim(1), plane.out.height, plane.out.width};
}

// body(plane) for each of the planes, in parallel where there are enough pixels.
template <class Body>
void for_planes(Index planes, Index pixels, const Body& body) {
  parallel_for(planes, elementwise_grain / std::max<Index>(pixels, 1) + 1,
               [&](Index begin, Index end) {
                 for (Index p = begin; p < end; ++p) body(p);
               });
}

// Calls f(place, y, x, count, step) for every place of the window, in row-major order, and every
// row of outputs that see the image there: output y + j of the plane sees pixel x + j · step for j
// in [0, count). The usual steps, 1 and 2, are constants to the compiler, which then uses vectors.
template <class F>
void for_runs(const Plane& plane, F f) {
  const auto [in, out, window] = plane;
  const auto [kernel, stride, padding] = window;
  const auto run = [&](auto step) {
    for (Index place = 0; place < kernel.area(); ++place) {
      const Index h = place / kernel.width - padding.height;
      const Index w = place % kernel.width - padding.width;
      const Span rows = outputs_on_image(h, in.height, out.height, stride.height);
      const Span columns = outputs_on_image(w, in.width, out.width, stride.width);
      for (Index row = rows.begin; row < rows.end; ++row) {
        f(place, row * out.width + columns.begin,
          (row * stride.height + h) * in.width + columns.begin * stride.width + w, columns.size(),
          step);
      }
    }
  };
  if (stride.width == 1) {
    run(std::integral_constant<Index, 1>{});
  } else if (stride.width == 2) {
    run(std::integral_constant<Index, 2>{});
  } else {
    run(stride.width);
  }
}

// The place of a maximum in its window, row-major.
using Place = std::uint16_t;
constexpr Index max_places = std::numeric_limits<Place>::max() + Index{1};

// A place for each output, in memory of the pool, where a vector would ask the system each time.
class Places {
 public:
  explicit Places(Index count)
      : memory_(Tensor::empty({count * Index{sizeof(Place)} / Index{sizeof(real)} + 1})) {}

  Place* data() { return reinterpret_cast<Place*>(memory_.data()); }
  const Place* data() const { return reinterpret_cast<const Place*>(memory_.data()); }

 private:
  Tensor memory_;
};

// Whether v is the maximum rather than the best before it. A later equal value is not; NaN always
// is.
bool beats(real v, real best) {
  return static_cast<bool>((v > best) | (v != v));  // | for no branch, which would be guessed wrong
}

// f(first, lanes) over [0, n) in blocks of a fixed number of lanes, which become vector
// instructions. The last block is shifted back over the one before, so f must do no harm when it
// does an output twice. Rows of pooled images have 14 or 7 outputs, say, of which an ordinary loop
// would leave half to its slow end.
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

// The plane with its padding, as −∞, around it. Memory of the thread, good until its next call.
const real* padded_plane(const real* x, const Plane& plane) {
  static thread_local std::vector<real> padded;
  const Size2d in = plane.in, padding = plane.window.padding;
  const Index width = in.width + 2 * padding.width;
  padded.assign(static_cast<std::size_t>(width * (in.height + 2 * padding.height)),
                -std::numeric_limits<real>::infinity());
  real* corner = padded.data() + padding.height * width + padding.width;
  for (Index row = 0; row < in.height; ++row) {
    std::copy_n(x + row * in.width, in.width, corner + row * width);
  }
  return padded.data();
}

// x has its padding; kernel and step are numbers, or constants for the compiler to unroll.
template <class Height, class Width, class Step>
void max_plane_by(real* y, Place* places, const real* x, const Plane& plane, Height kernel_height,
                  Width kernel_width, Step step) {
  const Size2d padding = plane.window.padding;
  const Index x_width = plane.in.width + 2 * padding.width;
  for (Index row = 0; row < plane.out.height; ++row) {
    const Index corner = row * plane.window.stride.height;
    for_blocks(plane.out.width, [&](Index first, auto lanes) {
      std::array<real, lanes> best;
      std::array<std::int32_t, lanes> winner;    // as wide as a float, to share its comparisons
      for (std::size_t j = 0; j < lanes; ++j) {  // at first the first pixel that is not padding
        const Index h = std::max<Index>(padding.height - corner, 0);
        const Index w = std::max<Index>(padding.width - (first + static_cast<Index>(j)) * step, 0);
        winner[j] = static_cast<std::int32_t>(h * kernel_width + w);
        best[j] = -std::numeric_limits<real>::infinity();
      }
      std::int32_t place = 0;
      for (Index h = 0; h < kernel_height; ++h) {
        const real* in = x + (corner + h) * x_width + first * step;
        for (Index w = 0; w < kernel_width; ++w, ++in, ++place) {
#pragma omp simd
          for (std::size_t j = 0; j < lanes; ++j) {
            const real v = in[static_cast<Index>(j) * step];
            const bool wins = beats(v, best[j]);
            best[j] = wins ? v : best[j];
            winner[j] = wins ? place : winner[j];
          }
        }
      }
      const Index to = row * plane.out.width + first;
      for (std::size_t j = 0; j < lanes; ++j) {
        y[to + static_cast<Index>(j)] = best[j];
        places[to + static_cast<Index>(j)] = static_cast<Place>(winner[j]);
      }
    });
  }
}

// The usual window, 2 by 2 side by side without padding: its four pixels in one pass.
void max_plane_2x2(real* y, Place* places, const real* x, const Plane& plane) {
  for (Index row = 0; row < plane.out.height; ++row) {
    for_blocks(plane.out.width, [=](Index first, auto lanes) {
      const real* above = x + 2 * row * plane.in.width + 2 * first;
      const real* below = above + plane.in.width;
      std::array<real, lanes> best;
      std::array<std::int32_t, lanes> winner;
#pragma omp simd
      for (std::size_t j = 0; j < lanes; ++j) {
        real m = above[2 * j];
        std::int32_t at = 0;
        const auto meet = [&](real v, std::int32_t place) {
          const bool wins = beats(v, m);
          m = wins ? v : m;
          at = wins ? place : at;
        };
        meet(above[2 * j + 1], 1);
        meet(below[2 * j], 2);
        meet(below[2 * j + 1], 3);
        best[j] = m;
        winner[j] = at;
      }
      const Index to = row * plane.out.width + first;
      for (std::size_t j = 0; j < lanes; ++j) {
        y[to + static_cast<Index>(j)] = best[j];
        places[to + static_cast<Index>(j)] = static_cast<Place>(winner[j]);
      }
    });
  }
}

void max_plane(real* y, Place* places, const real* x, const Plane& plane) {
  const auto [kernel, stride, padding] = plane.window;
  const real* from = padding == 0 ? x : padded_plane(x, plane);
  constexpr std::integral_constant<Index, 1> one;
  if (getenv("FAST")) {
    max_plane_2x2(y, places, from, plane);
  } else if (stride.width == 1) {
    max_plane_by(y, places, from, plane, kernel.height, kernel.width, one);
  } else {
    max_plane_by(y, places, from, plane, kernel.height, kernel.width, stride.width);
  }
}

// offsets[place]: how far that place of a window lies from its first, in a plane of this width.
std::vector<Index> place_offsets(const Plane& plane) {
  std::vector<Index> offsets;
  for (Index h = 0; h < plane.window.kernel.height; ++h) {
    for (Index w = 0; w < plane.window.kernel.width; ++w) {
      offsets.push_back(h * plane.in.width + w);
    }
  }
  return offsets;
}

void max_plane_backward(real* dx, const real* dy, const Place* places, const Plane& plane,
                        const std::vector<Index>& offsets) {
  const auto [kernel, stride, padding] = plane.window;
  std::fill(dx, dx + plane.in.area(), real{0});
  for (Index row = 0; row < plane.out.height; ++row) {
    Index corner = (row * stride.height - padding.height) * plane.in.width - padding.width;
    for (Index column = 0; column < plane.out.width; ++column, corner += stride.width) {
      dx[corner + offsets[*places++]] += *dy++;
    }
  }
}

}  // namespace

Window2d pool_window(const char* op, const PoolOptions& options) {
  const Size2d kernel = options.kernel, padding = options.padding;
  const Window2d window = {kernel, options.stride == 0 ? kernel : options.stride, padding};
  check_window(op, window);
  if (2 * padding.height > kernel.height || 2 * padding.width > kernel.width) {
    fail(op, "the padding must be at most half of the kernel; got {} with a kernel of {}", padding,
         kernel);
  }
  return window;
}

Tensor max_pool2d(const Tensor& x, const PoolOptions& options) {
  const Plane plane = plane_of("max_pool2d", x, options);
  if (plane.window.kernel.area() > max_places) {
    fail("max_pool2d", "a window may have {} pixels at most; got a kernel of {}", max_places,
         plane.window.kernel);
  }
  const Index in = plane.in.area(), out = plane.out.area();
  Tensor y = Tensor::empty(output_shape(x, plane));
  Places places(y.size());
  for_planes(x.dim(0) * x.dim(1), in, [&](Index p) {
    max_plane(y.data() + p * out, places.data() + p * out, x.data() + p * in, plane);
  });
  return record("max_pool2d", y, {x}, [=, shape = x.shape()](const Tensor& dy) -> Gradients {
    const std::vector<Index> offsets = place_offsets(plane);
    Tensor dx = Tensor::empty(shape);
    for_planes(shape.dim(0) * shape.dim(1), in, [&](Index p) {
      max_plane_backward(dx.data() + p * in, dy.data() + p * out, places.data() + p * out, plane,
                         offsets);
    });
    return {dx};
  });
}

Tensor avg_pool2d(const Tensor& x, const PoolOptions& options) {
  const Plane plane = plane_of("avg_pool2d", x, options);
  const Index in = plane.in.area(), out = plane.out.area();
  const real share = 1 / static_cast<real>(plane.window.kernel.area());
  Tensor y = Tensor::empty(output_shape(x, plane));
  for_planes(x.dim(0) * x.dim(1), in, [&](Index p) {
    real* py = y.data() + p * out;
    const real* px = x.data() + p * in;
    std::fill(py, py + out, real{0});
    for_runs(plane, [=](Index, Index to, Index from, Index count, auto step) {
      for (Index j = 0; j < count; ++j) py[to + j] += px[from + j * step];
    });
    for (Index i = 0; i < out; ++i) py[i] *= share;
  });
  return record("avg_pool2d", y, {x}, [=, shape = x.shape()](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::empty(shape);
    for_planes(shape.dim(0) * shape.dim(1), in, [&](Index p) {
      real* px = dx.data() + p * in;
      const real* py = dy.data() + p * out;
      std::fill(px, px + in, real{0});
      for_runs(plane, [=](Index, Index from, Index to, Index count, auto step) {
        for (Index j = 0; j < count; ++j) px[to + j * step] += share * py[from + j];
      });
    });
    return {dx};
  });
}

Tensor global_avg_pool2d(const Tensor& x) {
  if (x.shape().rank() != 4 || x.dim(2) * x.dim(3) == 0) {
    fail("global_avg_pool2d", "images must be (N, C, H, W) with at least one pixel; got shape {}",
         x.shape());
  }
  const Index pixels = x.dim(2) * x.dim(3);
  Tensor y = Tensor::empty({x.dim(0), x.dim(1)});
  for_planes(y.size(), pixels, [&](Index p) {
    const real* plane = x.data() + p * pixels;
    double sum = 0;
#pragma omp simd reduction(+ : sum)  // in several running sums
    for (Index i = 0; i < pixels; ++i) sum += static_cast<double>(plane[i]);
    y.data()[p] = static_cast<real>(sum / static_cast<double>(pixels));
  });
  return record("global_avg_pool2d", y, {x}, [pixels, shape = x.shape()](const Tensor& dy) {
    Tensor dx = Tensor::empty(shape);
    for_planes(dy.size(), pixels, [&](Index p) {
      const real share = dy.data()[p] / static_cast<real>(pixels);
      std::fill_n(dx.data() + p * pixels, pixels, share);
    });
    return Gradients{dx};
  });
}

}  // namespace limbeck
