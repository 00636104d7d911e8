#include "nn/distill/methods/nkd.h"

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {

Tensor nkd_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                const NkdOptions& options, double done) {
  const char* const op = "nkd_loss";
  const double t = options.temperature(done), gamma = options.gamma;
  check_temperature(op, t);
  detail::check_at_least_0(op, "gamma", gamma);
  detail::check_labelled(op, z, class_ids);
  return detail::mean_over_rows(op, z, v, [=](detail::LogitRow& row) {
    const auto label = static_cast<std::size_t>(class_ids[row.n]);
    row.soften(1);
    const double sure = row.p.probs[label], of_label = -sure * row.q.log_probs[label];
    for (std::size_t j = 0; j < row.dz.size(); ++j) row.dz[j] = sure * row.q.probs[j];
    row.dz[label] -= sure;
    row.q.set(row.z, t, label);
    row.p.set(row.v, t, label);
    row.pull(gamma * t);  // at the label both are 0
    return of_label + gamma * t * t * detail::cross_entropy(row.p, row.q);
  });
}

Term nkd(const NkdOptions& options) {
  return {
      .name = "nkd",
      .value =
          [options](const TermStep& s) {
            return nkd_loss(s.student, s.teacher, s.batch.class_ids, options, s.done);
          },
      .description = fmt::format("nkd(T={}, gamma={})", options.temperature.str(), options.gamma),
      .uses_labels = true,
      .temperature = options.temperature,
      .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
