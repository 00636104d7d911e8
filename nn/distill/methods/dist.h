// dist: the student need not say what the teacher says, only something that goes along with it. r
// is Pearson's correlation of softened answers (kd.h), of each row, and of each column over the
// batch:
//
//   dist = β (1 − mean over n of r(q_n, p_n)) + γ (1 − mean over c of r(q_·c, p_·c))
//   r(a, b) = ã · b̃ / (‖ã‖ ‖b̃‖ + 1e-8)      ã = a − mean(a)
//
// The first part, between classes, asks how the student ranks the classes of one image, the second,
// within classes, how it ranks the images of one class. With D the denominator and s = ã · b̃,
//   dr/da = b̃ / D − (s / D²) (‖b̃‖ / ‖ã‖) ã
// and from there through the softmax to z.
//
// z, v (N, C); no labels. Source: Huang et al., "Knowledge Distillation from A Stronger Teacher",
// NeurIPS 2022, section 3. Defaults: T = 4 and β = γ = 1, the authors' code for CIFAR-100, which
// weighs the sum 2 beside labels at 1; the paper has β = γ = 2 and T = 1 for ImageNet. That code
// multiplies by T², the paper does not, and here T is not either: a correlation does not shrink
// with q − p, so at a high T this tends to the correlation of the logits, with a gradient that does
// not fall. 32 * dist() is that code's 2 * T² * dist().
//
// When: a teacher so much stronger that its very probabilities are out of the student's reach.
//
// The value depends on which images share the batch: small batches, a short last one and images
// sorted by class change it. r is 0, and so is its gradient, where one of the two does not vary: in
// a batch of one image, or rows that are constant. With two classes a row is all but rising or
// falling, so that β's part knows only the order. Where answers hardly vary the 1e-8 is seen: with
// z = v the value is about 1e-8 / ‖ã‖², not 0.
#pragma once

#include "nn/distill/term.h"

namespace limbeck {

// How soft, and how much of each part.
struct DistOptions {
  Varying temperature = 4;  // T > 0
  double beta = 1;          // between classes, at least 0
  double gamma = 1;         // within classes, at least 0
};

// z (N, C), v (N, C) → (), at T where `done` of the training is over. Error: other shapes, options
// out of range.
Tensor dist_loss(const Tensor& z, const Tensor& v, const DistOptions& options = {},
                 double done = 0);
// The same as a term.
Term dist(const DistOptions& options = {});

}  // namespace limbeck
