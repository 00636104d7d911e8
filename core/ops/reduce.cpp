#include "core/ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/moments.h"
#include "core/ops/along.h"
#include "core/ops/arithmetic.h"

namespace limbeck {
namespace {

using detail::Along;
using detail::along;
using detail::for_lines;
using detail::reduced;
using detail::sum_of;

// The sum of all elements, of parts that are added in order.
real sum_of_all(const Tensor& x) {
  constexpr Index grain = 4 * elementwise_grain;
  std::vector<double> sums(static_cast<std::size_t>(part_count(x.size(), grain)));
  parallel_parts(x.size(), grain, [&, px = x.data()](Index part, Index begin, Index end) {
    sums[static_cast<std::size_t>(part)] = sum_of(px + begin, end - begin);
  });
  return static_cast<real>(std::accumulate(sums.begin(), sums.end(), 0.0));
}

void check_last(const char* op, const Tensor& x) {
  if (x.shape().rank() == 0 || x.dim(-1) == 0) {
    fail(op, "a last dimension of at least 1 is needed; got shape {}", x.shape());
  }
}

void check_not_empty(const char* op, const Tensor& x, const Along& a) {
  if (a.size == 0) fail(op, "dimension {} of shape {} has no elements", a.dim, x.shape());
}

// The gradient repeated over the shape that was reduced.
Tensor spread(const Tensor& dy, const Shape& shape) {
  return Tensor::zeros(shape) + dy;
}

// The sums of all lines.
Tensor line_sums(const Tensor& x, const Along& a, const Shape& shape) {
  Tensor y = Tensor::empty(shape);
  for_lines(a, [&a, py = y.data(), px = x.data()](Index line, Index at, Index count) {
    if (a.inner == 1) {
      py[line] = static_cast<real>(sum_of(px + at, a.size));
      return;
    }
    double sums[detail::lines_together] = {};
    for (Index d = 0; d < a.size; ++d) {
      const real* const from = px + at + d * a.inner;
      for (Index j = 0; j < count; ++j) sums[j] += static_cast<double>(from[j]);
    }
    for (Index j = 0; j < count; ++j) py[line + j] = static_cast<real>(sums[j]);
  });
  return y;
}

// NaN comes after all numbers: it is the largest, to be noticed.
bool before(real p, real q) {
  return p < q || (std::isnan(q) && !std::isnan(p));
}

// Where the first maximum of each line is, as its place in the line.
std::vector<std::int32_t> places_of_max(const Tensor& x, const Along& a) {
  std::vector<std::int32_t> places(static_cast<std::size_t>(a.lines()));
  const real* const px = x.data();
  if (a.inner == 1) {
    for (Index line = 0; line < a.lines(); ++line) {
      const real* const row = px + line * a.size;
      places[static_cast<std::size_t>(line)] =
          static_cast<std::int32_t>(std::max_element(row, row + a.size, before) - row);
    }
    return places;
  }
  for_lines(a, [&a, px, to = places.data()](Index line, Index at, Index count) {
    for (Index j = 0; j < count; ++j) {
      const real* const p = px + at + j;
      Index best = 0;
      for (Index d = 1; d < a.size; ++d) {
        if (before(p[best * a.inner], p[d * a.inner])) best = d;
      }
      to[line + j] = static_cast<std::int32_t>(best);
    }
  });
  return places;
}

Tensor max_of_lines(const char* op, const Tensor& x, const Along& a, const Shape& shape) {
  const auto element = [a, places = places_of_max(x, a)](Index line) {
    return a.start(line) + places[static_cast<std::size_t>(line)] * a.inner;
  };
  Tensor y = Tensor::empty(shape);
  const real* const px = x.data();
  real* const py = y.data();
  for (Index line = 0; line < y.size(); ++line) py[line] = px[element(line)];
  if (!is_recorded(x)) return y;
  return record(op, y, {x}, {}, {{"dim", a.dim}},
                [x_shape = x.shape(), element](const Tensor& dy) -> Gradients {
                  Tensor dx = Tensor::zeros(x_shape);
                  real* const to = dx.data();
                  for (Index line = 0; line < dy.size(); ++line)
                    to[element(line)] = dy.data()[line];
                  return {dx};
                });
}

}  // namespace

Shape detail::reduced(const Shape& shape, int dim, const ReduceOptions& options) {
  return options.keep ? shape.with_dim(dim, 1) : shape.without_dim(dim);
}

Tensor sum(const Tensor& x) {
  Tensor y = Tensor::scalar(sum_of_all(x));
  return record("sum", y, {x}, {},
                [shape = x.shape()](const Tensor& dy) -> Gradients { return {spread(dy, shape)}; });
}

Tensor mean(const Tensor& x) {
  if (x.size() == 0) fail("mean", "shape {} has no elements", x.shape());
  return sum(x) / static_cast<double>(x.size());
}

Tensor sum(const Tensor& x, int dim, const ReduceOptions& options) {
  const Along a = along("sum", x.shape(), dim);
  Tensor y = line_sums(x, a, reduced(x.shape(), dim, options));
  return record("sum", y, {x}, {}, {{"dim", a.dim}},
                [shape = x.shape(), dim](const Tensor& dy) -> Gradients {
                  return {spread(dy.view(shape.with_dim(dim, 1)), shape)};
                });
}

Tensor mean(const Tensor& x, int dim, const ReduceOptions& options) {
  const Along a = along("mean", x.shape(), dim);
  check_not_empty("mean", x, a);
  return sum(x, dim, options) / static_cast<double>(a.size);
}

Tensor max(const Tensor& x, int dim, const ReduceOptions& options) {
  const Along a = along("max", x.shape(), dim);
  check_not_empty("max", x, a);
  return max_of_lines("max", x, a, reduced(x.shape(), dim, options));
}

Tensor sum_last(const Tensor& x) {
  check_last("sum_last", x);
  Tensor y = line_sums(x, along("sum_last", x.shape(), -1), x.shape().with_last(1));
  return record("sum_last", y, {x}, {},
                [shape = x.shape()](const Tensor& dy) -> Gradients { return {spread(dy, shape)}; });
}

Tensor mean_last(const Tensor& x) {
  check_last("mean_last", x);
  return sum_last(x) / static_cast<double>(x.dim(-1));
}

Tensor max_last(const Tensor& x) {
  check_last("max_last", x);
  return max_of_lines("max_last", x, along("max_last", x.shape(), -1), x.shape().with_last(1));
}

std::vector<std::int32_t> argmax_last(const Tensor& x) {
  check_last("argmax_last", x);
  return places_of_max(x, along("argmax_last", x.shape(), -1));
}

}  // namespace limbeck
