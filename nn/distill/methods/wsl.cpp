#include "nn/distill/methods/wsl.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {

Tensor wsl_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                const WslOptions& options, double done) {
  const char* const op = "wsl_loss";
  const double t = options.temperature(done);
  check_temperature(op, t);
  detail::check_labelled(op, z, class_ids);
  return detail::mean_over_rows(op, z, v, [=](detail::LogitRow& row) {
    constexpr double epsilon = 1e-7;
    const auto label = static_cast<std::size_t>(class_ids[row.n]);
    row.soften(1);
    const double ratio = row.q.log_probs[label] / (row.p.log_probs[label] - epsilon);
    const double weight = -std::expm1(-ratio);  // 1 − exp(−CE_S / (CE_T + ε))
    row.soften(t);
    row.pull(t * weight);
    return t * t * weight * detail::cross_entropy(row.p, row.q);
  });
}

Term wsl(const WslOptions& options) {
  return {.name = "wsl",
          .value =
              [options](const TermStep& s) {
                return wsl_loss(s.student, s.teacher, s.batch.class_ids, options, s.done);
              },
          .description = fmt::format("wsl(T={})", options.temperature.str()),
          .uses_labels = true,
          .temperature = options.temperature,
          .promises = {.shift_invariant = true, .never_negative = true, .detaches = true}};
}

}  // namespace limbeck
