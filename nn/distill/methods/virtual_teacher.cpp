#include "nn/distill/methods/virtual_teacher.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/ops/softmax.h"
#include "nn/distill/methods/rows.h"

namespace limbeck {

Tensor tf_kd_loss(const Tensor& z, std::span<const std::int32_t> class_ids,
                  const TfKdOptions& options, double done) {
  const char* const op = "tf_kd_loss";
  const double t = options.temperature(done), a = options.confidence;
  check_temperature(op, t);
  if (!(a > 0 && a <= 1)) {
    fail(op, "confidence, the virtual teacher's in the label, must be in (0, 1]; got {}", a);
  }
  detail::check_labelled(op, z, class_ids);
  // The teacher's logits: ln of its probabilities (of 0 it is −∞, which stays 0 at every T).
  const double wrong = std::log((1 - a) / static_cast<double>(z.dim(1) - 1)), right = std::log(a);
  return detail::mean_over_rows(op, z, [=](detail::LogitRow& row) {
    row.v.assign(row.z.size(), wrong);
    row.v[static_cast<std::size_t>(class_ids[row.n])] = right;
    row.soften(t);
    row.pull(t);
    return t * t * detail::kl(row.p, row.q);
  });
}

Term tf_kd(const TfKdOptions& options) {
  return {.name = "tf-kd",
          .value =
              [options](const TermStep& s) {
                return tf_kd_loss(s.student, s.batch.class_ids, options, s.done);
              },
          .description = fmt::format("tf-kd(T={}, confidence={})", options.temperature.str(),
                                     options.confidence),
          .uses_labels = true,
          .uses_teacher = false,
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
