#include "nn/distill/methods/labels.h"

#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/distill/methods/rows.h"
#include "nn/losses.h"

namespace limbeck {

Term labels(const LabelOptions& options) {
  const double smoothing = options.label_smoothing;
  return {.name = "labels",
          .value =
              [smoothing](const TermStep& s) {
                return cross_entropy(s.student, s.batch.class_ids, {.label_smoothing = smoothing});
              },
          .description = smoothing == 0 ? "labels" : fmt::format("labels(smoothing={})", smoothing),
          .uses_labels = true,
          .uses_teacher = false,
          .promises = {.shift_invariant = true, .never_negative = true}};
}

Tensor hard_kd_loss(const Tensor& z, const Tensor& v) {
  detail::check_both("hard_kd_loss", z, v);
  return cross_entropy(z, argmax_last(v));
}

Term hard_kd() {
  return {.name = "hard-kd",
          .value = [](const TermStep& s) { return hard_kd_loss(s.student, s.teacher); },
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace limbeck
