#include "nn/distill/methods/case_temperature.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {
namespace {

// The cosine of two rows, 0 where one has no direction.
double cosine(std::span<const double> a, std::span<const double> b) {
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t j = 0; j < a.size(); ++j)
    aa += a[j] * a[j], bb += b[j] * b[j], ab += a[j] * b[j];
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa * bb);
}

// w before it is raised to γ.
double weight_of(detail::LogitRow& row, CaseRule rule) {
  if (rule == CaseRule::agreement) return std::max(1 - cosine(row.z, row.v), 0.0);
  row.q.set(row.z, 1);
  return 1 / *std::ranges::max_element(row.q.probs);
}

}  // namespace

std::vector<double> case_temperatures(const Tensor& z, const Tensor& v,
                                      const CaseTemperatureOptions& options, double done) {
  const char* const op = "kd_by_case";
  const double t = options.temperature(done);
  check_temperature(op, t);
  check_temperature(op, options.least);
  detail::check_at_least_0(op, "gamma", options.gamma);
  if (!std::isfinite(options.beta)) fail(op, "beta must be finite; got {}", options.beta);
  std::vector<double> w(z.shape().rank() == 2 ? static_cast<std::size_t>(z.dim(0)) : 0);
  const NoGrad no_grad;
  detail::mean_over_rows(op, z, v, [&](detail::LogitRow& row) {
    return w[row.n] = std::pow(weight_of(row, options.rule), options.gamma);
  });
  double mean = 0;
  for (const double x : w) mean += x / static_cast<double>(w.size());
  // (max gives `least` for NaN: the loss, not T, is to show that a logit is none.)
  for (double& x : w) x = std::max(options.least, t + options.beta * (mean - x));
  return w;
}

Tensor kd_by_case_loss(const Tensor& z, const Tensor& v, std::span<const double> temperatures) {
  const char* const op = "kd_by_case_loss";
  detail::check_both(op, z, v);
  if (static_cast<Index>(temperatures.size()) != z.dim(0)) {
    fail(op, "{} temperatures for {} cases; logits {}", temperatures.size(), z.dim(0), z.shape());
  }
  for (const double t : temperatures) check_temperature(op, t);
  return detail::mean_over_rows(op, z, v, [temperatures](detail::LogitRow& row) {
    const double t = temperatures[row.n];
    row.soften(t);
    row.pull(t);
    return t * t * detail::kl(row.p, row.q);
  });
}

Term kd_by_case(const CaseTemperatureOptions& options) {
  const char* const rule = options.rule == CaseRule::agreement ? "agreement" : "confidence";
  return {.name = "kd-by-case",
          .value =
              [options](const TermStep& s) {
                return kd_by_case_loss(s.student, s.teacher,
                                       case_temperatures(s.student, s.teacher, options, s.done));
              },
          .description =
              fmt::format("kd-by-case({}, T={}, beta={}, gamma={}, least={})", rule,
                          options.temperature.str(), options.beta, options.gamma, options.least),
          .temperature = options.temperature,
          .promises = {.shift_invariant = options.rule == CaseRule::confidence,
                       .never_negative = true,
                       .at_equal = 0,
                       .detaches = true}};
}

}  // namespace limbeck
