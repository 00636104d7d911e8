// nkd: normalised KD. The label and the other classes apart, as in dkd (dkd.h), but each as a
// cross-entropy. With p̂ and q̂ the answers among the other classes, so that each sums to 1 there:
//
//   nkd = mean of −p_y ln q_y − γ T² Σ_{i≠y} p̂_i ln q̂_i      p_y, q_y at T = 1; p̂, q̂ at T
//   dz_i = (p_y (q_i − [i = y]) + γ T (q̂_i − p̂_i) [i ≠ y]) / N
//
// z, v (N, C), N labels. Source: Yang et al., "From Knowledge Distillation to Self-Knowledge
// Distillation: A Unified Approach with Normalized Loss and Customized Soft Labels", ICCV 2023,
// section 3, where T is λ. Defaults: γ = 1.5, T = 1 beside labels at weight 1, the authors' for
// ImageNet; for CIFAR-100 γ 1.5 to 3.5 and T = 3.
//
// When: as dkd. The label's part weighs images by how sure the teacher is of their label: where it
// is wrong the label counts less, which dkd's does not do.
//
// Cross-entropies do not end at 0: where the student agrees the value is what is left of the
// teacher's entropy. With two classes the second part is 0.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft the other classes are, and how much they count.
struct NkdOptions {
  Varying temperature = 1;  // T > 0
  double gamma = 1.5;       // at least 0
};

// z (N, C), v (N, C), N labels → (), at T where `done` of the training is over. Error: other
// shapes, a label outside [0, C), fewer than two classes, options out of range.
Tensor nkd_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                const NkdOptions& options = {}, double done = 0);
// The same as a term.
Term nkd(const NkdOptions& options = {});

}  // namespace limbeck
