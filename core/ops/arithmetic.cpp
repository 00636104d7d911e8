#include "core/ops/arithmetic.h"

#include <algorithm>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/moments.h"
#include "core/ops/broadcast.h"
#include "core/parallel.h"

namespace limbeck {

using detail::combine;
using detail::Walk;

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape shape;
  for (int i = 1; i <= longer.rank(); ++i) {
    const Index p = longer.dim(-i);
    const Index q = i <= shorter.rank() ? shorter.dim(-i) : 1;
    if (p != q && p != 1 && q != 1) {
      fail(op, "shapes {} and {} do not fit: aligned at the end, {} meets {}, and neither is 1", a,
           b, a.dim(-i), b.dim(-i));
    }
    shape = shape.with_front(p == 1 ? q : p);
  }
  return shape;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const Walk<1> walk(x.shape(), {shape});
  const bool steps = walk.steps(0);
  // A part has sums of its own, so there must be many elements for each of them.
  const Index size = shape.size(), grain = std::max(elementwise_grain, 4 * size);
  std::vector<std::vector<double>> parts(static_cast<std::size_t>(part_count(x.size(), grain)));
  parallel_parts(x.size(), grain, [&, px = x.data()](Index part, Index begin, Index end) {
    std::vector<double>& sums = parts[static_cast<std::size_t>(part)];
    sums.assign(static_cast<std::size_t>(size), 0);
    walk.rows(begin, end, [=, all = sums.data()](Index at, Index n, const auto& places) {
      double* const to = all + places[0];
      if (steps) {
        for (Index j = 0; j < n; ++j) to[j] += static_cast<double>(px[at + j]);
      } else {
        *to += detail::sum_of(px + at, n);
      }
    });
  });
  Tensor y = Tensor::zeros(shape);
  for (std::size_t i = 0; i < y.values().size(); ++i) {
    double sum = 0;
    for (const std::vector<double>& part : parts) sum += part.empty() ? 0 : part[i];
    y.values()[i] = static_cast<real>(sum);
  }
  return y;
}

Tensor operator+(const Tensor& a, const Tensor& b) {
  Tensor y = combine("add", a, b, [](real p, real q) { return p + q; });
  return record("add", y, {a, b}, {}, [a, b](const Tensor& dy) -> Gradients {
    return {sum_to(dy, a.shape()), sum_to(dy, b.shape())};
  });
}

Tensor operator-(const Tensor& a, const Tensor& b) {
  Tensor y = combine("sub", a, b, [](real p, real q) { return p - q; });
  return record("sub", y, {a, b}, {}, [a, b](const Tensor& dy) -> Gradients {
    return {sum_to(dy, a.shape()), b.wants_grad() ? -sum_to(dy, b.shape()) : Tensor()};
  });
}

Tensor operator*(const Tensor& a, const Tensor& b) {
  Tensor y = combine("mul", a, b, [](real p, real q) { return p * q; });
  return record("mul", y, {a, b}, {b.wants_grad() ? a : Tensor(), a.wants_grad() ? b : Tensor()},
                [a, b](const Tensor& dy) -> Gradients {
                  return {a.wants_grad() ? sum_to(dy * b, a.shape()) : Tensor(),
                          b.wants_grad() ? sum_to(dy * a, b.shape()) : Tensor()};
                });
}

Tensor operator/(const Tensor& a, const Tensor& b) {
  Tensor y = combine("div", a, b, [](real p, real q) { return p / q; });
  return record("div", y, {a, b}, {b, b.wants_grad() ? y : Tensor()},
                [a, b, out = y.detach()](const Tensor& dy) -> Gradients {
                  const Tensor da = dy / b;
                  return {a.wants_grad() ? sum_to(da, a.shape()) : Tensor(),
                          b.wants_grad() ? -sum_to(da * out, b.shape()) : Tensor()};
                });
}

namespace {

// y = p where `first(p, q)`, else q. `share` is the part of dy that goes to a: 1, 0, or a half.
template <class First>
Tensor choose(const char* op, const Tensor& a, const Tensor& b, First first) {
  Tensor y = combine(op, a, b, [=](real p, real q) { return first(p, q) || p != p ? p : q; });
  return record(op, y, {a, b}, [=](const Tensor& dy) -> Gradients {
    const auto share = [=](const Tensor& p, const Tensor& q) {
      const Tensor part = combine(op, p, q, [=](real u, real v) {
        const real whole = first(u, v) || u != u ? real{1} : real{0};
        return u == v ? real{0.5} : whole;
      });
      return sum_to(dy * part, p.shape());
    };
    return {a.wants_grad() ? share(a, b) : Tensor(), b.wants_grad() ? share(b, a) : Tensor()};
  });
}

}  // namespace

Tensor maximum(const Tensor& a, const Tensor& b) {
  return choose("maximum", a, b, [](real p, real q) { return p > q; });
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  return choose("minimum", a, b, [](real p, real q) { return p < q; });
}

Tensor operator-(const Tensor& x) {
  Tensor y = combine("neg", x, Tensor::scalar(-1), [](real p, real q) { return p * q; });
  return record("neg", y, {x}, {}, [](const Tensor& dy) -> Gradients { return {-dy}; });
}

}  // namespace limbeck
