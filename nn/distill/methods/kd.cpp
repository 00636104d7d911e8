#include "nn/distill/methods/kd.h"

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {
namespace {

// T² times a divergence of q from p whose gradient is that of KL(p ‖ q).
template <class Divergence>
Tensor from_soft_targets(const char* op, const Tensor& z, const Tensor& v, double t,
                         Divergence divergence) {
  check_temperature(op, t);
  return detail::mean_over_rows(op, z, v, [t, divergence](detail::LogitRow& row) {
    row.soften(t);
    row.pull(t);
    return t * t * divergence(row.p, row.q);
  });
}

}  // namespace

Tensor kd_loss(const Tensor& z, const Tensor& v, const KdOptions& options, double done) {
  return from_soft_targets("kd_loss", z, v, options.temperature(done), detail::kl);
}

Term kd(const KdOptions& options) {
  return {
      .name = "kd",
      .value =
          [options](const TermStep& s) { return kd_loss(s.student, s.teacher, options, s.done); },
      .description = fmt::format("kd(T={})", options.temperature.str()),
      .temperature = options.temperature,
      .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

Tensor soft_ce_loss(const Tensor& z, const Tensor& v, const KdOptions& options, double done) {
  return from_soft_targets("soft_ce_loss", z, v, options.temperature(done), detail::cross_entropy);
}

Term soft_ce(const KdOptions& options) {
  return {.name = "soft-ce",
          .value =
              [options](const TermStep& s) {
                return soft_ce_loss(s.student, s.teacher, options, s.done);
              },
          .description = fmt::format("soft-ce(T={})", options.temperature.str()),
          .temperature = options.temperature,
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
