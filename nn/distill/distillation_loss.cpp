#include "nn/distill/distillation_loss.h"

#include <algorithm>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops/arithmetic.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"
#include "core/scratch.h"
#include "nn/losses.h"

namespace limbeck {
namespace {

// −ln softmax(z) at the label (0 without one), and KL(p_T ‖ q_T), of a row.
struct RowLoss {
  double hard = 0, kl = 0;
};

// Works rows out one after the other, in the same memory.
struct RowWork {
  Index classes;
  double temperature;
  real hard_weight, soft_weight;
  Scratch<real> log_q1{classes}, q1{classes};  // of softmax(z)
  // Of softmax(z / T) and softmax(v / T), in double: the differences of their logarithms that KL is
  // made of are much smaller than they are, at a high T or where the student is near.
  Scratch<double> log_q{classes}, q{classes}, log_p{classes}, p{classes};

  void soften(Scratch<double>& log_probs, Scratch<double>& probs, const real* x) const {
    std::copy_n(x, classes, log_probs.data());
    log_softmax_row(log_probs.data(), probs.data(), log_probs.data(), classes, temperature);
  }

  // Of logits z and v, and the loss's gradient d.
  RowLoss row(real* d, const real* z, const real* v, std::int32_t label) {
    log_softmax_row(log_q1.data(), q1.data(), z, classes, real{1});
    soften(log_q, q, z);
    soften(log_p, p, v);
    double kl = 0;
#pragma omp simd reduction(+ : kl)
    for (Index j = 0; j < classes; ++j) {
      const double pj = p.data()[j], qj = q.data()[j];
      const double part = pj * (log_p.data()[j] - log_q.data()[j]);
      kl += pj != 0 ? part : 0;
      d[j] = hard_weight * q1.data()[j] + soft_weight * static_cast<real>(qj - pj);
    }
    RowLoss loss{.kl = std::max(kl, 0.0)};  // it is at least 0; rounding can leave −1e-17
    if (label >= 0) {
      loss.hard = -static_cast<double>(log_q1.data()[label]);
      d[label] -= hard_weight;
    }
    return loss;
  }
};

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
  Tensor dz = Tensor::empty(student_logits.shape());
  std::vector<RowLoss> rows(class_ids.size());
  const auto work = [&, pd = dz.data(), z = student_logits.data(), v = teacher_logits.data()](
                        Index begin, Index end) {
    RowWork work_of{classes, options.temperature, hard_weight, soft_weight};
    for (Index i = begin, at = begin * classes; i < end; ++i, at += classes) {
      const auto row = static_cast<std::size_t>(i);
      rows[row] = work_of.row(pd + at, z + at, v + at, class_ids[row]);
    }
  };
  constexpr Index grain = 4096;  // classes, which take about 20 µs
  parallel_for(student_logits.dim(0), grain / classes + 1, work);
  double hard = 0, kl = 0;
  for (const RowLoss& row : rows) hard += row.hard, kl += row.kl;
  const auto labelled = static_cast<double>(
      std::ranges::count_if(class_ids, [](std::int32_t id) { return id >= 0; }));
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
