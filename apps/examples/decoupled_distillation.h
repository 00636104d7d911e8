// Decoupled knowledge distillation: a term of one's own, for a Distiller's objective.
//
// KL(p ‖ q) between the teacher's softened answer p and the student's q falls into two parts. With
// y the label, p̂ and q̂ the answers among the other classes only, so that each sums to 1 there:
//
//   KL(p ‖ q) = TCKD + (1 − p_y) · NCKD
//   TCKD = p_y ln(p_y / q_y) + (1 − p_y) ln((1 − p_y) / (1 − q_y))      is it y, or not?
//   NCKD = KL(p̂ ‖ q̂)                                                   if not, what else?
//
// A teacher that is sure of y, p_y ≈ 1, so all but mutes what it knows about the other classes.
// Here the second part has a weight of its own, β:
//
//   T² · (TCKD + β · NCKD) = T² · (KL(p ‖ q) + (β − (1 − p_y)) · NCKD)
//
// Zhao et al., "Decoupled Knowledge Distillation", CVPR 2022, section 3, with their α = 1. In one
// pass, with its gradient in closed form, it is dkd (nn/distill/methods/dkd.h).
#pragma once

#include "core/ops.h"
#include "nn/distill/term.h"
#include "nn/losses.h"

namespace limbeck {

// (N, C): 1 at each label, else 0.
inline Tensor one_hot(std::span<const std::int32_t> class_ids, Index classes) {
  Tensor y = Tensor::zeros({static_cast<Index>(class_ids.size()), classes});
  real* row = y.data();
  for (const std::int32_t label : class_ids) row[label] = 1, row += classes;
  return y;
}

// The sum over j of p_j (ln p_j − ln q_j) in each row, of logarithms: (N, C), (N, C) → (N, 1)
inline Tensor kl_rows(const Tensor& log_p, const Tensor& log_q) {
  return sum_last(exp(log_p) * (log_p - log_q));
}

// T² (TCKD + β NCKD), a mean over the batch: z (N, C), v (N, C), N labels → ().
inline Tensor decoupled_loss(const Tensor& z, const Tensor& v,
                             std::span<const std::int32_t> class_ids, double t, double beta) {
  const Tensor label = one_hot(class_ids, z.dim(1));       // (N, C)
  const Tensor out = label * static_cast<real>(1000 * t);  // e⁻¹⁰⁰⁰ = 0 takes y out
  const Tensor log_p = log_softmax(v, t), log_q = log_softmax(z, t);
  const Tensor nckd = kl_rows(log_softmax(v - out, t), log_softmax(z - out, t));  // (N, 1)
  const Tensor others = sum_last(exp(log_p) * (1 - label));  // 1 − p_y, (N, 1)
  return mean(kl_rows(log_p, log_q) + (beta - others) * nckd) * (t * t);
}

// That as a term: Distiller(teacher, student, 0.1 * labels() + 0.9 * decoupled(4, 2))
// Error: β below 0.
inline Term decoupled(Varying temperature, double beta) {
  if (!(beta >= 0)) fail("decoupled", "beta must be at least 0; got {}", beta);
  return {.name = "decoupled",
          .value =
              [=](const TermStep& s) {
                return decoupled_loss(s.student, s.teacher, s.batch.class_ids, temperature(s.done),
                                      beta);
              },
          .description = fmt::format("decoupled(T={}, beta={})", temperature.str(), beta),
          .uses_labels = true,
          .promises = {.shift_invariant = true, .never_negative = true, .at_equal = 0}};
}

}  // namespace limbeck
