#include "core/ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"

namespace limbeck {
namespace {

// Sums are kept in double: a float sum of a million elements loses three digits.
real sum_of(const real* p, Index n) {
  return static_cast<real>(std::accumulate(p, p + n, 0.0));
}

void check_last(const char* op, const Tensor& x) {
  if (x.shape().rank() == 0 || x.dim(-1) == 0) {
    fail(op, "a last dimension of at least 1 is needed; got shape {}", x.shape());
  }
}

// The gradient repeated over the shape that was reduced.
Tensor spread(const Tensor& dy, const Shape& shape) {
  return Tensor::zeros(shape) + dy;
}

}  // namespace

Tensor sum(const Tensor& x) {
  Tensor y = Tensor::scalar(sum_of(x.data(), x.size()));
  return record("sum", y, {x}, {},
                [shape = x.shape()](const Tensor& dy) -> Gradients { return {spread(dy, shape)}; });
}

Tensor mean(const Tensor& x) {
  if (x.size() == 0) fail("mean", "shape {} has no elements", x.shape());
  return sum(x) / static_cast<real>(x.size());
}

Tensor sum_last(const Tensor& x) {
  check_last("sum_last", x);
  Tensor y = Tensor::empty(x.shape().with_last(1));
  const Index columns = x.dim(-1);
  for (Index row = 0; row < y.size(); ++row) {
    y.data()[row] = sum_of(x.data() + row * columns, columns);
  }
  return record("sum_last", y, {x}, {},
                [shape = x.shape()](const Tensor& dy) -> Gradients { return {spread(dy, shape)}; });
}

Tensor mean_last(const Tensor& x) {
  check_last("mean_last", x);
  return sum_last(x) / static_cast<real>(x.dim(-1));
}

Tensor max_last(const Tensor& x) {
  const std::vector<std::int32_t> places = argmax_last(x);
  const Index columns = x.dim(-1);
  Tensor y = Tensor::empty(x.shape().with_last(1));
  for (Index row = 0; row < y.size(); ++row) {
    y.data()[row] = x.data()[row * columns + places[static_cast<std::size_t>(row)]];
  }
  return record("max_last", y, {x}, {}, [shape = x.shape(), places](const Tensor& dy) -> Gradients {
    Tensor dx = Tensor::zeros(shape);
    for (Index row = 0; row < dy.size(); ++row) {
      dx.data()[row * shape.last() + places[static_cast<std::size_t>(row)]] = dy.data()[row];
    }
    return {dx};
  });
}

std::vector<std::int32_t> argmax_last(const Tensor& x) {
  check_last("argmax_last", x);
  const Index columns = x.dim(-1);
  std::vector<std::int32_t> places(static_cast<std::size_t>(x.shape().rows()));
  // NaN comes after all numbers: it is the largest, to be noticed.
  const auto before = [](real a, real b) { return a < b || (std::isnan(b) && !std::isnan(a)); };
  const real* row = x.data();
  for (std::int32_t& place : places) {
    place = static_cast<std::int32_t>(std::max_element(row, row + columns, before) - row);
    row += columns;
  }
  return places;
}

}  // namespace limbeck
