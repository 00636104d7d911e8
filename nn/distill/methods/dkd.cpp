#include "nn/distill/methods/dkd.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

// Whether it is the label or not, by `gap`, the label's logit less ln Σ exp of the others.
struct YesNo {
  double yes, log_yes, no, log_no;
  explicit YesNo(double gap)
      : yes(1 / (1 + std::exp(-gap))),
        log_yes(-detail::softplus(-gap)),
        no(1 / (1 + std::exp(gap))),
        log_no(-detail::softplus(gap)) {}
};

double kl(const YesNo& p, const YesNo& q) {
  return std::max(p.yes * (p.log_yes - q.log_yes) + p.no * (p.log_no - q.log_no), 0.0);
}

}  // namespace

Tensor dkd_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                const DkdOptions& options, double done) {
  const char* const op = "dkd_loss";
  const double t = options.temperature(done), alpha = options.alpha, beta = options.beta;
  check_temperature(op, t);
  detail::check_at_least_0(op, "alpha", alpha);
  detail::check_at_least_0(op, "beta", beta);
  detail::check_labelled(op, z, class_ids);
  return detail::mean_over_rows(op, z, v, [=](detail::LogitRow& row) {
    const auto label = static_cast<std::size_t>(class_ids[row.n]);
    const YesNo q(row.z[label] / t - row.q.set(row.z, t, label));  // leaves q̂ in row.q
    const YesNo p(row.v[label] / t - row.p.set(row.v, t, label));
    for (std::size_t j = 0; j < row.dz.size(); ++j) {
      const double other = row.q.probs[j];  // q̂_j, 0 at the label
      row.dz[j] = t * (alpha * (p.yes - q.yes) * other + beta * (other - row.p.probs[j]));
    }
    row.dz[label] = t * alpha * (q.yes - p.yes);
    return t * t * (alpha * kl(p, q) + beta * detail::kl(row.p, row.q));
  });
}

Term dkd(const DkdOptions& options) {
  return {.name = "dkd",
          .value =
              [options](const TermStep& s) {
                return dkd_loss(s.student, s.teacher, s.batch.class_ids, options, s.done);
              },
          .description = fmt::format("dkd(T={}, alpha={}, beta={})", options.temperature.str(),
                                     options.alpha, options.beta),
          .uses_labels = true,
          .temperature = options.temperature,
          .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

}  // namespace limbeck
