// Layer normalisation. (core/ops/batch_norm.cpp has the other.)
#include <cmath>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/moments.h"
#include "core/ops/normalize.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

using namespace detail;

// body(first, width) for blocks of the D columns. Sums over rows are a block's own affair: so they
// need no sum over threads, whose order would change with their number.
template <class Body>
void for_column_blocks(Index columns, Index rows, const Body& body) {
  parallel_for((columns + widest_block - 1) / widest_block,
               elementwise_grain / std::max<Index>(rows * widest_block, 1) + 1,
               [&](Index begin, Index end) {
                 for (Index b = begin; b < end; ++b) {
                   body(b * widest_block, std::min(widest_block, columns - b * widest_block));
                 }
               });
}

}  // namespace

void detail::check_vector(const char* op, const char* name, const Tensor& v, Index size,
                          const Shape& x) {
  if (v.shape() != Shape{size}) {
    fail(op, "{} must have shape ({}) for an input {}; got {}", name, size, x, v.shape());
  }
}

void detail::check_eps(const char* op, double eps) {
  if (!(eps >= 0)) fail(op, "eps must not be negative; got {}", eps);
}

Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps) {
  if (x.shape().rank() == 0 || x.dim(-1) == 0) {
    fail("layer_norm", "a last dimension of at least 1 is needed; got shape {}", x.shape());
  }
  const Index d = x.dim(-1), rows = x.shape().rows();
  const Index grain = elementwise_grain / d + 1;
  if (gamma.defined()) check_vector("layer_norm", "gamma", gamma, d, x.shape());
  if (beta.defined()) check_vector("layer_norm", "beta", beta, d, x.shape());
  check_eps("layer_norm", eps);
  const Tensor factor = gamma.defined() ? gamma.detach() : Tensor::full({d}, 1);
  const Tensor shift = beta.defined() ? beta.detach() : Tensor::zeros({d});
  Tensor y = Tensor::empty(x.shape());
  Tensor mean = Tensor::empty({rows}), inverse_std = Tensor::empty({rows});
  parallel_for(rows, grain, [&, g = factor.data(), b = shift.data()](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const real* px = x.data() + row * d;
      real* py = y.data() + row * d;
      const Sums sums = sums_of(0, d, [=](Index i) { return around(px[i], px[0]); });
      const Moments moments(sums, px[0], static_cast<double>(d));
      const auto mu = static_cast<real>(moments.mean);
      const auto inverse = static_cast<real>(1 / std::sqrt(moments.variance + eps));
#pragma omp simd
      for (Index i = 0; i < d; ++i) py[i] = (px[i] - mu) * inverse * g[i] + b[i];
      mean.data()[row] = mu;
      inverse_std.data()[row] = inverse;
    }
  });
  Backward backward = [=](const Tensor& dy) -> Gradients {
    Tensor dgamma, dbeta;
    if (gamma.wants_grad() || beta.wants_grad()) {
      dgamma = Tensor::empty({d}), dbeta = Tensor::empty({d});
      for_column_blocks(d, rows, [&](Index first, Index width) {
        Block<Sums> total{};
        for (Index row = 0; row < rows; ++row) {
          const real* px = x.data() + row * d + first;
          const real* pdy = dy.data() + row * d + first;
          const double mu = mean.data()[row], inverse = inverse_std.data()[row];
          for (Index j = 0; j < width; ++j) {
            total[j].a += pdy[j];
            total[j].b += pdy[j] * (px[j] - mu) * inverse;
          }
        }
        for (Index j = 0; j < width; ++j) {
          dbeta.data()[first + j] = static_cast<real>(total[j].a);
          dgamma.data()[first + j] = static_cast<real>(total[j].b);
        }
      });
    }
    if (!x.wants_grad()) return {Tensor(), dgamma, dbeta};
    Tensor dx = Tensor::empty(x.shape());
    parallel_for(rows, grain, [&, g = factor.data()](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const real* px = x.data() + row * d;
        const real* pdy = dy.data() + row * d;
        real* pdx = dx.data() + row * d;
        const real mu = mean.data()[row], inverse = inverse_std.data()[row];
        const Sums sums = sums_of(0, d, [=](Index i) {
          const double gradient = g[i] * pdy[i];
          return Sums{gradient, gradient * (px[i] - mu)};
        });
        const double n = static_cast<double>(d), inv = inverse;
        const auto level = static_cast<real>(sums.a / n);
        const auto slope = static_cast<real>(sums.b * inv * inv / n);
#pragma omp simd
        for (Index i = 0; i < d; ++i) {
          pdx[i] = inverse * (g[i] * pdy[i] - level - (px[i] - mu) * slope);
        }
      }
    });
    return {dx, dgamma, dbeta};
  };
  return record("layer_norm", y, {x, gamma, beta}, {x, gamma}, {{"eps", eps}}, std::move(backward));
}

}  // namespace limbeck
