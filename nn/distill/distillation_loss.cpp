#include "nn/distill/distillation_loss.h"

#include <cmath>
#include <vector>

#include "core/arithmetic.h"
#include "core/autograd.h"
#include "core/error.h"
#include "core/softmax.h"
#include "nn/losses.h"

namespace limbeck {

void DistillationOptions::check(const char* op) const {
  check_temperature(op, temperature);
  if (!(alpha >= 0 && alpha <= 1)) {
    fail(op, "alpha, the weight of the hard labels, must be in [0, 1]; got {}", alpha);
  }
}

DistillationLoss distillation_loss(const Tensor& student_logits, const Tensor& teacher_logits,
                                   std::span<const std::int32_t> class_ids,
                                   const DistillationOptions& options) {
  const char* const op = "distillation_loss";
  options.check(op);
  check_logits(op, student_logits);
  if (student_logits.shape() != teacher_logits.shape()) {
    fail(op, "the student gives logits {} and the teacher {}; both need the same cases and classes",
         student_logits.shape(), teacher_logits.shape());
  }
  check_class_ids(op, student_logits, class_ids);

  const Index classes = student_logits.dim(1);
  const auto n = static_cast<double>(class_ids.size());
  const auto t = static_cast<real>(options.temperature);
  const auto hard_weight = static_cast<real>(options.alpha / n);
  const auto soft_weight = static_cast<real>((1 - options.alpha) * options.temperature / n);
  std::vector<real> row(static_cast<std::size_t>(3 * classes));
  real* const log_q1 = row.data();        // ln softmax(z)
  real* const log_qt = log_q1 + classes;  // ln q_T
  real* const log_pt = log_qt + classes;  // ln p_T
  Tensor dz = Tensor::empty(student_logits.shape());
  real* d = dz.data();
  const real* z = student_logits.data();
  const real* v = teacher_logits.data();
  double hard = 0;
  double kl = 0;
  for (const std::int32_t label : class_ids) {
    log_softmax_row(log_q1, z, classes, 1);
    log_softmax_row(log_qt, z, classes, t);
    log_softmax_row(log_pt, v, classes, t);
    hard -= static_cast<double>(log_q1[label]);
    for (Index j = 0; j < classes; ++j) {
      const real p = std::exp(log_pt[j]);
      if (p > 0) kl += static_cast<double>(p * (log_pt[j] - log_qt[j]));
      d[j] = hard_weight * std::exp(log_q1[j]) + soft_weight * (std::exp(log_qt[j]) - p);
    }
    d[label] -= hard_weight;
    d += classes, z += classes, v += classes;
  }
  hard /= n;
  const double soft = options.temperature * options.temperature * kl / n;
  const double total = options.alpha * hard + (1 - options.alpha) * soft;
  return {.total = record(op, Tensor::scalar(static_cast<real>(total)), {student_logits},
                          [dz](const Tensor& dy) -> Gradients { return {dz * dy}; }),
          .hard = hard,
          .soft = soft};
}

}  // namespace limbeck
