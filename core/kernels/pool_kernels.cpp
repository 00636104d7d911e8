#include "core/kernels/pool_kernels.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include "core/kernels/plain.h"

namespace limbeck {
namespace {

constexpr real infinity = std::numeric_limits<real>::infinity();

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

// The maxima so far of a block of outputs. Their places are as wide as a float while they
// are compared with one, and narrow only when stored.
template <std::size_t lanes>
struct Best {
  std::array<real, lanes> value;
  std::array<std::int32_t, lanes> place;

  void store(real* y, Argmax* argmax) const {
    for (std::size_t j = 0; j < lanes; ++j) y[j] = value[j];
    for (std::size_t j = 0; j < lanes; ++j) argmax[j] = static_cast<Argmax>(place[j]);
  }
};

// The windows of a block of outputs; the first begins at x, the next ones `step` pixels on each.
// `best` comes by value, for the compiler to keep it in registers.
template <std::size_t lanes>
void max_block(real* y, Argmax* argmax, Best<lanes> best, const real* x, Index x_width,
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
  best.store(y, argmax);
}

// The same for windows of 2 by 2 side by side, in one pass: three times as fast.
template <std::size_t lanes>
void max_block_2x2(real* y, Argmax* argmax, const real* above, const real* below) {
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
  best.store(y, argmax);
}

// The plane with −∞ around it as padding, in memory of the thread, good until its next call.
const real* padded_plane(const real* x, const PoolSizes& sizes) {
  static thread_local std::vector<real> padded;
  const Size2d in = sizes.in, padding = sizes.window.padding;
  const Index width = in.width + 2 * padding.width;
  padded.assign(static_cast<std::size_t>(width * (in.height + 2 * padding.height)), -infinity);
  real* to = padded.data() + padding.height * width + padding.width;
  for (Index row = 0; row < in.height; ++row, to += width) {
    std::copy_n(x + row * in.width, in.width, to);
  }
  return padded.data();
}

void max_plane(real* y, Argmax* argmax, const real* x, const PoolSizes& sizes) {
  const Size2d kernel = sizes.window.kernel, stride = sizes.window.stride;
  const Size2d padding = sizes.window.padding, out = sizes.out;
  const Index x_width = sizes.in.width + 2 * padding.width;
  if (padding != 0) x = padded_plane(x, sizes);
  for (Index row = 0; row < out.height; ++row, y += out.width, argmax += out.width) {
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
      max_block<lanes>(y + first, argmax + first, best, corner, x_width, kernel, stride.width);
    });
  }
}

void max_plane_2x2(real* y, Argmax* argmax, const real* x, const PoolSizes& sizes) {
  const Size2d out = sizes.out;
  for (Index row = 0; row < out.height; ++row, y += out.width, argmax += out.width) {
    const real* above = x + 2 * row * sizes.in.width;
    const real* below = above + sizes.in.width;
    for_blocks(out.width, [=](Index first, auto lanes) {
      max_block_2x2<lanes>(y + first, argmax + first, above + 2 * first, below + 2 * first);
    });
  }
}

// offsets[place]: how far that place of a window lies from its corner in the sizes.
std::vector<Index> argmax_offsets(const PoolSizes& sizes) {
  std::vector<Index> offsets;
  for (Index h = 0; h < sizes.window.kernel.height; ++h) {
    for (Index w = 0; w < sizes.window.kernel.width; ++w) {
      offsets.push_back(h * sizes.in.width + w);
    }
  }
  return offsets;
}

void max_plane_backward(real* dx, const real* dy, const Argmax* argmax, const PoolSizes& sizes,
                        const std::vector<Index>& offsets) {
  const Size2d stride = sizes.window.stride, padding = sizes.window.padding;
  std::fill_n(dx, sizes.in.area(), real{0});
  for (Index row = 0; row < sizes.out.height; ++row) {
    Index corner = (row * stride.height - padding.height) * sizes.in.width - padding.width;
    for (Index column = 0; column < sizes.out.width; ++column, corner += stride.width) {
      dx[corner + offsets[*argmax++]] += *dy++;
    }
  }
}

// Calls f(y, x, count, step) for every place of the window and every row of outputs that see the
// image there: output y + j of the plane sees pixel x + j · step, for j in [0, count). The usual
// steps, 1 and 2, are constants to the compiler, which then uses vectors.
template <class F>
void for_runs(const PoolSizes& sizes, F f) {
  const Size2d in = sizes.in, out = sizes.out;
  const Size2d kernel = sizes.window.kernel, stride = sizes.window.stride;
  const auto run = [&](auto step) {
    for (Index place = 0; place < kernel.area(); ++place) {
      const Index h = place / kernel.width - sizes.window.padding.height;
      const Index w = place % kernel.width - sizes.window.padding.width;
      const Span rows = outputs_on_image(h, in.height, out.height, stride.height);
      const Span columns = outputs_on_image(w, in.width, out.width, stride.width);
      for (Index row = rows.begin; row < rows.end; ++row) {
        f(row * out.width + columns.begin,
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

}  // namespace

void max_pool_forward(real* y, Argmax* argmax, const real* x, const PoolSizes& s) {
  if (plain_kernels()) return plain_max_pool_forward(y, argmax, x, s);
  const bool is_2x2 = s.window.kernel == 2 && s.window.stride == 2 && s.window.padding == 0;
  for_planes(s.planes, s.in.area(), [&](Index p) {
    const Index to = p * s.out.area();
    (is_2x2 ? max_plane_2x2 : max_plane)(y + to, argmax + to, x + p * s.in.area(), s);
  });
}

void max_pool_backward(real* dx, const real* dy, const Argmax* argmax, const PoolSizes& s) {
  if (plain_kernels()) return plain_max_pool_backward(dx, dy, argmax, s);
  const std::vector<Index> offsets = argmax_offsets(s);
  for_planes(s.planes, s.in.area(), [&](Index p) {
    const Index from = p * s.out.area();
    max_plane_backward(dx + p * s.in.area(), dy + from, argmax + from, s, offsets);
  });
}

void avg_pool_forward(real* y, const real* x, const PoolSizes& s) {
  if (plain_kernels()) return plain_avg_pool_forward(y, x, s);
  const real share = 1 / static_cast<real>(s.window.kernel.area());
  for_planes(s.planes, s.in.area(), [&](Index p) {
    real* const py = y + p * s.out.area();
    const real* const px = x + p * s.in.area();
    std::fill_n(py, s.out.area(), real{0});
    for_runs(s, [=](Index to, Index from, Index count, auto step) {
      for (Index j = 0; j < count; ++j) py[to + j] += px[from + j * step];
    });
    for (Index i = 0; i < s.out.area(); ++i) py[i] *= share;
  });
}

void avg_pool_backward(real* dx, const real* dy, const PoolSizes& s) {
  if (plain_kernels()) return plain_avg_pool_backward(dx, dy, s);
  const real share = 1 / static_cast<real>(s.window.kernel.area());
  for_planes(s.planes, s.in.area(), [&](Index p) {
    real* const px = dx + p * s.in.area();
    const real* const py = dy + p * s.out.area();
    std::fill_n(px, s.in.area(), real{0});
    for_runs(s, [=](Index from, Index to, Index count, auto step) {
      for (Index j = 0; j < count; ++j) px[to + j * step] += share * py[from + j];
    });
  });
}

}  // namespace limbeck
