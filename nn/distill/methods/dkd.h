// dkd: decoupled knowledge distillation. KL(p ‖ q) of the softened answers (kd.h) falls into two
// parts. With y the label, and p̂ and q̂ the answers among the other classes, so that each sums to 1
// there:
//
//   KL(p ‖ q) = TCKD + (1 − p_y) · NCKD
//   TCKD = p_y ln(p_y / q_y) + (1 − p_y) ln((1 − p_y) / (1 − q_y))     is it y, or not?
//   NCKD = KL(p̂ ‖ q̂)                                                  if not, what else?
//
// A teacher that is sure of y, p_y ≈ 1, so all but mutes what it knows about the others. Here the
// parts have weights of their own:
//
//   dkd = T² · mean of α · TCKD + β · NCKD
//   dz_y = T α (q_y − p_y) / N      dz_i = T (α (p_y − q_y) q̂_i + β (q̂_i − p̂_i)) / N elsewhere
//
// z, v (N, C), N labels. Source: Zhao et al., "Decoupled Knowledge Distillation", CVPR 2022,
// section 3. Defaults: T = 4, α = 1, β = 8 beside labels at weight 1, the authors' for CIFAR-100,
// where β is 2 to 8 by pair of networks; on ImageNet T = 1 and β = 0.5.
//
// β multiplies a part whose natural weight, 1 − p_y, is small, so 8 can be hundreds of times what
// kd gives it: hence the authors' warm-up over the first 20 of 240 epochs,
//   1 * labels() + warm_up(20.0 / 240) * dkd()
// It helps most where the teacher is sure of all its answers. With two classes NCKD is 0, as there
// is only one other. The label, not the teacher's favourite, is the target: where they differ TCKD
// asks for the label's probability as the teacher has it. An image without a label, or with a
// mixed one, has no target.
//
// Exact at any logits: 1 − p_y is the sigmoid of the others' ln Σ exp less the label's logit, never
// 1 minus something near 1.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft, and how much of each part.
struct DkdOptions {
  Varying temperature = 4;  // T > 0
  double alpha = 1;         // of TCKD, at least 0
  double beta = 8;          // of NCKD, at least 0
};

// z (N, C), v (N, C), N labels → (), at T where `done` of the training is over. Error: other
// shapes, a label outside [0, C), fewer than two classes, options out of range.
Tensor dkd_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                const DkdOptions& options = {}, double done = 0);
// The same as a term.
Term dkd(const DkdOptions& options = {});

}  // namespace limbeck
