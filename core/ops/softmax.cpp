#include "core/ops/softmax.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/kernels/elementary.h"
#include "core/kernels/moments.h"
#include "core/ops/activation.h"
#include "core/ops/along.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"
#include "core/scratch.h"

namespace limbeck {
namespace {

// Σ f(j) for j < n, in several partial sums.
template <class F>
real sum_of(Index n, F f) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (Index j = 0; j < n; ++j) sum += f(j);
  return sum;
}

// Rows below which one thread does all: a row of ten classes takes about 100 ns.
Index row_grain(Index columns) {
  return 4096 / std::max<Index>(columns, 1) + 1;
}

// Runs row_function(y, a, b) over corresponding rows of three tensors of one shape.
template <class F>
void for_rows(Tensor& y, const Tensor& a, const Tensor& b, F row_function) {
  const Index columns = y.shape().last();
  real* py = y.data();
  const real* pa = a.data();
  const real* pb = b.data();
  parallel_for(y.shape().rows(), row_grain(columns), [=](Index begin, Index end) {
    for (Index at = begin * columns; at < end * columns; at += columns) {
      row_function(py + at, pa + at, pb + at);
    }
  });
}

void check_logits(const char* op, const Tensor& logits, double temperature) {
  check_temperature(op, temperature);
  if (logits.shape().rank() == 0 || logits.dim(-1) == 0) {
    fail(op, "at least one class is needed along the last dimension; got shape {}", logits.shape());
  }
}

// f along another dimension than the last, which thus becomes the last and goes back.
template <class F>
Tensor along_dim(const char* op, const Tensor& x, int dim, F f) {
  const detail::Along a = detail::along(op, x.shape(), dim);
  if (a.size == 0) fail(op, "dimension {} of {} has no elements", a.dim, x.shape());
  if (a.dim + 1 == x.shape().rank()) return f(x);
  const Tensor rows = permute(reshape(x, {a.outer, a.size, a.inner}), {0, 2, 1});
  return reshape(permute(f(rows), {0, 2, 1}), x.shape());
}

}  // namespace

void check_temperature(const char* op, double temperature) {
  if (!(temperature > 0) || !std::isfinite(temperature)) {
    fail(op, "the temperature must be a positive number; got {}", temperature);
  }
  using Limits = std::numeric_limits<real>;
  const auto t = static_cast<real>(temperature);
  if (!(t >= Limits::min()) || !(t <= Limits::max())) {
    fail(op, "the temperature must be from {:g} to {:g}, as the logits' type has it; got {}",
         Limits::min(), Limits::max(), temperature);
  }
}

template <class T>
T log_softmax_row(T* log_probs, T* probs, const T* logits, Index classes, T temperature) {
  const auto [largest, sum] = exp_of_row(probs, logits, classes, temperature);
  const T log_sum = std::log(sum);
  for (Index j = 0; j < classes; ++j) {
    log_probs[j] = (logits[j] - largest) / temperature - log_sum;
  }
  for (Index j = 0; j < classes; ++j) probs[j] /= sum;
  return largest / temperature + log_sum;
}

template float log_softmax_row(float*, float*, const float*, Index, float);
template double log_softmax_row(double*, double*, const double*, Index, double);

Tensor softmax(const Tensor& logits, double temperature) {
  check_logits("softmax", logits, temperature);
  const auto t = static_cast<real>(temperature);
  const Index columns = logits.dim(-1);
  Tensor y = Tensor::empty(logits.shape());
  for_rows(y, logits, logits, [=](real* p, const real* z, const real*) {
    const real sum = exp_of_row(p, z, columns, t).sum;
    for (Index j = 0; j < columns; ++j) p[j] /= sum;
  });
  Backward backward = [out = y.detach(), t, columns](const Tensor& dy) {
    Tensor dx = Tensor::empty(dy.shape());
    for_rows(dx, dy, out, [=](real* d, const real* g, const real* p) {
      const real dot = sum_of(columns, [=](Index j) { return g[j] * p[j]; });
      for (Index j = 0; j < columns; ++j) d[j] = p[j] * (g[j] - dot) / t;
    });
    return Gradients{dx};
  };
  return record("softmax", y, {logits}, {y}, {{"temperature", temperature}}, std::move(backward));
}

Tensor softmax(const Tensor& logits, const SoftmaxOptions& options) {
  return along_dim("softmax", logits, options.dim,
                   [&](const Tensor& x) { return softmax(x, options.temperature); });
}

Tensor log_softmax(const Tensor& logits, double temperature) {
  check_logits("log_softmax", logits, temperature);
  const auto t = static_cast<real>(temperature);
  const Index columns = logits.dim(-1);
  Tensor y = Tensor::empty(logits.shape());
  parallel_for(logits.shape().rows(), row_grain(columns),
               [=, py = y.data(), px = logits.data()](Index begin, Index end) {
                 Scratch<real> probs(columns);
                 for (Index at = begin * columns; at < end * columns; at += columns) {
                   log_softmax_row(py + at, probs.data(), px + at, columns, t);
                 }
               });
  Backward backward = [out = y.detach(), t, columns](const Tensor& dy) {
    Tensor dx = Tensor::empty(dy.shape());
    for_rows(dx, dy, out, [=](real* d, const real* g, const real* log_p) {
      const real total = sum_of(columns, [=](Index j) { return g[j]; });
      exp_of(d, log_p, columns);
      for (Index j = 0; j < columns; ++j) d[j] = (g[j] - d[j] * total) / t;
    });
    return Gradients{dx};
  };
  return record("log_softmax", y, {logits}, {y}, {{"temperature", temperature}},
                std::move(backward));
}

Tensor log_softmax(const Tensor& logits, const SoftmaxOptions& options) {
  return along_dim("log_softmax", logits, options.dim,
                   [&](const Tensor& x) { return log_softmax(x, options.temperature); });
}

Tensor log_sum_exp(const Tensor& x, int dim, const ReduceOptions& options) {
  const detail::Along a = detail::along("log_sum_exp", x.shape(), dim);
  if (a.size == 0) fail("log_sum_exp", "dimension {} of {} has no elements", a.dim, x.shape());
  Tensor y = Tensor::empty(detail::reduced(x.shape(), dim, options));
  detail::for_lines(a, [&a, py = y.data(), px = x.data()](Index line, Index at, Index count) {
    // ∞ − ∞ would make NaN of an infinite one.
    const auto pivot = [](real largest) { return std::isfinite(largest) ? largest : real{0}; };
    if (a.inner == 1) {
      Scratch<real> e(a.size);
      const real largest = pivot(*std::max_element(px + at, px + at + a.size));
      for (Index d = 0; d < a.size; ++d) e.data()[d] = px[at + d] - largest;
      exp_of(e.data(), e.data(), a.size);
      py[line] = largest + static_cast<real>(std::log(detail::sum_of(e.data(), a.size)));
      return;
    }
    std::array<real, detail::lines_together> largest{}, e;
    std::array<double, detail::lines_together> sums{};
    std::copy_n(px + at, count, largest.begin());
    for (Index d = 1; d < a.size; ++d) {
      const real* const z = px + at + d * a.inner;
      for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
        largest[j] = z[j] > largest[j] ? z[j] : largest[j];
      }
    }
    for (real& z : largest) z = pivot(z);
    for (Index d = 0; d < a.size; ++d) {
      const real* const z = px + at + d * a.inner;
      for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) e[j] = z[j] - largest[j];
      exp_of(e.data(), e.data(), count);
      for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
        sums[j] += static_cast<double>(e[j]);
      }
    }
    for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
      py[line + static_cast<Index>(j)] = largest[j] + static_cast<real>(std::log(sums[j]));
    }
  });
  return record("log_sum_exp", y, {x}, {x, y}, {{"dim", a.dim}},
                [x, out = y.detach(), kept = x.shape().with_dim(dim, 1)](const Tensor& dy) {
                  return Gradients{dy.view(kept) * exp(x - out.view(kept))};
                });
}

}  // namespace limbeck
