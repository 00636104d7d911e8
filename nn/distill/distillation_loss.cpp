#include "nn/distill/distillation_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

// y = ln softmax(z / t) of a row, in double: the differences of such logarithms that KL is made of
// are much smaller than they are, at a high T or where the student is near.
void log_softmax_exactly(std::vector<double>& y, const real* z, double t) {
  for (std::size_t j = 0; j < y.size(); ++j) y[j] = static_cast<double>(z[j]) / t;
  const double largest = *std::ranges::max_element(y);
  double sum = 0;
  for (const double v : y) sum += std::exp(v - largest);
  const double log_sum = largest + std::log(sum);
  for (double& v : y) v -= log_sum;
}

// Labels that count must be there; at α = 0 they do not.
void check_labels(const char* op, const Tensor& logits, std::span<const std::int32_t> class_ids,
                  const DistillationOptions& options) {
  if (std::ranges::find(class_ids, -1) == class_ids.end()) {
    check_class_ids(op, logits, class_ids);
    return;
  }
  if (options.alpha > 0) {
    fail(op, "an image has no label, and labels weigh {}; images without need alpha = 0",
         options.alpha);
  }
  std::vector<std::int32_t> known(class_ids.begin(), class_ids.end());
  std::ranges::replace(known, -1, 0);
  check_class_ids(op, logits, known);
}

}  // namespace

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
  check_labels(op, student_logits, class_ids, options);

  const Index classes = student_logits.dim(1);
  const auto n = static_cast<double>(class_ids.size());
  const auto hard_weight = static_cast<real>(options.alpha / n);
  const auto soft_weight = static_cast<real>((1 - options.alpha) * options.temperature / n);
  const auto c = static_cast<std::size_t>(classes);
  std::vector<real> log_q1(c);               // ln softmax(z)
  std::vector<double> log_qt(c), log_pt(c);  // ln q_T, ln p_T
  Tensor dz = Tensor::empty(student_logits.shape());
  real* d = dz.data();
  const real* z = student_logits.data();
  const real* v = teacher_logits.data();
  double hard = 0, labelled = 0;
  double kl = 0;
  for (const std::int32_t label : class_ids) {
    log_softmax_row(log_q1.data(), z, classes, 1);
    log_softmax_exactly(log_qt, z, options.temperature);
    log_softmax_exactly(log_pt, v, options.temperature);
    if (label >= 0) {
      hard -= static_cast<double>(log_q1[static_cast<std::size_t>(label)]);
      labelled += 1;
    }
    double row_kl = 0;
    for (std::size_t j = 0; j < c; ++j) {
      const double p = std::exp(log_pt[j]), q = std::exp(log_qt[j]);
      if (p != 0) row_kl += p * (log_pt[j] - log_qt[j]);
      d[j] = hard_weight * std::exp(log_q1[j]) + soft_weight * static_cast<real>(q - p);
    }
    kl += std::max(row_kl, 0.0);  // it is at least 0; rounding can leave −1e-17
    if (label >= 0) d[label] -= hard_weight;
    d += classes, z += classes, v += classes;
  }
  hard /= labelled;  // NaN if there are none
  const double soft = options.temperature * options.temperature * kl / n;
  const double total =
      options.alpha == 0 ? soft : options.alpha * hard + (1 - options.alpha) * soft;
  return {.total = record(op, Tensor::scalar(static_cast<real>(total)), {student_logits},
                          [dz](const Tensor& dy) -> Gradients { return {dz * dy}; }),
          .hard = hard,
          .soft = soft};
}

}  // namespace limbeck
