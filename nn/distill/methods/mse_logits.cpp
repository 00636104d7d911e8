#include "nn/distill/methods/mse_logits.h"

#include "core/error.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {

Tensor mse_logits_loss(const Tensor& z, const Tensor& v, const MseLogitsOptions& options,
                       double done) {
  const double phi = options.teacher_scale(done);
  return detail::mean_over_rows("mse_logits_loss", z, v, [phi](detail::LogitRow& row) {
    const auto classes = static_cast<double>(row.z.size());
    double sum = 0;
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const double d = row.z[j] - phi * row.v[j];
      sum += d * d;
      row.dz[j] = 2 * d / classes;
    }
    return sum / classes;
  });
}

Term mse_logits(const MseLogitsOptions& options) {
  const Varying& phi = options.teacher_scale;
  const bool plain = phi.is_constant() && phi(0) == 1;
  Term term{.name = "mse",
            .value =
                [options](const TermStep& s) {
                  return mse_logits_loss(s.student, s.teacher, options, s.done);
                },
            .description = plain ? "mse" : fmt::format("mse(teacher_scale={})", phi.str()),
            .promises = {.never_negative = true}};
  if (plain) term.promises.at_equal = 0;
  return term;
}

}  // namespace limbeck
