#include "core/ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/activation.h"
#include "core/ops/along.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"

namespace limbeck {
namespace {

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

void log_softmax_row(real* log_probs, const real* logits, Index classes, real temperature) {
  const real largest = *std::max_element(logits, logits + classes);
  real sum = 0;
  for (Index j = 0; j < classes; ++j) {
    log_probs[j] = (logits[j] - largest) / temperature;
    sum += std::exp(log_probs[j]);
  }
  const real log_sum = std::log(sum);
  for (Index j = 0; j < classes; ++j) log_probs[j] -= log_sum;
}

Tensor softmax(const Tensor& logits, double temperature) {
  check_logits("softmax", logits, temperature);
  const auto t = static_cast<real>(temperature);
  const Index columns = logits.dim(-1);
  Tensor y = Tensor::empty(logits.shape());
  for_rows(y, logits, logits, [=](real* p, const real* z, const real*) {
    const real largest = *std::max_element(z, z + columns);
    real sum = 0;
    for (Index j = 0; j < columns; ++j) sum += p[j] = std::exp((z[j] - largest) / t);
    for (Index j = 0; j < columns; ++j) p[j] /= sum;
  });
  Backward backward = [out = y.detach(), t, columns](const Tensor& dy) {
    Tensor dx = Tensor::empty(dy.shape());
    for_rows(dx, dy, out, [=](real* d, const real* g, const real* p) {
      real dot = 0;
      for (Index j = 0; j < columns; ++j) dot += g[j] * p[j];
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
  for_rows(y, logits, logits,
           [=](real* log_p, const real* z, const real*) { log_softmax_row(log_p, z, columns, t); });
  Backward backward = [out = y.detach(), t, columns](const Tensor& dy) {
    Tensor dx = Tensor::empty(dy.shape());
    for_rows(dx, dy, out, [=](real* d, const real* g, const real* log_p) {
      real total = 0;
      for (Index j = 0; j < columns; ++j) total += g[j];
      for (Index j = 0; j < columns; ++j) d[j] = (g[j] - std::exp(log_p[j]) * total) / t;
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
    for (Index j = 0; j < count; ++j) {
      const real* const z = px + at + j;
      real largest = z[0];
      for (Index d = 1; d < a.size; ++d) largest = std::max(largest, z[d * a.inner]);
      if (!std::isfinite(largest)) largest = 0;  // ∞ − ∞ would make NaN of it
      double sum = 0;
      for (Index d = 0; d < a.size; ++d) {
        sum += static_cast<double>(std::exp(z[d * a.inner] - largest));
      }
      py[line + j] = largest + static_cast<real>(std::log(sum));
    }
  });
  return record("log_sum_exp", y, {x}, {x, y}, {{"dim", a.dim}},
                [x, out = y.detach(), kept = x.shape().with_dim(dim, 1)](const Tensor& dy) {
                  return Gradients{dy.view(kept) * exp(x - out.view(kept))};
                });
}

}  // namespace limbeck
