#include "nn/distill/methods/divergences.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {

Tensor reverse_kd_loss(const Tensor& z, const Tensor& v, const ReverseKdOptions& options,
                       double done) {
  const char* const op = "reverse_kd_loss";
  const double t = options.temperature(done);
  check_temperature(op, t);
  return detail::mean_over_rows(op, z, v, [t](detail::LogitRow& row) {
    row.soften(t);
    const detail::Softened &p = row.p, &q = row.q;
    const double kl = detail::kl(q, p);
    for (std::size_t j = 0; j < row.dz.size(); ++j) {
      if (q.probs[j] != 0) row.dz[j] = t * q.probs[j] * (q.log_probs[j] - p.log_probs[j] - kl);
    }
    return t * t * kl;
  });
}

Term reverse_kd(const ReverseKdOptions& options) {
  return {.name = "reverse-kd",
          .value =
              [options](const TermStep& s) {
                return reverse_kd_loss(s.student, s.teacher, options, s.done);
              },
          .description = fmt::format("reverse-kd(T={})", options.temperature.str()),
          .temperature = options.temperature,
          .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

Tensor js_loss(const Tensor& z, const Tensor& v, const JsOptions& options, double done) {
  const char* const op = "js_loss";
  const double t = options.temperature(done), beta = options.beta;
  check_temperature(op, t);
  if (!(beta > 0 && beta < 1)) {
    fail(op, "beta, the teacher's share of the mixture, must be in (0, 1); got {}", beta);
  }
  return detail::mean_over_rows(op, z, v, [t, beta](detail::LogitRow& row) {
    row.soften(t);
    const detail::Softened &p = row.p, &q = row.q;
    // ln m, of the logarithms of its two parts.
    const auto log_mixture = [&](std::size_t j) {
      const double a = std::log(beta) + p.log_probs[j], b = std::log1p(-beta) + q.log_probs[j];
      return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
    };
    double from_p = 0, from_q = 0;  // KL(p ‖ m), KL(q ‖ m)
    for (std::size_t j = 0; j < row.dz.size(); ++j) {
      const double m = log_mixture(j);
      if (p.probs[j] != 0) from_p += p.probs[j] * (p.log_probs[j] - m);
      row.dz[j] = q.log_probs[j] - m;
      if (q.probs[j] != 0) from_q += q.probs[j] * row.dz[j];
    }
    for (std::size_t j = 0; j < row.dz.size(); ++j) {
      row.dz[j] = q.probs[j] == 0 ? 0 : t * (1 - beta) * q.probs[j] * (row.dz[j] - from_q);
    }
    return t * t * std::max(beta * from_p + (1 - beta) * from_q, 0.0);
  });
}

Term js(const JsOptions& options) {
  return {
      .name = "js",
      .value =
          [options](const TermStep& s) { return js_loss(s.student, s.teacher, options, s.done); },
      .description = fmt::format("js(T={}, beta={})", options.temperature.str(), options.beta),
      .temperature = options.temperature,
      .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

}  // namespace limbeck
