#include "nn/distill/methods/labels.h"

#include <algorithm>

#include "core/error.h"
#include "core/ops/reduce.h"
#include "nn/distill/methods/rows.h"
#include "nn/losses.h"

namespace limbeck {

namespace {

// Of those that have one, over all N.
Tensor known_labels_loss(const Tensor& z, std::span<const std::int32_t> class_ids,
                         double smoothing) {
  constexpr const char* op = "labels";
  const bool fits = z.shape().rank() == 2 && static_cast<Index>(class_ids.size()) == z.dim(0) &&
                    std::ranges::all_of(class_ids, [&](auto c) { return c < z.dim(1); });
  if (!fits) fail(op, "a label of the classes, or −1, is needed for each row of {}", z.shape());
  return detail::mean_over_rows(op, z, [=](detail::LogitRow& row) {
    const std::int32_t label = class_ids[row.n];
    if (label < 0) return 0.0;
    row.q.set(row.z, 1);
    double value = 0;
    for (std::size_t j = 0; j < row.z.size(); ++j) {
      const bool is_label = j == static_cast<std::size_t>(label);
      const double t =
          smoothing / static_cast<double>(row.z.size()) + (is_label ? 1 - smoothing : 0);
      if (t != 0) value -= t * row.q.log_probs[j];
      row.dz[j] = row.q.probs[j] - t;
    }
    return value;
  });
}

Term known_labels(double smoothing) {
  return {.name = "labels",
          .value =
              [smoothing](const TermStep& s) {
                return known_labels_loss(s.student, s.batch.class_ids, smoothing);
              },
          .description = smoothing == 0
                             ? "labels(where known)"
                             : fmt::format("labels(smoothing={}, where known)", smoothing),
          .reads_labels = true,
          .uses_teacher = false,
          .promises = {.shift_invariant = true, .never_negative = true}};
}

}  // namespace

Term labels(const LabelOptions& options) {
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1)) {
    fail("labels", "label_smoothing must be in [0, 1]; got {}", smoothing);
  }
  if (options.where_known) return known_labels(smoothing);
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
