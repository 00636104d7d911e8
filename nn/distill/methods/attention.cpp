#include "nn/distill/methods/attention.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/matmul.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

// |x|^p, and what it grows by.
real power_of(real x, double p) {
  return p == 2 ? x * x : static_cast<real>(std::pow(std::abs(static_cast<double>(x)), p));
}
real power_slope(real x, double p) {
  if (p == 2) return 2 * x;
  const double slope = p * std::pow(std::abs(static_cast<double>(x)), p - 1);
  return static_cast<real>(x > 0 ? slope : x < 0 ? -slope : static_cast<double>(x));  // NaN stays
}

// One at `size` places of a line of `from`, as weights: (size, from).
Tensor averaging(Index size, Index from) {
  Tensor weights = Tensor::zeros({size, from});
  for (Index i = 0; i < size; ++i) {
    const Index begin = i * from / size, end = ((i + 1) * from + size - 1) / size;
    std::fill_n(weights.data() + i * from + begin, end - begin, 1 / static_cast<real>(end - begin));
  }
  return weights;
}

// The columns of planes (P, H, W) averaged to `size`, and these turned: (P, size, H).
Tensor average_columns(const Tensor& planes, Index size) {
  const Index p = planes.dim(0), h = planes.dim(1), w = planes.dim(2);
  const Tensor y = matmul(reshape(planes, {p * h, w}), averaging(size, w), {.b = true});
  return permute(reshape(y, {p, h, size}), {0, 2, 1});
}

void check_maps(const char* op, const Tensor& maps, const AttentionOptions& options) {
  if (maps.shape().rank() != 4 || maps.size() == 0) {
    fail(op, "feature maps (N, K, H, W) are needed, not empty; got {}: name a convolutional stage",
         maps.shape());
  }
  if (!(options.power >= 1 && std::isfinite(options.power))) {
    fail(op, "the power must be a number of at least 1; got {}", options.power);
  }
}

}  // namespace

Tensor adaptive_avg_pool2d(const Tensor& x, Index height, Index width) {
  if (x.shape().rank() != 4 || height < 1 || width < 1 || height > x.dim(2) || width > x.dim(3)) {
    fail("adaptive_avg_pool2d", "planes {} × {} cannot be averaged from {}", height, width,
         x.shape());
  }
  const Tensor planes = reshape(x, {x.dim(0) * x.dim(1), x.dim(2), x.dim(3)});
  const Tensor y = average_columns(average_columns(planes, width), height);  // rows are columns now
  return reshape(y, {x.dim(0), x.dim(1), height, width});
}

Tensor attention_map(const Tensor& maps, const AttentionOptions& options) {
  check_maps("attention_map", maps, options);
  const Index n = maps.dim(0), channels = maps.dim(1), positions = maps.dim(2) * maps.dim(3);
  const double p = options.power;
  const Index grain = elementwise_grain / (channels * positions) + 1;
  Tensor q = Tensor::zeros({n, positions});
  parallel_for(n, grain, [=, to = q.data(), from = maps.data()](Index begin, Index end) {
    for (Index i = begin * channels; i < end * channels; ++i) {  // a channel of an image
      real* const sums = to + i / channels * positions;
      for (Index j = 0; j < positions; ++j) sums[j] += power_of(from[i * positions + j], p);
    }
  });
  const detail::UnitRows unit(q);
  return record("attention_map", unit.rows().detach(), {maps}, {maps, unit.rows()}, {{"power", p}},
                [=](const Tensor& dy) -> Gradients {
                  const Tensor dq = unit.gradient(dy);  // (N, positions)
                  Tensor df = Tensor::empty(maps.shape());
                  parallel_for(n, grain, [&, to = df.data()](Index begin, Index end) {
                    for (Index i = begin * channels; i < end * channels; ++i) {
                      const real* const d = dq.data() + i / channels * positions;
                      const real* const f = maps.data() + i * positions;
                      for (Index j = 0; j < positions; ++j) {
                        to[i * positions + j] = d[j] * power_slope(f[j], p);
                      }
                    }
                  });
                  return {df};
                });
}

Tensor attention_loss(const Tensor& student, const Tensor& teacher,
                      const AttentionOptions& options) {
  constexpr const char* op = "attention_loss";
  detail::check_features(op, student, teacher);
  check_maps(op, student, options);
  check_maps(op, teacher, options);
  const Index h = std::min(student.dim(2), teacher.dim(2));
  const Index w = std::min(student.dim(3), teacher.dim(3));
  const auto map = [&](const Tensor& x) {
    const bool fits = x.dim(2) == h && x.dim(3) == w;
    return attention_map(fits ? x : adaptive_avg_pool2d(x, h, w), options);
  };
  return mse(map(student), map(teacher.detach()));
}

Term attention_transfer(const TapPaths& taps, const AttentionOptions& options) {
  return detail::feature_term("at", taps, fmt::format("p={:g}", options.power),
                              [options](const Tensor& student, const Tensor& teacher) {
                                return attention_loss(student, teacher, options);
                              });
}

}  // namespace limbeck
