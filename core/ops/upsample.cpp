#include "core/ops/upsample.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/pool_kernels.h"

namespace limbeck {
namespace {

// What an output is along one axis: (1 − t) x[first] + t x[second].
struct Mix {
  Index first, second;
  real t;

  real operator()(real a, real b) const { return t == 0 ? a : (1 - t) * a + t * b; }
};

// Of all outputs along an axis of n pixels.
std::vector<Mix> mixes(Index n, Index scale, Upsampling mode) {
  std::vector<Mix> all;
  for (Index o = 0; o < n * scale; ++o) {
    if (mode == Upsampling::nearest) {
      all.push_back({o / scale, o / scale, 0});
      continue;
    }
    const double centre = (static_cast<double>(o) + 0.5) / static_cast<double>(scale) - 0.5;
    const double u = std::clamp(centre, 0.0, static_cast<double>(n - 1));
    const auto first = static_cast<Index>(u);
    all.push_back(
        {first, std::min(first + 1, n - 1), static_cast<real>(u - static_cast<double>(first))});
  }
  return all;
}

struct Axes {
  std::vector<Mix> rows, columns;
};

// y of one plane whose rows are `width` wide.
void enlarge(real* y, const real* x, const Axes& axes, Index width) {
  for (const Mix& row : axes.rows) {
    const real* const upper = x + row.first * width;
    const real* const lower = x + row.second * width;
    for (const Mix& c : axes.columns) {
      *y++ = row(c(upper[c.first], upper[c.second]), c(lower[c.first], lower[c.second]));
    }
  }
}

// dx[place] += (1 − t) d and t d, of which a 0 by a weight of 0 is none.
void add_shares(real* first, real* second, real t, real d) {
  *first += (1 - t) * d;
  if (t != 0) *second += t * d;
}

// The way back, into a dx of zeros.
void shrink(real* dx, const real* dy, const Axes& axes, Index width) {
  for (const Mix& row : axes.rows) {
    real* const upper = dx + row.first * width;
    real* const lower = dx + row.second * width;
    for (const Mix& c : axes.columns) {
      const real d = *dy++;
      add_shares(upper + c.first, upper + c.second, c.t, (1 - row.t) * d);
      if (row.t != 0) add_shares(lower + c.first, lower + c.second, c.t, row.t * d);
    }
  }
}

}  // namespace

Tensor upsample2d(const Tensor& x, const UpsampleOptions& options) {
  constexpr const char* op = "upsample2d";
  const auto& [scale, mode] = options;
  if (x.shape().rank() != 4) fail(op, "images must be (N, C, H, W); got shape {}", x.shape());
  constexpr Index most = Index{1} << 30;
  if (scale.height < 1 || scale.width < 1 || scale.height > most || scale.width > most) {
    fail(op, "the scale must be from 1 to {}; got {}", most, scale);
  }
  const Index height = x.dim(2), width = x.dim(3), planes = x.dim(0) * x.dim(1);
  Tensor y = Tensor::empty({x.dim(0), x.dim(1), height * scale.height, width * scale.width});
  Axes axes;
  if (y.size() > 0) {  // of nothing the other dimensions may be longer than there is memory
    axes = {.rows = mixes(height, scale.height, mode), .columns = mixes(width, scale.width, mode)};
  }
  const Index in = height * width, out = in * scale.area();
  for_planes(planes, out, [&, py = y.data()](Index p) {
    enlarge(py + p * out, x.data() + p * in, axes, width);
  });
  return record(mode == Upsampling::nearest ? "upsample_nearest" : "upsample_bilinear", y, {x}, {},
                {{"scale", scale}}, [=, shape = x.shape()](const Tensor& dy) -> Gradients {
                  Tensor dx = Tensor::zeros(shape);
                  for_planes(planes, out, [&, px = dx.data()](Index p) {
                    shrink(px + p * in, dy.data() + p * out, axes, width);
                  });
                  return {dx};
                });
}

}  // namespace limbeck
