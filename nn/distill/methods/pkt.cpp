#include "nn/distill/methods/pkt.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/ops/arithmetic.h"
#include "core/ops/matmul.h"
#include "core/ops/shape_ops.h"

namespace limbeck {
namespace {

// P of features of length 1, and R, in double: two neighbourhoods that hardly differ have a
// divergence that is much smaller than their rounding in float.
struct Neighbours {
  explicit Neighbours(const Tensor& units) : n(units.dim(0)), p(n * n), sums(n) {
    const Tensor cosines = matmul(units, units, {.b = true});  // −1 to 1 but for rounding
    for (Index i = 0; i < n; ++i) {
      double* const row = p.data() + i * n;
      const real* const from = cosines.data() + i * n;
      for (Index j = 0; j < n; ++j) row[j] = std::max(static_cast<double>(from[j]) + 1, 0.0);
      const double sum = std::accumulate(row, row + n, 0.0);
      for (Index j = 0; j < n; ++j) row[j] /= sum;
      sums.data()[i] = sum;
    }
  }

  Index n;
  Scratch<double> p, sums;  // (N, N), (N)
};

}  // namespace

Tensor pkt_loss(const Tensor& student, const Tensor& teacher) {
  constexpr const char* op = "pkt_loss";
  constexpr double eps = 1e-7;
  detail::check_features(op, student, teacher);
  const detail::UnitRows unit(flatten(student.detach()));
  const Neighbours s(unit.rows()), t(detail::UnitRows(flatten(teacher.detach())).rows());
  const Index n = s.n;
  const double share = 1 / static_cast<double>(n * n);
  Tensor ds = Tensor::empty({n, n});
  double loss = 0;
  for (Index i = 0; i < n; ++i) {
    const double* const p = t.p.data() + i * n;
    const double* const q = s.p.data() + i * n;
    double mean = 0;  // −Σ_k g_ik P_ik
    for (Index j = 0; j < n; ++j) {
      loss += share * p[j] * std::log((p[j] + eps) / (q[j] + eps));
      mean += share * p[j] / (q[j] + eps) * q[j];
    }
    for (Index j = 0; j < n; ++j) {
      const double g = -share * p[j] / (q[j] + eps);
      ds.data()[i * n + j] = static_cast<real>((g + mean) / s.sums.data()[i]);
    }
  }
  return record(op, Tensor::scalar(static_cast<real>(loss)), {student}, {unit.rows()},
                [=, shape = student.shape()](const Tensor& dy) -> Gradients {
                  const Tensor du = matmul(detail::plus_transpose(ds * dy), unit.rows());
                  return {reshape(unit.gradient(du), shape)};
                });
}

Term pkt(const TapPaths& taps) {
  return detail::feature_term("pkt", taps, "", pkt_loss);
}

}  // namespace limbeck
