// wsl: weighted soft labels. The soft targets of kd (kd.h), but an image counts less where it is
// harder for the teacher than for the student, by their cross-entropies with the label at T = 1:
//
//   wsl = T² · mean of −w_n Σ_j p_nj ln q_nj      w_n = 1 − exp(−CE_S(n) / (CE_T(n) + 1e-7))
//   dz = T w (q − p) / N
//
// w is a constant in the gradient, though it is made from the student's own answer. z, v (N, C), N
// labels. Source: Zhou et al., "Rethinking Soft Labels for Knowledge Distillation: A Bias-Variance
// Tradeoff Perspective", ICLR 2021, section 4. Defaults: T = 4; beside labels at weight 1 the
// authors have 2.25 * wsl() for CIFAR-100 and 2.5 * wsl({.temperature = 2}) for ImageNet.
//
// When: a teacher that is wrong, or in doubt, about images that the student knows. One that is sure
// of all its training images has CE_T near 0 and w near 1 everywhere: then this is soft_ce.
//
// The value is a cross-entropy, weighted: it does not end at 0, and falls also because w does as
// the student learns. Watch kd beside it.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft.
struct WslOptions {
  Varying temperature = 4;  // T > 0
};

// z (N, C), v (N, C), N labels → (), at T where `done` of the training is over. Error: other
// shapes, a label outside [0, C), fewer than two classes, T out of range.
Tensor wsl_loss(const Tensor& z, const Tensor& v, std::span<const std::int32_t> class_ids,
                const WslOptions& options = {}, double done = 0);
// The same as a term.
Term wsl(const WslOptions& options = {});

}  // namespace limbeck
